from safecodec.avro._cursor cimport Cursor
from safecodec.avro._plan cimport Step

# Moves over a value, or notes its fault and answers False. It touches no Python object.
cdef bint skip(const Step *step, Cursor *cursor) except -1 nogil
