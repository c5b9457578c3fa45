"""Timestamps and dates as Python's, without loss or with an error."""

from cpython.datetime cimport date_new, datetime_new, get_utc, import_datetime

from safecodec.avro._refusals cimport lost

import_datetime()


cdef object instant(const Cursor *cursor, int64_t number, int64_t units, bint aware):
    cdef int64_t seconds = number // units
    cdef int64_t rest = number - seconds * units
    cdef int64_t days = seconds // 86400
    cdef int of_day = <int>(seconds - days * 86400)
    cdef Civil civil
    if units > 1000000:
        if rest % 1000:
            raise lost(
                cursor, f"{number} nanoseconds are no whole number of microseconds, which is what Python holds"
            )
        rest //= 1000
    else:
        rest *= 1000000 // units
    if not FIRST_DAY <= days <= LAST_DAY:
        raise lost(cursor, f"a timestamp of {seconds} seconds is out of Python's range")
    civil = civil_of(days)
    return datetime_new(
        civil.year, civil.month, civil.day, of_day // 3600, of_day // 60 % 60, of_day % 60, <int>rest,
        get_utc() if aware else None,
    )


cdef object day(const Cursor *cursor, int64_t days):
    cdef Civil civil
    if not FIRST_DAY <= days <= LAST_DAY:
        raise lost(cursor, f"a date of {days} days from 1970-01-01 is out of Python's range")
    civil = civil_of(days)
    return date_new(civil.year, civil.month, civil.day)
