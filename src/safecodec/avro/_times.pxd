# Days and microseconds from 1970-01-01 as Python's dates and times, in the proleptic Gregorian calendar.

cimport cython
from libc.stdint cimport int64_t, uint32_t

from safecodec.avro._cursor cimport Cursor

cdef enum:
    FIRST_DAY = -719162   # 0001-01-01
    LAST_DAY = 2932896    # 9999-12-31

# A timestamp of so many units of a second, with a time zone or without; and a date.
cdef object instant(const Cursor *cursor, int64_t number, int64_t units, bint aware)
cdef object day(const Cursor *cursor, int64_t days)

cdef struct Civil:
    int year
    int month
    int day


# Years begin on 1 March, so that the leap day is the last of a year; eras have 400 of them (H. Hinnant, "chrono-
# Compatible Low-Level Date Algorithms", civil_from_days).
#
# For days that Python has, which are none before 0000-03-01: nothing is negative, and 32 bits are enough.
cdef inline Civil civil_of(int64_t days) noexcept nogil:
    cdef uint32_t since = <uint32_t>(days + 719468)  # from 0000-03-01
    cdef uint32_t era = since // 146097
    cdef uint32_t of_era = since - era * 146097
    cdef uint32_t year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef uint32_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef uint32_t month = (5 * of_year + 2) // 153
    cdef Civil found
    found.day = <int>(of_year - (153 * month + 2) // 5 + 1)
    found.month = <int>(month + 3 if month < 10 else month - 9)
    found.year = <int>(year + era * 400 + (found.month <= 2))
    return found


# A quotient that is rounded down, by a divisor above zero that the compiler knows.
@cython.cdivision(True)
cdef inline int64_t floored(int64_t number, int64_t divisor) noexcept nogil:
    cdef int64_t quotient = number / divisor
    return quotient - (number - quotient * divisor < 0)


# The days from 1970-01-01 to a date: the reverse.
cdef inline int64_t days_of(int year, int month, int day) noexcept nogil:
    cdef uint32_t shifted = <uint32_t>(year - (month <= 2))  # a year of Python's is 1 at least
    cdef uint32_t era = shifted // 400
    cdef uint32_t of_era = shifted - era * 400
    cdef uint32_t of_year = <uint32_t>((153 * <uint32_t>(month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1)
    return <int64_t>(era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year) - 719468
