/* UTF-8 (Unicode 16.0, section 3.9) to the characters of a CPython text and back, without the GIL and without an object.
 * CPython's own decoder grows its result as it finds wider characters, and its encoder makes bytes that are copied. */
#ifndef SAFECODEC_UTF8_H
#define SAFECODEC_UTF8_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

/* How many characters bytes have that are UTF-8, and the highest character that a text of as wide ones may have, as
 * PyUnicode_New takes it. Eight bytes are counted as one word, whose top bit in each byte says what a shift brings there. */
static inline Py_ssize_t safecodec_utf8_count(const uint8_t *data, Py_ssize_t size, Py_UCS4 *most) {
    const uint64_t tops = 0x8080808080808080u;
    uint64_t any = 0, wide = 0, widest = 0, word, lead;
    Py_ssize_t length = size, at = 0;
    while (at < size) {
        if (size - at >= 8) {
            memcpy(&word, data + at, 8);
            at += 8;
        } else {
            word = data[at++];
        }
        any |= word;
        lead = word & word << 1; /* bytes from 0xC0 on begin a character, the others above 0x7F go on with it */
        wide |= lead & (word << 2 | word << 3 | word << 4 | word << 5); /* from 0xC4 on: it is beyond Latin-1 */
        widest |= lead & word << 2 & word << 3; /* from 0xF0 on: it is beyond 16 bits */
        length -= (Py_ssize_t)(((((word & ~(word << 1)) & tops) >> 7) * 0x0101010101010101u) >> 56);
    }
    *most = widest & tops ? 0x10FFFF : wide & tops ? 0xFFFF : any & tops ? 0xFF : 0x7F;
    return length;
}

/* Reads a character of three or four bytes behind its first byte, or returns 0: none has that number here. */
static inline uint32_t safecodec_utf8_wide(const uint8_t **place, const uint8_t *end, uint32_t first) {
    const uint8_t *at = *place;
    uint32_t found;
    if (first < 0xE0 || first > 0xF4 || end - at < 2 || (at[0] & 0xC0) != 0x80 || (at[1] & 0xC0) != 0x80) return 0;
    if (first < 0xF0) {
        found = (first & 0x0F) << 12 | (at[0] & 0x3F) << 6 | (at[1] & 0x3F);
        *place = at + 2;
        return found < 0x800 || (found & 0xF800) == 0xD800 ? 0 : found; /* overlong, or a surrogate */
    }
    if (end - at < 3 || (at[2] & 0xC0) != 0x80) return 0;
    found = (first & 0x07) << 18 | (at[0] & 0x3F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F);
    *place = at + 3;
    return found < 0x10000 || found > 0x10FFFF ? 0 : found;
}

/* One function for each width of CPython's characters. Reading returns 0 where the bytes are no UTF-8. Eight bytes of ASCII
 * are seen at once. */
#define SAFECODEC_UTF8_WIDTH(NAME, TYPE)                                                                           \
    static inline int safecodec_utf8_read_##NAME(const uint8_t *at, const uint8_t *end, TYPE *out) {                \
while (at < end) {                                                                                          \
            uint32_t first = *at;                                                                                   \
            uint64_t word;                                                                                          \
            int place;                                                                                              \
            if (first >= 0x80) {                                                                                    \
                at++;                                                                                               \
                if (first < 0xE0 && first >= 0xC2 && at < end && (*at & 0xC0) == 0x80) {                            \
                    *out++ = (TYPE)((first & 0x1F) << 6 | (*at++ & 0x3F));                                          \
                    continue;                                                                                       \
                }                                                                                                   \
                first = safecodec_utf8_wide(&at, end, first);                                                       \
                if (!first) return 0;                                                                               \
                *out++ = (TYPE)first;                                                                               \
                continue;                                                                                           \
            }                                                                                                       \
            if (end - at >= 8) {                                                                                    \
                memcpy(&word, at, 8);                                                                               \
                if (!(word & 0x8080808080808080u)) {                                                                \
                    for (place = 0; place < 8; place++) out[place] = at[place];                                     \
                    out += 8;                                                                                       \
                    at += 8;                                                                                        \
                    continue;                                                                                       \
                }                                                                                                   \
            }                                                                                                       \
            do *out++ = *at++; while (at < end && *at < 0x80);                                                      \
        }                                                                                                           \
        return 1;                                                                                                   \
    }                                                                                                               \
    static inline Py_ssize_t safecodec_utf8_size_##NAME(const TYPE *text, Py_ssize_t length) {                      \
        Py_ssize_t size = length, at;                                                                               \
        int surrogate = 0;                                                                                          \
        for (at = 0; at < length; at++) {                                                                           \
            uint32_t character = text[at];                                                                          \
            size += (character > 0x7F) + (character > 0x7FF) + (character > 0xFFFF);                                \
            surrogate |= (character & 0xFFFFF800u) == 0xD800;                                                       \
        }                                                                                                           \
        return surrogate ? -1 : size;                                                                               \
    }                                                                                                               \
    static inline void safecodec_utf8_write_##NAME(const TYPE *text, Py_ssize_t length, uint8_t *out) {             \
        Py_ssize_t at;                                                                                              \
        for (at = 0; at < length; at++) {                                                                           \
            uint32_t character = text[at];                                                                          \
            if (character < 0x80) {                                                                                 \
                *out++ = (uint8_t)character;                                                                        \
            } else if (character < 0x800) {                                                                         \
                *out++ = (uint8_t)(0xC0 | character >> 6);                                                          \
                *out++ = (uint8_t)(0x80 | (character & 0x3F));                                                      \
            } else if (character < 0x10000) {                                                                       \
                *out++ = (uint8_t)(0xE0 | character >> 12);                                                         \
                *out++ = (uint8_t)(0x80 | (character >> 6 & 0x3F));                                                 \
                *out++ = (uint8_t)(0x80 | (character & 0x3F));                                                      \
            } else {                                                                                                \
                *out++ = (uint8_t)(0xF0 | character >> 18);                                                         \
                *out++ = (uint8_t)(0x80 | (character >> 12 & 0x3F));                                                \
                *out++ = (uint8_t)(0x80 | (character >> 6 & 0x3F));                                                 \
                *out++ = (uint8_t)(0x80 | (character & 0x3F));                                                      \
            }                                                                                                       \
        }                                                                                                           \
    }

SAFECODEC_UTF8_WIDTH(1, Py_UCS1)
SAFECODEC_UTF8_WIDTH(2, Py_UCS2)
SAFECODEC_UTF8_WIDTH(4, Py_UCS4)

static inline int safecodec_utf8_read(const uint8_t *data, Py_ssize_t size, int kind, void *out) {
    if (kind == PyUnicode_1BYTE_KIND) return safecodec_utf8_read_1(data, data + size, (Py_UCS1 *)out);
    if (kind == PyUnicode_2BYTE_KIND) return safecodec_utf8_read_2(data, data + size, (Py_UCS2 *)out);
    return safecodec_utf8_read_4(data, data + size, (Py_UCS4 *)out);
}

/* Bytes of a text's UTF-8, or -1 where it has a surrogate, and so no UTF-8. */
static inline Py_ssize_t safecodec_utf8_size(int kind, const void *text, Py_ssize_t length) {
    if (kind == PyUnicode_1BYTE_KIND) return safecodec_utf8_size_1((const Py_UCS1 *)text, length);
    if (kind == PyUnicode_2BYTE_KIND) return safecodec_utf8_size_2((const Py_UCS2 *)text, length);
    return safecodec_utf8_size_4((const Py_UCS4 *)text, length);
}

static inline void safecodec_utf8_write(int kind, const void *text, Py_ssize_t length, uint8_t *out) {
    if (kind == PyUnicode_1BYTE_KIND) safecodec_utf8_write_1((const Py_UCS1 *)text, length, out);
    else if (kind == PyUnicode_2BYTE_KIND) safecodec_utf8_write_2((const Py_UCS2 *)text, length, out);
    else safecodec_utf8_write_4((const Py_UCS4 *)text, length, out);
}

#endif
