"""How a class's objects are laid out."""

from cpython.object cimport PyTypeObject

from safecodec.avro._getting cimport READS_SLOTS as _READS_SLOTS

cdef extern from *:
    """
    #include <structmember.h>
    /* The offset of a slot that holds an object, or -1 where the descriptor is none. */
    static inline Py_ssize_t safecodec_offset(PyObject *descriptor) {
        PyMemberDef *member;
        if (Py_TYPE(descriptor) != &PyMemberDescr_Type) return -1;
        member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : -1;
    }
    """
    Py_ssize_t offset_of "safecodec_offset"(object descriptor)
    bint PyType_IS_GC(PyTypeObject *cls)


READS_SLOTS = bool(_READS_SLOTS)
"""Whether a slot may be read past its descriptor: without a GIL its value may be gone before it is owned."""


def slot_offset(cls, str name not None):
    """Return where a slot lies in a class's objects, in bytes from their start.

    Args:
        cls: The class.
        name: The attribute.

    Returns:
        The offset, or None where the attribute is no slot: a property, a class's attribute, a key of ``__dict__``.
    """
    cdef Py_ssize_t offset
    for one in cls.__mro__:
        if name in vars(one):
            offset = offset_of(vars(one)[name])
            return None if offset < 0 else offset
    return None


def is_collected(cls not None):
    """Tell whether the garbage collector can look at a class's objects."""
    return PyType_IS_GC(<PyTypeObject *>cls)
