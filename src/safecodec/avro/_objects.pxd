# CPython's objects as the engine makes them: pointers that are owned by who holds them, and puts that take theirs over,
# whether or not they succeed.

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from safecodec.avro._cursor cimport copy_short

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define SAFECODEC_SHARED_KEYS 0
    #define SAFECODEC_PUBLISH(place, value) _Py_atomic_store_ptr_release((place), (value))
    #else
    #define SAFECODEC_SHARED_KEYS 1
    #define SAFECODEC_PUBLISH(place, value) (*(place) = (value))
    #endif
    /* Room for a number of items and none in it yet: at no time does the list hold a place that is empty. Items are put in
       without the list's lock, so without a GIL the garbage collector does not know the list before it is complete: else
       another thread could find the list and change it meanwhile. */
    static inline PyObject *safecodec_new_list(Py_ssize_t capacity) {
        PyObject *list = PyList_New(capacity);
        if (list == NULL) return NULL;
        Py_SET_SIZE((PyVarObject *)list, 0);
    #ifdef Py_GIL_DISABLED
        PyObject_GC_UnTrack(list);
    #endif
        return list;
    }
    #ifdef Py_GIL_DISABLED
    #define safecodec_show_list(list) PyObject_GC_Track(list)
    #else
    #define safecodec_show_list(list) (void)(list)
    #endif
    static inline int safecodec_list_put(PyObject *list, PyObject *value) {
        Py_ssize_t size = Py_SIZE(list);
        if (size < ((PyListObject *)list)->allocated) {
            SAFECODEC_PUBLISH(&((PyListObject *)list)->ob_item[size], value);
            Py_SET_SIZE((PyVarObject *)list, size + 1);
            return 0;
        }
        int status = PyList_Append(list, value);
        Py_DECREF(value);
        return status;
    }
    /* A template's copy has the keys in place already. But copying locks it, and without a GIL those who share it would
       wait for each other. */
    static inline PyObject *safecodec_new_dict(PyObject *template) {
    #ifndef Py_GIL_DISABLED
        if (template != NULL) return PyDict_Copy(template);
    #endif
        return PyDict_New();
    }
    static inline int safecodec_dict_put(PyObject *dict, PyObject *key, PyObject *value) {
        int status = PyDict_SetItem(dict, key, value);
        Py_DECREF(value);
        return status;
    }
    /* A field of a copy of a template, whose keys all are in place: its value goes where the key is, without a search. CPython
       3.11 to 3.14 keep the entries of a dict with texts for keys behind its table of indices, in the order of the keys. Code
       that found the dict through the garbage collector may have changed it since, so each entry is looked at; and what the
       structure is was tried when the module was imported. */
    #if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030F0000 && !defined(Py_DEBUG) && !defined(Py_GIL_DISABLED) \\
        && !defined(SAFECODEC_PORTABLE)
    #define SAFECODEC_KNOWS_DICTS 1
    struct safecodec_keys {
        Py_ssize_t references;
        uint8_t log2_size, log2_index_bytes, kind;
        uint32_t version;
        Py_ssize_t usable, entries;
        char indices[];
    };
    struct safecodec_entry {
        PyObject *key, *value;
    };
    static int safecodec_knows_dicts = 0;
    static inline struct safecodec_entry *safecodec_entry_of(PyObject *dict, Py_ssize_t at, PyObject *key) {
        struct safecodec_keys *keys = (struct safecodec_keys *)((PyDictObject *)dict)->ma_keys;
        struct safecodec_entry *entry;
        if (((PyDictObject *)dict)->ma_values != NULL || keys->kind != 1 || at >= keys->entries) return NULL;
        entry = (struct safecodec_entry *)(keys->indices + ((size_t)1 << keys->log2_index_bytes)) + at;
        return entry->key == key && entry->value != NULL ? entry : NULL;
    }
    static inline int safecodec_learn_dicts(PyObject *template) {
        PyObject *key, *value;
        Py_ssize_t place = 0, at = 0;
        int known = 1;
        PyObject *copy = PyDict_Copy(template);
        if (copy == NULL) return -1;
        while (known && PyDict_Next(copy, &place, &key, &value)) {
            struct safecodec_entry *entry = safecodec_entry_of(copy, at++, key);
            known = entry != NULL && entry->value == value;
        }
        safecodec_knows_dicts = known;
        Py_DECREF(copy);
        return 0;
    }
    #else
    #define SAFECODEC_KNOWS_DICTS 0
    #define safecodec_learn_dicts(template) ((void)(template), 0)
    #endif
    static inline int safecodec_dict_fill(PyObject *dict, Py_ssize_t at, PyObject *key, PyObject *value) {
    #if SAFECODEC_KNOWS_DICTS
        struct safecodec_entry *entry = safecodec_knows_dicts ? safecodec_entry_of(dict, at, key) : NULL;
        if (entry != NULL) {
            PyObject *old = entry->value;
            entry->value = value;
            if (PyObject_IS_GC(value) && !PyObject_GC_IsTracked(dict)) PyObject_GC_Track(dict);
            Py_DECREF(old);
            return 0;
        }
    #endif
        return safecodec_dict_put(dict, key, value);
    }
    /* A dict with room for so many keys, but not for more than a few hundred: they are only announced. */
    static inline PyObject *safecodec_new_map(Py_ssize_t size) {
    #if PY_VERSION_HEX < 0x030D0000
        if (size > 5) return _PyDict_NewPresized(size < 512 ? size : 512);
    #endif
        return PyDict_New();
    }
    static inline int safecodec_set_attribute(PyObject *object, PyObject *name, PyObject *value) {
        int status = PyObject_GenericSetAttr(object, name, value);
        Py_DECREF(value);
        return status;
    }
    /* A text of ASCII whose characters are still to come. PyUnicode_New finds out anew for each what all of them have in
       common: here it is a copy of another's. What is known is known of some versions; a debug build counts objects, and
       without a GIL an object knows its thread. */
    #if PY_VERSION_HEX < 0x030F0000 && !defined(Py_DEBUG) && !defined(Py_TRACE_REFS) && !defined(Py_GIL_DISABLED) \\
        && !defined(SAFECODEC_PORTABLE)
    static PyASCIIObject safecodec_ascii;
    static inline int safecodec_learn_ascii(void) {
        PyObject *text = PyUnicode_New(1, 127);
        if (text == NULL) return -1;
        memcpy(&safecodec_ascii, text, sizeof safecodec_ascii);
        Py_DECREF(text);
        return 0;
    }
    static inline PyObject *safecodec_new_ascii(Py_ssize_t size) {
        PyASCIIObject *text;
        if (size == 0) return PyUnicode_New(0, 127);
        text = (PyASCIIObject *)PyObject_Malloc(sizeof(PyASCIIObject) + (size_t)size + 1);
        if (text == NULL) return PyErr_NoMemory();
        *text = safecodec_ascii;
        text->length = size;
        ((char *)(text + 1))[size] = 0;
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject_Init((PyObject *)text, &PyUnicode_Type); /* tells those who follow objects */
    #endif
        return (PyObject *)text;
    }
    #else
    #define safecodec_learn_ascii() 0
    #define safecodec_new_ascii(size) PyUnicode_New((size), 127)
    #endif
    #define safecodec_ascii_data(text) ((uint8_t *)((PyASCIIObject *)(text) + 1))
    #define safecodec_new_object(type) ((PyTypeObject *)(type))->tp_alloc((PyTypeObject *)(type), 0)
    /* A tuple, or an object of a class of tuples, with all places empty. The garbage collector does not know it: nobody can
       find it through the collector and read a place that holds NULL. */
    static inline PyObject *safecodec_new_tuple(PyObject *cls, Py_ssize_t size) {
        PyTypeObject *type = (PyTypeObject *)cls;
        PyObject *made = type == NULL || type == &PyTuple_Type ? PyTuple_New(size) : type->tp_alloc(type, size);
        if (made != NULL && size) PyObject_GC_UnTrack(made); /* all tuples of no item are one, which is never tracked */
        return made;
    }
    /* Makes a full tuple known to the garbage collector. */
    static inline void safecodec_show_tuple(PyObject *made) {
        if (Py_SIZE((PyVarObject *)made)) PyObject_GC_Track(made);
    }
    /* The same, not shown to the garbage collector: of a class that shows it when its object comes to hold a container. */
    static inline PyObject *safecodec_new_leaf(PyObject *cls) {
        PyTypeObject *type = (PyTypeObject *)cls;
        PyObject *made = PyObject_GC_New(PyObject, type);
        if (made != NULL) memset((char *)made + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
        return made;
    }
    #define safecodec_set_slot(object, offset, value) (*(PyObject **)((char *)(object) + (offset)) = (value))
    #define safecodec_call_names(callable, arguments, names) \\
        PyObject_Vectorcall((callable), ((PyTupleObject *)(arguments))->ob_item, 0, (names))
    """
    enum:
        SHARED_KEYS "SAFECODEC_SHARED_KEYS"
    int learn_ascii "safecodec_learn_ascii"() except -1
    PyObject *allocate_ascii "safecodec_new_ascii"(Py_ssize_t size) except NULL
    uint8_t *ascii_data "safecodec_ascii_data"(PyObject *text)
    list new_list "safecodec_new_list"(Py_ssize_t capacity)
    void show_list "safecodec_show_list"(PyObject *items)
    dict new_dict "safecodec_new_dict"(PyObject *template)
    object new_object "safecodec_new_object"(PyObject *cls)
    object new_tuple "safecodec_new_tuple"(PyObject *cls, Py_ssize_t size)
    void show_tuple "safecodec_show_tuple"(PyObject *made)
    object new_leaf "safecodec_new_leaf"(PyObject *cls)
    int list_put "safecodec_list_put"(PyObject *items, PyObject *value) except -1
    int learn_dicts "safecodec_learn_dicts"(dict template) except -1
    int dict_fill "safecodec_dict_fill"(PyObject *values, Py_ssize_t at, PyObject *key, PyObject *value) except -1
    dict new_map "safecodec_new_map"(Py_ssize_t size)
    int dict_put "safecodec_dict_put"(PyObject *values, PyObject *key, PyObject *value) except -1
    int set_attribute "safecodec_set_attribute"(PyObject *made, PyObject *name, PyObject *value) except -1
    void set_slot "safecodec_set_slot"(PyObject *made, Py_ssize_t offset, PyObject *value)
    object call_names "safecodec_call_names"(PyObject *callable, PyObject *arguments, PyObject *names)

cdef extern from "Python.h":
    PyObject *PyLong_FromLongLong(long long) except NULL
    PyObject *PyFloat_FromDouble(double) except NULL
    PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t) except NULL
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *)
    void PyTuple_SET_ITEM(PyObject *, Py_ssize_t, PyObject *)
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t)
    object PyObject_CallOneArg(PyObject *, PyObject *)
    object PyObject_CallNoArgs(PyObject *)
    void Py_INCREF(PyObject *)
    void Py_XDECREF(PyObject *)
    void Py_DECREF(PyObject *)
    PyObject *Py_NewRef(PyObject *)
    PyObject *Py_None
    PyObject *Py_Ellipsis
    PyObject *Py_True
    PyObject *Py_False

cdef enum:
    KEYS = 256              # places of a plan's cache of map keys
    LONGEST_CACHED_KEY = 32


cdef inline PyObject *owned(object value) noexcept:
    Py_INCREF(<PyObject *>value)
    return <PyObject *>value


cdef inline PyObject *new_ascii(const uint8_t *data, Py_ssize_t size) except NULL:
    cdef PyObject *text = allocate_ascii(size)
    copy_short(ascii_data(text), data, size)
    return text


# A key's place in the cache, by its length and its two ends; others that share it only take turns there.
cdef inline size_t place_of(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t first = 0
    cdef uint64_t last = 0
    if size >= 8:
        memcpy(&first, data, 8)
        memcpy(&last, data + size - 8, 8)
    elif size >= 4:
        memcpy(&first, data, 4)
        memcpy(&last, data + size - 4, 4)
    elif size:
        first = data[0]
        last = data[size - 1]
    first = (first * <uint64_t>0x9E3779B97F4A7C15ULL) ^ last ^ (<uint64_t>size << 32)
    return <size_t>((first * <uint64_t>0x9E3779B97F4A7C15ULL) >> 56)


# The key that is cached for these ASCII bytes, made where there is none. A cache belongs to one plan and changes under
# the GIL only: without one there are no caches.
cdef inline PyObject *cached_key(void **keys, const uint8_t *data, Py_ssize_t size) except NULL:
    cdef void **place = &keys[place_of(data, size)]
    cdef PyObject *found = <PyObject *>place[0]
    if found is not NULL and PyUnicode_GET_LENGTH(found) == size and not memcmp(ascii_data(found), data, size):
        return Py_NewRef(found)
    found = new_ascii(data, size)
    Py_XDECREF(<PyObject *>place[0])
    place[0] = found
    return Py_NewRef(found)
