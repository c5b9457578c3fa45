# Offsets, flags and status codes of a frame: docs/reference/wire-format.md. Header-only.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* Little-endian whatever the host; a compiler makes one load or store of each. */
    static inline uint16_t safecodec_load_u16(const uint8_t *p) {
        return (uint16_t)(p[0] | (uint16_t)p[1] << 8);
    }
    static inline uint32_t safecodec_load_u32(const uint8_t *p) {
        return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    }
    static inline uint64_t safecodec_load_u64(const uint8_t *p) {
        return (uint64_t)safecodec_load_u32(p) | (uint64_t)safecodec_load_u32(p + 4) << 32;
    }
    /* GCC makes one load of the bytes above, but no one store of four: on a little-endian host it is told to. */
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(SAFECODEC_PORTABLE)
    static inline void safecodec_store_u16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
    static inline void safecodec_store_u32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
    static inline void safecodec_store_u64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
    #else
    static inline void safecodec_store_u16(uint8_t *p, uint16_t v) {
        p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8);
    }
    static inline void safecodec_store_u32(uint8_t *p, uint32_t v) {
        p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); p[2] = (uint8_t)(v >> 16); p[3] = (uint8_t)(v >> 24);
    }
    static inline void safecodec_store_u64(uint8_t *p, uint64_t v) {
        safecodec_store_u32(p, (uint32_t)v); safecodec_store_u32(p + 4, (uint32_t)(v >> 32));
    }
    #endif
    """
    uint16_t load_u16 "safecodec_load_u16"(const uint8_t *p) noexcept nogil
    uint32_t load_u32 "safecodec_load_u32"(const uint8_t *p) noexcept nogil
    uint64_t load_u64 "safecodec_load_u64"(const uint8_t *p) noexcept nogil
    void store_u16 "safecodec_store_u16"(uint8_t *p, uint16_t value) noexcept nogil
    void store_u32 "safecodec_store_u32"(uint8_t *p, uint32_t value) noexcept nogil
    void store_u64 "safecodec_store_u64"(uint8_t *p, uint64_t value) noexcept nogil

cdef enum:
    HEADER_SIZE = 32
    MAGIC = 0xC1
    REVISION_1 = 0xDE

    AT_MAGIC = 0
    AT_REVISION = 1
    AT_FORMAT = 2
    AT_FLAGS = 3
    AT_VERSION = 4
    AT_OLDEST_READER = 6
    AT_SUBJECT = 8
    AT_FINGERPRINT = 12
    AT_ENVIRONMENT = 16
    AT_PAYLOAD_LENGTH = 20
    AT_PAYLOAD_CHECKSUM = 24
    AT_HEADER_CHECKSUM = 28

    FORMAT_AVRO = 1
    FORMAT_MSGPACK = 2
    FORMAT_JSON = 3

    FLAG_COMPRESSED = 0x10
    FLAG_SEALED = 0x20
    FLAG_STAMPED = 0x40
    FLAGS_NOT_UNDERSTOOD = 0xB0  # of those that must be

    # The block of a stamped frame, between header and payload, and the places in it.
    STAMP_SIZE = 24
    STAMP_LOAD_START = 0
    STAMP_SOURCE_VERSION = 8
    STAMP_FRESH_FOR = 16
    STAMP_KIND = 20
    STAMP_RESERVED = 21

    KIND_VALUE = 1
    KIND_ABSENT = 2
    KIND_DELETED = 3

    # Payloads from this size on are summed without the GIL: below it, a hand-over costs more than the sum.
    RELEASE_GIL_FROM = 65536

    # Bytes that are summed at a time where a process has one core: less than half a millisecond.
    LEAVE_CORE_AFTER = 4194304

# What a check found; zero is good. Only .pyx code makes an error of it.
cdef enum Status:
    STATUS_OK = 0
    STATUS_TOO_SHORT = 1
    STATUS_MAGIC = 2
    STATUS_REVISION = 3
    STATUS_HEADER_CHECKSUM = 4
    STATUS_FLAGS = 5
    STATUS_FORMAT = 6
    STATUS_ENVIRONMENT = 7
    STATUS_SUBJECT = 8
    STATUS_VERSION = 9
    STATUS_PAYLOAD_LENGTH = 10
    STATUS_PAYLOAD_TOO_LARGE = 11
    STATUS_PAYLOAD_CHECKSUM = 12
    STATUS_STAMP_SHORT = 13
    STATUS_STAMP_KIND = 14
    STATUS_STAMP_RESERVED = 15
    STATUS_STAMP_PAYLOAD = 16
