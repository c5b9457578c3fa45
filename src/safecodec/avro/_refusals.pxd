from safecodec.avro._cursor cimport Cursor

# The error for the fault that a cursor has noted.
cdef object refusal(const Cursor *cursor)
# The error for a number that has no Python value.
cdef object lost(const Cursor *cursor, str reason)
# The error for what a type's own code, or a library's, did with what was read.
cdef object unfinished(const Cursor *cursor, error)
