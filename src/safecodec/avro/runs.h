/* The encodings of a set's items, which lie one behind the other, put into the order of their bytes. */
#ifndef SAFECODEC_RUNS_H
#define SAFECODEC_RUNS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t key; /* the first eight bytes, which order most of them without a look at the rest */
    const uint8_t *data;
    size_t size;
} safecodec_run;

static int safecodec_compare_runs(const void *one, const void *other) {
    const safecodec_run *a = (const safecodec_run *)one, *b = (const safecodec_run *)other;
    size_t least = a->size < b->size ? a->size : b->size;
    int found;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    found = least ? memcmp(a->data, b->data, least) : 0;
    return found ? found : (a->size > b->size) - (a->size < b->size);
}

/* Sorts runs, of which run i ends where ends[i] says, from the start on. Returns 0 where there is no memory. */
static inline int safecodec_sort_runs(uint8_t *start, const size_t *ends, size_t count) {
    size_t at, place, begin = 0, total = count ? ends[count - 1] : 0;
    int sorted = 1;
    safecodec_run *runs;
    uint8_t *copy;
    if (count < 2) return 1;
    runs = (safecodec_run *)malloc(count * sizeof *runs + total);
    if (runs == NULL) return 0;
    copy = (uint8_t *)(runs + count);
    memcpy(copy, start, total);
    for (at = 0; at < count; at++) {
        safecodec_run *run = &runs[at];
        run->data = copy + begin;
        run->size = ends[at] - begin;
        run->key = 0;
        for (place = 0; place < 8; place++) run->key = run->key << 8 | (place < run->size ? run->data[place] : 0);
        if (at && safecodec_compare_runs(run - 1, run) > 0) sorted = 0;
        begin = ends[at];
    }
    if (!sorted) {
        qsort(runs, count, sizeof *runs, safecodec_compare_runs);
        for (at = 0; at < count; at++) {
            memcpy(start, runs[at].data, runs[at].size);
            start += runs[at].size;
        }
    }
    free(runs);
    return 1;
}

#endif
