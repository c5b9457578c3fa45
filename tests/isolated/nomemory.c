/* Preloaded: fails chosen allocations of one thread, wherever they are made. Python needs PYTHONMALLOC=malloc, as its
   own allocator asks for memory only once for many objects. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static __thread long before, failing, failed;

/* From now on, `after` allocations of this thread succeed and the next `count` fail. */
void nomemory_arm(long after, long count) { before = after; failed = 0; failing = count; }

/* Ends it; returns how many allocations have failed. */
long nomemory_disarm(void) { failing = 0; return failed; }

static int fails(void) {
    if (failing == 0) return 0;
    if (before > 0) { before--; return 0; }
    failing--;
    failed++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
