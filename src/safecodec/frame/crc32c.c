#include "crc32c.h"

#include <string.h>

/* Every constant named X_n below is x^n mod P in reflected bit order (bit 31 is x^0). tests/unit/test_crc32c.py
 * derives them again from the polynomial and compares them with the ones here. */
#define X_95 0x493c7d27u
#define X_159 0xf20c0dfeu
#define X_223 0xba4fc28eu
#define X_287 0x3da6d0cbu
#define X_479 0x9e4addf8u
#define X_543 0x740eef02u
#define X_735 0x0715ce53u
#define X_799 0xc49f4f67u
#define X_991 0x0d3b6092u
#define X_2015 0xb9e02b86u
#define X_2079 0xdcb17aa4u
#define X_16351 0xa51b6135u
#define X_32735 0x82f89c77u
#define X_49119 0xb9d68d49u
#define X_65536 0x28461564u
#define X_131072 0xbf455269u

/* ---- table: slicing by eight ---------------------------------------------------------------------------- */

static uint32_t table[8][256];

static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit++)
            state = (state >> 1) ^ (state & 1 ? 0x82f63b78u : 0);
        table[0][byte] = state;
    }
    for (int slice = 1; slice < 8; slice++)
        for (uint32_t byte = 0; byte < 256; byte++)
            table[slice][byte] = (table[slice - 1][byte] >> 8) ^ table[0][table[slice - 1][byte] & 0xff];
}

static uint32_t update_table(uint32_t state, const uint8_t *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        state ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
        state = table[7][state & 0xff] ^ table[6][(state >> 8) & 0xff] ^ table[5][(state >> 16) & 0xff] ^
                table[4][state >> 24] ^ table[3][data[4]] ^ table[2][data[5]] ^ table[1][data[6]] ^ table[0][data[7]];
    }
    for (; size; data++, size--)
        state = (state >> 8) ^ table[0][(state ^ *data) & 0xff];
    return state;
}

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#define TARGET(features)
#else
#include <cpuid.h>
#define TARGET(features) __attribute__((target(features)))
#endif
/* The crc32 instruction came with SSE 4.2; for Clang it has been a feature of its own since version 14. */
#if defined(__clang__) && __clang_major__ >= 14
#define SSE42 "sse4.2,crc32"
#else
#define SSE42 "sse4.2"
#endif

static inline uint64_t load_u64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
    return value;
}

/* One stream: a word every three cycles, which is the instruction's latency. */
TARGET(SSE42) static inline uint32_t update_words(uint32_t state, const uint8_t *data, size_t size) {
    uint64_t wide = state;
    for (; size >= 8; data += 8, size -= 8)
        wide = _mm_crc32_u64(wide, load_u64(data));
    state = (uint32_t)wide;
    if (size & 4) {
        uint32_t word;
        memcpy(&word, data, 4);
        state = _mm_crc32_u32(state, word);
        data += 4;
    }
    if (size & 2) {
        uint16_t half;
        memcpy(&half, data, 2);
        state = _mm_crc32_u16(state, half);
        data += 2;
    }
    if (size & 1)
        state = _mm_crc32_u8(state, *data);
    return state;
}

/* ---- sse42: three streams, put together by carry-less multiplication ------------------------------------ */

/* state * x^(n + 33): the product of two reflected 32-bit values is one bit short of 64, and the crc32
 * instruction multiplies by x^32 while it reduces. So a shift by B bytes takes x^(8 B - 33). */
TARGET(SSE42 ",pclmul") static inline uint64_t shift_state(uint64_t state, uint32_t x_n) {
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)state), _mm_cvtsi32_si128((int)x_n), 0x00);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

TARGET(SSE42 ",pclmul")
static inline uint64_t update_three(uint64_t state, const uint8_t *data, size_t block, uint32_t x_one, uint32_t x_two) {
    uint64_t second = 0, third = 0;
    for (size_t at = 0; at < block; at += 8) {
        state = _mm_crc32_u64(state, load_u64(data + at));
        second = _mm_crc32_u64(second, load_u64(data + block + at));
        third = _mm_crc32_u64(third, load_u64(data + 2 * block + at));
    }
    return shift_state(state, x_two) ^ shift_state(second, x_one) ^ third;
}

enum { LONG_BLOCK = 2048, SHORT_BLOCK = 128 };

/* Less than 384 bytes. */
TARGET(SSE42 ",pclmul") static inline uint32_t update_short(uint32_t state, const uint8_t *data, size_t size) {
    uint64_t wide = state;
    if (size >= 192) {
        wide = update_three(wide, data, 64, X_479, X_991);
        data += 192;
        size -= 192;
    }
    if (size >= 96) {
        wide = update_three(wide, data, 32, X_223, X_479);
        data += 96;
        size -= 96;
    }
    return update_words((uint32_t)wide, data, size);
}

TARGET(SSE42 ",pclmul") static uint32_t update_sse42(uint32_t state, const uint8_t *data, size_t size) {
    uint64_t wide = state;
    for (; size >= 3 * LONG_BLOCK; data += 3 * LONG_BLOCK, size -= 3 * LONG_BLOCK)
        wide = update_three(wide, data, LONG_BLOCK, X_16351, X_32735);
    for (; size >= 3 * SHORT_BLOCK; data += 3 * SHORT_BLOCK, size -= 3 * SHORT_BLOCK)
        wide = update_three(wide, data, SHORT_BLOCK, X_991, X_2015);
    return update_short((uint32_t)wide, data, size);
}

/* A 128-bit lane is moved D bits ahead by multiplying its first half by x^(D + 31) and its second by x^(D - 33)
 * (V. Gopal et al., Fast CRC Computation Using PCLMULQDQ, Intel 2009, in reflected bit order). */
#ifndef _MSC_VER

/* ---- avx2: folding half of a block, while the three streams take the other ------------------------------- */

/* The crc32 instruction and the multiplication have units of their own, and each is busy with eight bytes a cycle. */
#define NOT_INLINE __attribute__((noinline))
#define AVX2 TARGET("avx2,vpclmulqdq,pclmul," SSE42)

AVX2 static inline __m256i fold_two(__m256i lanes, __m256i factors, __m256i next) {
    __m256i first = _mm256_clmulepi64_epi128(lanes, factors, 0x00);
    __m256i second = _mm256_clmulepi64_epi128(lanes, factors, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(first, second), next);
}

AVX2 static inline __m256i load_two(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }

AVX2 static inline __m256i factors_of_two(uint32_t first, uint32_t second) {
    return _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)second, (long long)first));
}

enum { FOLDED = 3 * LONG_BLOCK };

/* FOLDED bytes by folding 96 at a time, and as many behind them in three streams. */
AVX2 static inline uint64_t update_halves(uint64_t state, const uint8_t *data) {
    const uint8_t *streams = data + FOLDED;
    uint64_t first = 0, second = 0, third = 0;
    const __m256i by_96 = factors_of_two(X_799, X_735), by_32 = factors_of_two(X_287, X_223);
    __m256i one = load_two(data), two = load_two(data + 32), three = load_two(data + 64);
    one = _mm256_xor_si256(one, _mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)state)));
    for (size_t at = 0; at < LONG_BLOCK; at += 32) {
        if (at) {
            one = fold_two(one, by_96, load_two(data + 3 * at));
            two = fold_two(two, by_96, load_two(data + 3 * at + 32));
            three = fold_two(three, by_96, load_two(data + 3 * at + 64));
        }
        for (size_t word = at; word < at + 32; word += 8) {
            first = _mm_crc32_u64(first, load_u64(streams + word));
            second = _mm_crc32_u64(second, load_u64(streams + LONG_BLOCK + word));
            third = _mm_crc32_u64(third, load_u64(streams + 2 * LONG_BLOCK + word));
        }
    }
    one = fold_two(fold_two(one, by_32, two), by_32, three);
    __m128i lane = _mm256_castsi256_si128(one);
    const __m128i by_16 = _mm_set_epi64x((long long)X_95, (long long)X_159);
    lane = _mm_xor_si128(
        _mm_xor_si128(_mm_clmulepi64_si128(lane, by_16, 0x00), _mm_clmulepi64_si128(lane, by_16, 0x11)),
        _mm256_extracti128_si256(one, 1)
    );
    state = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(lane));
    state = _mm_crc32_u64(state, (uint64_t)_mm_extract_epi64(lane, 1));
    return shift_state(state, X_49119) ^ shift_state(first, X_32735) ^ shift_state(second, X_16351) ^ third;
}

AVX2 static NOT_INLINE uint32_t update_long(uint32_t state, const uint8_t *data, size_t size) {
    uint64_t wide = state;
    for (; size >= 2 * FOLDED; data += 2 * FOLDED, size -= 2 * FOLDED)
        wide = update_halves(wide, data);
    return update_sse42((uint32_t)wide, data, size);
}

/* Most payloads are short: for them nothing is set up. */
static uint32_t update_avx2(uint32_t state, const uint8_t *data, size_t size) {
    return size < 2 * FOLDED ? update_sse42(state, data, size) : update_long(state, data, size);
}

/* ---- avx512: folding 256 bytes at a time ---------------------------------------------------------------- */

#define AVX512 TARGET("avx512f,avx512vl,vpclmulqdq,pclmul," SSE42)

AVX512 static inline __m512i fold_wide(__m512i lanes, __m512i factors, __m512i next) {
    __m512i first = _mm512_clmulepi64_epi128(lanes, factors, 0x00);
    __m512i second = _mm512_clmulepi64_epi128(lanes, factors, 0x11);
    return _mm512_ternarylogic_epi64(first, second, next, 0x96); /* exclusive or of the three */
}

AVX512 static inline __m128i fold(__m128i lane, __m128i factors, __m128i next) {
    __m128i first = _mm_clmulepi64_si128(lane, factors, 0x00);
    __m128i second = _mm_clmulepi64_si128(lane, factors, 0x11);
    return _mm_ternarylogic_epi64(first, second, next, 0x96);
}

AVX512 static inline __m512i factors(uint32_t first, uint32_t second) {
    return _mm512_broadcast_i32x4(_mm_set_epi64x((long long)second, (long long)first));
}

AVX512 static uint32_t update_avx512(uint32_t state, const uint8_t *data, size_t size) {
    if (size < 256)
        return update_short(state, data, size);
    __m512i one = _mm512_loadu_si512(data), two = _mm512_loadu_si512(data + 64);
    __m512i three = _mm512_loadu_si512(data + 128), four = _mm512_loadu_si512(data + 192);
    one = _mm512_xor_si512(one, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)state)));
    data += 256;
    size -= 256;
    const __m512i by_256 = factors(X_2079, X_2015);
    for (; size >= 256; data += 256, size -= 256) {
        one = fold_wide(one, by_256, _mm512_loadu_si512(data));
        two = fold_wide(two, by_256, _mm512_loadu_si512(data + 64));
        three = fold_wide(three, by_256, _mm512_loadu_si512(data + 128));
        four = fold_wide(four, by_256, _mm512_loadu_si512(data + 192));
    }
    const __m512i by_64 = factors(X_543, X_479);
    one = fold_wide(fold_wide(fold_wide(one, by_64, two), by_64, three), by_64, four);
    for (; size >= 64; data += 64, size -= 64)
        one = fold_wide(one, by_64, _mm512_loadu_si512(data));
    const __m128i by_16 = _mm_set_epi64x((long long)X_95, (long long)X_159);
    __m128i lane = _mm512_castsi512_si128(one);
    lane = fold(lane, by_16, _mm512_extracti32x4_epi32(one, 1));
    lane = fold(lane, by_16, _mm512_extracti32x4_epi32(one, 2));
    lane = fold(lane, by_16, _mm512_extracti32x4_epi32(one, 3));
    uint64_t wide = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(lane));
    wide = _mm_crc32_u64(wide, (uint64_t)_mm_extract_epi64(lane, 1));
    return update_words((uint32_t)wide, data, size);
}
#endif

/* Asked of the processor: some compilers' runtime library, such as zig's, answers every __builtin_cpu_supports with
 * no. */
static void ask(int leaf, unsigned registers[4]) {
#ifdef _MSC_VER
    __cpuidex((int *)registers, leaf, 0);
#else
    __cpuid_count(leaf, 0, registers[0], registers[1], registers[2], registers[3]);
#endif
}

static int has_sse42(void) {
    unsigned registers[4];
    ask(1, registers);
    return (registers[2] >> 20 & 1) && (registers[2] >> 1 & 1); /* SSE 4.2, PCLMULQDQ */
}

#ifndef _MSC_VER
/* Asks for the newer features, and whether the system keeps the registers that they use when it switches threads. */
static int has_wide(unsigned registers[4], unsigned kept) {
    unsigned low, high;
    ask(0, registers);
    unsigned leaves = registers[0];
    ask(1, registers);
    if (!has_sse42() || leaves < 7 || !(registers[2] >> 27 & 1))
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    ask(7, registers);
    return (low & kept) == kept && (registers[2] >> 10 & 1); /* VPCLMULQDQ */
}

static int has_avx2(void) {
    unsigned registers[4];
    return has_wide(registers, 0x06) && (registers[1] >> 5 & 1); /* SSE and AVX; AVX2 */
}

static int has_avx512(void) {
    unsigned registers[4];
    /* SSE, AVX and the three parts of AVX-512; F, VL */
    return has_wide(registers, 0xe6) && (registers[1] >> 16 & 1) && (registers[1] >> 31 & 1);
}
#endif

#endif /* x86-64 */

/* ---- armv8: three streams, put together by a multiplication in software ---------------------------------- */

#if defined(__aarch64__) || defined(_M_ARM64)

#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

#ifdef _MSC_VER
#include <intrin.h>
#define ARM_CRC
#define crc_u64 __crc32cd
#define crc_u8 __crc32cb
#else
#include <arm_acle.h>
#ifdef __clang__
#define ARM_CRC __attribute__((target("crc")))
#else
#define ARM_CRC __attribute__((target("+crc")))
#endif
#define crc_u64 __crc32cd
#define crc_u8 __crc32cb
#endif

static inline uint64_t load_u64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Product of two reflected polynomials mod P. The carry-less multiplier is an optional extension; a block is
 * long enough to make its absence cost nothing. */
static uint32_t multiply(uint32_t left, uint32_t right) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000u; bit; bit >>= 1) {
        if (left & bit)
            product ^= right;
        right = (right >> 1) ^ (right & 1 ? 0x82f63b78u : 0);
    }
    return product;
}

enum { ARM_BLOCK = 8192 };

ARM_CRC static uint32_t update_armv8(uint32_t state, const uint8_t *data, size_t size) {
    for (; size >= 3 * ARM_BLOCK; data += 3 * ARM_BLOCK, size -= 3 * ARM_BLOCK) {
        uint32_t second = 0, third = 0;
        for (size_t at = 0; at < ARM_BLOCK; at += 8) {
            state = crc_u64(state, load_u64(data + at));
            second = crc_u64(second, load_u64(data + ARM_BLOCK + at));
            third = crc_u64(third, load_u64(data + 2 * ARM_BLOCK + at));
        }
        state = multiply(state, X_131072) ^ multiply(second, X_65536) ^ third;
    }
    for (; size >= 8; data += 8, size -= 8)
        state = crc_u64(state, load_u64(data));
    for (; size; data++, size--)
        state = crc_u8(state, *data);
    return state;
}

static int has_armv8(void) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#elif defined(__APPLE__) || defined(_MSC_VER)
    return 1; /* every 64-bit ARM processor that these systems run on has it */
#else
    return 0;
#endif
}

#endif /* arm64 */

/* ---- choice ---------------------------------------------------------------------------------------------- */

safecodec_crc32c_implementation safecodec_crc32c_implementations[SAFECODEC_CRC32C_IMPLEMENTATIONS] = {
    {"avx512", NULL}, {"avx2", NULL}, {"sse42", NULL}, {"armv8", NULL}, {"table", update_table}};
const safecodec_crc32c_implementation *safecodec_crc32c_chosen =
    &safecodec_crc32c_implementations[SAFECODEC_CRC32C_IMPLEMENTATIONS - 1];

void safecodec_crc32c_choose(void) {
    fill_table();
#if defined(__x86_64__) || defined(_M_X64)
#ifndef _MSC_VER
    if (has_avx512())
        safecodec_crc32c_implementations[0].update = update_avx512;
    if (has_avx2())
        safecodec_crc32c_implementations[1].update = update_avx2;
#endif
    if (has_sse42())
        safecodec_crc32c_implementations[2].update = update_sse42;
#elif defined(__aarch64__) || defined(_M_ARM64)
    if (has_armv8())
        safecodec_crc32c_implementations[3].update = update_armv8;
#endif
    const safecodec_crc32c_implementation *best = safecodec_crc32c_implementations;
    while (!best->update)
        best++;
    safecodec_crc32c_chosen = best;
}
