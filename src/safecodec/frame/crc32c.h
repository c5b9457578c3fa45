/* CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of a frame.
 *
 * A *state* is the running remainder before the final inversion: start from ~value, invert what comes back.
 * Several implementations compute the same function; safecodec_crc32c_choose() picks one for this processor. */
#ifndef SAFECODEC_CRC32C_H
#define SAFECODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t (*safecodec_crc32c_update)(uint32_t state, const uint8_t *data, size_t size);

typedef struct {
    const char *name;
    safecodec_crc32c_update update; /* NULL where this processor cannot run it */
} safecodec_crc32c_implementation;

/* Sorted by preference, the best first; the last entry is the table, which always runs. */
#define SAFECODEC_CRC32C_IMPLEMENTATIONS 5
extern safecodec_crc32c_implementation safecodec_crc32c_implementations[SAFECODEC_CRC32C_IMPLEMENTATIONS];
extern const safecodec_crc32c_implementation *safecodec_crc32c_chosen;

/* Fills the table and looks at the processor. Call it when a module is imported; calling it again is harmless. */
void safecodec_crc32c_choose(void);

/* CRC-32C of data that continues data whose CRC-32C is value (0 at the beginning). */
static inline uint32_t safecodec_crc32c(uint32_t value, const uint8_t *data, size_t size) {
    return ~safecodec_crc32c_chosen->update(~value, data, size);
}

/* LevelDB's mask: the plain checksum of bytes that end in their own checksum is a constant. */
static inline uint32_t safecodec_crc32c_mask(uint32_t value) {
    return ((value >> 15) | (value << 17)) + 0xa282ead8u;
}

#endif
