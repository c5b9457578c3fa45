# Where an encoder is: in its output, and in the value.

from safecodec.avro._breathing cimport Breath
from safecodec.avro._buffer cimport Buffer
from safecodec.avro._cursor cimport MAX_DEPTH
from safecodec.avro._writing cimport Put

# One record, array or map that the encoder is in, and which of its parts; a map's is its key, which the loop that is at
# it owns.
cdef struct Spot:
    const Put *step
    Py_ssize_t part
    void *key

cdef struct Sink:
    Buffer *out
    Breath breath
    Py_ssize_t empty_items  # how many may still come
    int depth
    int deepest
    Spot[MAX_DEPTH] spots

cdef str path_of(const Sink *sink)
# The error for a value that cannot be written.
cdef object refusal(const Sink *sink, str reason)
# The error for a buffer that does not grow: the payload crosses its limit, or there is no memory.
cdef object no_room(const Sink *sink)
# The error for a value of another type than the step's.
cdef object wrong(const Sink *sink, const Put *step, object value)
# The error for what a type's own code, or a library's, did with a value.
cdef object unconverted(const Sink *sink, error)
# Writes what the fast ways do not take: subclasses, buffers, text beyond ASCII, numbers to be converted.
cdef int put_odd(const Put *step, object value, Sink *sink) except -1
