# Values out of containers that others may change meanwhile: each is owned from the moment that it is found. MISSING
# stands for what is not there.

from libc.stdint cimport int64_t, uint8_t

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define SAFECODEC_READS_SLOTS 0
    #else
    #define SAFECODEC_READS_SLOTS 1
    #endif
    /* An object's slot; only under the GIL is it sure to stay until it is owned. */
    static inline PyObject *safecodec_slot_of(PyObject *object, Py_ssize_t offset, PyObject *missing) {
        PyObject *value = *(PyObject **)((char *)object + offset);
        return Py_NewRef(value == NULL ? missing : value);
    }
    static inline PyObject *safecodec_key_of(PyObject *dict, PyObject *key, PyObject *missing) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *value;
        int found = PyDict_GetItemRef(dict, key, &value);
        return found < 0 ? NULL : found ? value : Py_NewRef(missing);
    #else
        PyObject *value = PyDict_GetItemWithError(dict, key);
        if (value == NULL && PyErr_Occurred()) return NULL;
        return Py_NewRef(value == NULL ? missing : value);
    #endif
    }
    static inline PyObject *safecodec_attribute_of(PyObject *object, PyObject *name, PyObject *missing) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *value;
        int found = PyObject_GetOptionalAttr(object, name, &value);
        return found < 0 ? NULL : found ? value : Py_NewRef(missing);
    #else
        PyObject *value = PyObject_GetAttr(object, name);
        if (value != NULL) return value;
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
        PyErr_Clear();
        return Py_NewRef(missing);
    #endif
    }
    /* A dict that nobody else changes. */
    static inline PyObject *safecodec_settled(PyObject *dict) {
    #ifdef Py_GIL_DISABLED
        return PyDict_Copy(dict);
    #else
        return Py_NewRef(dict);
    #endif
    }
    static inline PyObject *safecodec_item_of(PyObject *list, Py_ssize_t at, PyObject *missing) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *value = PyList_GetItemRef(list, at);
        if (value == NULL) {
            PyErr_Clear();
            return Py_NewRef(missing);
        }
        return value;
    #else
        return Py_NewRef(at < PyList_GET_SIZE(list) ? PyList_GET_ITEM(list, at) : missing);
    #endif
    }
    """
    enum:
        READS_SLOTS "SAFECODEC_READS_SLOTS"
    object slot_of "safecodec_slot_of"(object source, Py_ssize_t offset, object missing)
    object key_of "safecodec_key_of"(object source, object key, object missing)
    object attribute_of "safecodec_attribute_of"(object source, object name, object missing)
    object settled "safecodec_settled"(object source)
    object item_of "safecodec_item_of"(object source, Py_ssize_t at, object missing)
