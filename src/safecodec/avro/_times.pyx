"""Timestamps and dates as Python's, without loss or with an error."""

from cpython.datetime cimport date_new, datetime_new, get_utc, import_datetime

from libc.stdint cimport uint32_t

from safecodec.avro._refusals cimport lost

import_datetime()


# The units are constants where they divide, which a compiler makes multiplications of.
cdef object instant(const Cursor *cursor, int64_t number, int64_t units, bint aware):
    cdef int64_t seconds
    cdef int64_t days
    cdef uint32_t micros, of_day
    cdef Civil civil
    if units == 1000000:
        seconds = floored(number, 1000000)
        micros = <uint32_t>(number - seconds * 1000000)
    elif units == 1000:
        seconds = floored(number, 1000)
        micros = <uint32_t>(number - seconds * 1000) * 1000
    else:
        seconds = floored(number, 1000000000)
        micros = <uint32_t>(number - seconds * 1000000000)
        if micros % 1000:
            raise lost(
                cursor, f"{number} nanoseconds are no whole number of microseconds, which is what Python holds"
            )
        micros //= 1000
    days = floored(seconds, 86400)
    of_day = <uint32_t>(seconds - days * 86400)
    if not FIRST_DAY <= days <= LAST_DAY:
        raise lost(cursor, f"a timestamp of {seconds} seconds is out of Python's range")
    civil = civil_of(days)
    return datetime_new(
        civil.year, civil.month, civil.day, <int>(of_day // 3600), <int>(of_day // 60 % 60), <int>(of_day % 60),
        <int>micros, get_utc() if aware else None,
    )


cdef object day(const Cursor *cursor, int64_t days):
    cdef Civil civil
    if not FIRST_DAY <= days <= LAST_DAY:
        raise lost(cursor, f"a date of {days} days from 1970-01-01 is out of Python's range")
    civil = civil_of(days)
    return date_new(civil.year, civil.month, civil.day)
