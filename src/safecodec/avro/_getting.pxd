# Values out of containers that others may change meanwhile: each is owned from the moment that it is found. MISSING
# stands for what is not there.

from cpython.object cimport PyObject

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
    /* A dict or a list that no other thread changes. With a GIL that is the value itself, until Python code runs;
       without one it is a copy, which is made under the value's lock: the value as it was at one moment. */
    static inline PyObject *safecodec_settled_dict(PyObject *dict) {
    #ifdef Py_GIL_DISABLED
        return PyDict_Copy(dict);
    #else
        return Py_NewRef(dict);
    #endif
    }
    static inline PyObject *safecodec_settled_list(PyObject *list) {
    #ifdef Py_GIL_DISABLED
        return PyList_GetSlice(list, 0, PY_SSIZE_T_MAX);
    #else
        return Py_NewRef(list);
    #endif
    }
    /* An item of a settled list. */
    static inline PyObject *safecodec_item_of(PyObject *list, Py_ssize_t at, PyObject *missing) {
        return Py_NewRef(at < PyList_GET_SIZE(list) ? PyList_GET_ITEM(list, at) : missing);
    }
    """
    enum:
        READS_SLOTS "SAFECODEC_READS_SLOTS"
    object slot_of "safecodec_slot_of"(object source, Py_ssize_t offset, PyObject *missing)
    object key_of "safecodec_key_of"(object source, PyObject *key, PyObject *missing)
    object attribute_of "safecodec_attribute_of"(object source, PyObject *name, PyObject *missing)
    object settled_dict "safecodec_settled_dict"(object source)
    object settled_list "safecodec_settled_list"(object source)
    object item_of "safecodec_item_of"(object source, Py_ssize_t at, PyObject *missing)
