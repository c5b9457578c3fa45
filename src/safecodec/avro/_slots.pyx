"""How a class's objects are laid out."""

from cpython.object cimport PyTypeObject

from safecodec.avro._getting cimport READS_SLOTS as _READS_SLOTS

cdef extern from *:
    """
    #include <structmember.h>
    static inline int safecodec_is_within(PyTypeObject *cls, Py_ssize_t offset) {
        return offset >= (Py_ssize_t)sizeof(PyObject) && offset % (Py_ssize_t)sizeof(PyObject *) == 0
            && offset <= cls->tp_basicsize - (Py_ssize_t)sizeof(PyObject *);
    }
    /* The offset of a slot that holds an object of a class's own objects, or -1 where the descriptor is none, or belongs to
       another class, whose objects may be longer. */
    static inline Py_ssize_t safecodec_offset(PyObject *descriptor, PyTypeObject *cls) {
        PyMemberDef *member;
        if (Py_TYPE(descriptor) != &PyMemberDescr_Type) return -1;
        if (!PyType_IsSubtype(cls, ((PyMemberDescrObject *)descriptor)->d_common.d_type)) return -1;
        member = ((PyMemberDescrObject *)descriptor)->d_member;
        if (member->type != T_OBJECT_EX || member->flags & READONLY) return -1;
        return safecodec_is_within(cls, member->offset) ? member->offset : -1;
    }
    /* With 16 bytes that the garbage collector adds, and 352 or less of a __dict__ with some fields. */
    static inline Py_ssize_t safecodec_size_of(PyTypeObject *cls, Py_ssize_t items) {
        return cls->tp_basicsize + cls->tp_itemsize * items + 16 + (cls->tp_dictoffset ? 352 : 0);
    }
    """
    bint _is_within "safecodec_is_within"(PyTypeObject *cls, Py_ssize_t offset)
    Py_ssize_t offset_of "safecodec_offset"(object descriptor, PyTypeObject *cls)
    Py_ssize_t size_of "safecodec_size_of"(PyTypeObject *cls, Py_ssize_t items)
    bint PyType_IS_GC(PyTypeObject *cls)

READS_SLOTS = bool(_READS_SLOTS)
"""Whether a slot may be read past its descriptor: without a GIL its value may be gone before it is owned."""


def slot_offset(cls, str name not None):
    """Return where a slot lies in a class's objects, in bytes from their start.

    Args:
        cls: The class.
        name: The attribute.

    Returns:
        The offset, or None where the attribute is no slot of the class or a class above it: a property, a class's
        attribute, a key of ``__dict__``, another class's slot.

    Raises:
        TypeError: The class is none.
    """
    cdef Py_ssize_t offset
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no class")
    for one in cls.__mro__:
        if name in vars(one):
            offset = offset_of(vars(one)[name], <PyTypeObject *>cls)
            return None if offset < 0 else offset
    return None


cdef bint is_within(cls, Py_ssize_t offset) except -1:
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no class")
    return _is_within(<PyTypeObject *>cls, offset)


cdef Py_ssize_t object_size(cls, Py_ssize_t items) except -1:
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no class")
    return size_of(<PyTypeObject *>cls, items)


def is_collected(cls):
    """Tell whether the garbage collector can look at a class's objects."""
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no class")
    return PyType_IS_GC(<PyTypeObject *>cls)
