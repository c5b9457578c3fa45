# Memory that stays as it was checked.

cdef extern from *:
    """
    /* Has a buffer that is held stay as it is. With a GIL nobody writes to it while a plan reads it. Without one another
       thread may write between a check and the use of what was checked, except to bytes: then a copy is held instead.
       Where there is no memory for it, nothing is held. */
    static int safecodec_settle(Py_buffer *view) {
    #ifdef Py_GIL_DISABLED
        if (view->obj == NULL || !PyBytes_CheckExact(view->obj)) {
            PyObject *copy = PyBytes_FromStringAndSize((const char *)view->buf, view->len);
            PyBuffer_Release(view);
            if (copy == NULL) return -1;
            int status = PyObject_GetBuffer(copy, view, PyBUF_SIMPLE);
            Py_DECREF(copy);
            return status;
        }
    #else
        (void)view;
    #endif
        return 0;
    }
    """
    int settle "safecodec_settle"(Py_buffer *view) except -1
