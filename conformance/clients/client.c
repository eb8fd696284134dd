/*
 * client.c - reads and writes streaming checkpoints, plain ones (version 1.0 of the
 * specification) and sealed ones (version 2.0), and standard flax files, as the
 * client protocol asks.
 *
 *     client decode [PATH]        a stream       -> JSON on standard output
 *     client flax-decode [PATH]   a flax file    -> JSON on standard output
 *     client encode               JSON on standard input -> a stream
 *     client flax-encode          JSON on standard input -> a flax file
 *
 * Without a PATH, or with "-", a decoder reads standard input. Where PATH is a plain
 * stream and a file PATH.seal stands beside it, that is its detached seal.
 *
 * Build:  cc -std=c11 -O2 -Wall -Wextra -Wpedantic -o client client.c
 *
 * Written from the text of the specification alone (chapters 01 to 08, 11 to 17, and
 * of chapter 10 the digests); the comments name the clause that a line holds. Standard
 * C and POSIX, nothing else.
 *
 * Exit status: 0 accepted; 1 refused, the last line of standard error being the
 * JSON that says why; 2 wrong usage; 3 out of memory, or an error of input or output.
 *
 * How it works. Between what is read and what is written stands one tree, in
 * memory (`struct job`). A decoder goes through the input once, forwards, with a
 * buffer of fixed size, so files and pipes are read alike and payloads are hashed
 * as they pass; it prints the tree when the whole input has been checked. An
 * encoder puts the leaves into the tree and runs its writer twice: first only to
 * count, where whatever can be refused is refused, then onto the output.
 *
 * A sealed stream is read in the same way, record by record. What the index has to say
 * is noted on the way: sizes, places of payloads, checksums. The index stands behind the
 * records and is compared with these notes as it passes. Where the input is a file, its
 * end is looked at first, so that a file that was cut off is refused at once.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_SHA_NI 1
#ifdef __x86_64__
#define HAVE_CRC32 1
#endif
#include <cpuid.h>
#include <immintrin.h>
#endif

enum {
    MAX_PARTS = 512,          /* KEY-3 */
    MAX_PATH_BYTES = 65535,   /* KEY-4 */
    MAX_DIMENSIONS = 64,      /* LEAF-3 */
    MAX_PADDING = 4095,       /* ALIGN-2 */
    MAX_META_BYTES = 1 << 24, /* META-3 ... */
    MAX_META_DEPTH = 64,      /* ... and how deep its values are nested */
    MAX_JSON_DEPTH = 1000,    /* more than three for each level of metadata */
    BLOCK_BYTES = 1 << 22,    /* SUM-2 */
    MARK_BYTES = 5,           /* SEAL-1 */
    FOOTER_BYTES = 40,        /* SEAL-4 */
    SEAL_HEADER = 5,          /* SEAL-3: the bytes before the index ... */
    MAX_INDEX_BYTES = INT32_MAX - FOOTER_BYTES - 1,     /* ... and how many it has at most */
    BUFFER_SIZE = 1 << 18     /* more than MAX_PATH_BYTES */
};
#define CHUNK_BYTES (UINT64_C(1) << 30)              /* LEAF-13 */
#define WHOLE_BYTES ((UINT64_C(1) << 31) - (1 << 17))   /* PART-1: what is larger is written in parts ... */
#define BOX_BYTES (UINT64_C(1) << 30)                /* PART-2: ... of no more than this */
#define PADDED_FROM 4096                             /* ALIGN-3 */
#define MARKER "__msgpack_chunked_array__"           /* LEAF-10 */
#define MARK "\xdd\0\0\0\2"                            /* SEAL-1 */
#define SEAL_MAGIC "streamckpt-seal\n"               /* SEAL-4 */
#define UNKNOWN UINT64_MAX    /* the size of a pipe; an offset where there is none */

/* ------------------------------------------------------------ failures, memory */

static jmp_buf run_end;       /* where a run goes on that is over before its end ... */
static int run_status;        /* ... and its exit status */

static _Noreturn void end_run(int status) {
    run_status = status;
    longjmp(run_end, 1);
}

/* The end of a run that has neither accepted nor refused (CONF-2). */
static _Noreturn void fail(int status, const char *message) {
    fprintf(stderr, "client: %s\n", message);
    end_run(status);
}

/* Makes room for `need` elements of `size` bytes in an array that has room for *room. */
static void *grow(void *array, size_t *room, size_t need, size_t size) {
    if (need <= *room)
        return array;
    size_t wanted = *room + *room / 4 + 64;
    if (wanted < need)
        wanted = need;
    void *larger = wanted <= SIZE_MAX / size ? realloc(array, wanted * size) : NULL;
    if (!larger)
        fail(3, "out of memory");
    *room = wanted;
    return larger;
}

/* An array that grows at its end, and makes room there for `more` elements. */
#define LIST(type) struct { type *at; size_t count, room; }
#define MAKE_ROOM(list, more) \
    ((list)->at = grow((list)->at, &(list)->room, (list)->count + (more), sizeof *(list)->at))
#define ADD(list, element) (MAKE_ROOM(list, 1), (list)->at[(list)->count++] = (element))

struct bytes { unsigned char *at; size_t count, room; };        /* one of bytes, where it needs a name */

/* -------------------------------------------------------------------- SHA-256 */

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t rotate(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

static void sha_compress_portable(uint32_t state[8], const unsigned char *p, size_t count) {
    for (; count; count--, p += 64) {
        uint32_t w[64];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
                   (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[i - 7] +
                   (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
        }
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                          sha_constants[i] + w[i];
            uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#ifdef HAVE_SHA_NI
/* Four rounds with the words in `a`, which then become the words 16 places on. */
#define SHA_FOUR_ROUNDS(a, b, c, d, k)                                                         \
    do {                                                                                       \
        __m128i sum = _mm_add_epi32(a, _mm_loadu_si128((const __m128i *)(const void *)(k)));   \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                         \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));                \
        a = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));               \
        a = _mm_sha256msg2_epu32(a, d);                                                        \
    } while (0)

__attribute__((target("sha,sse4.1,ssse3")))
static void sha_compress_ni(uint32_t state[8], const unsigned char *p, size_t count) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    /* The instructions want the state as the vectors (f, e, b, a) and (h, g, d, c). */
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count; count--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
        for (int i = 0; i < 64; i += 16) {
            SHA_FOUR_ROUNDS(w[0], w[1], w[2], w[3], sha_constants + i);
            SHA_FOUR_ROUNDS(w[1], w[2], w[3], w[0], sha_constants + i + 4);
            SHA_FOUR_ROUNDS(w[2], w[3], w[0], w[1], sha_constants + i + 8);
            SHA_FOUR_ROUNDS(w[3], w[0], w[1], w[2], sha_constants + i + 12);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    uint32_t x[4], y[4];
    _mm_storeu_si128((__m128i *)(void *)x, abef);
    _mm_storeu_si128((__m128i *)(void *)y, cdgh);
    state[0] = x[3], state[1] = x[2], state[4] = x[1], state[5] = x[0];
    state[2] = y[3], state[3] = y[2], state[6] = y[1], state[7] = y[0];
}
#endif

static void sha_compress(uint32_t state[8], const unsigned char *blocks, size_t count) {
#ifdef HAVE_SHA_NI
    static int has = -1;        /* whether the processor has the instructions */
    unsigned a, b, c, d;
    if (has < 0)
        has = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 9 && c & 1u << 19 &&
              __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29;
    if (has) {
        sha_compress_ni(state, blocks, count);
        return;
    }
#endif
    sha_compress_portable(state, blocks, count);
}

static void sha_begin(struct sha256 *s) {
    *s = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void sha_add(struct sha256 *s, const unsigned char *p, size_t n) {
    size_t held = s->length % 64;
    s->length += n;
    for (; held && n; n--) {
        s->block[held] = *p++;
        held = (held + 1) % 64;
        if (!held)
            sha_compress(s->state, s->block, 1);
    }
    sha_compress(s->state, p, n / 64);
    memcpy(s->block, p + n / 64 * 64, n % 64);
}

static void sha_end(struct sha256 *s, unsigned char digest[32]) {
    unsigned char tail[72] = {0x80};
    uint64_t bits = s->length * 8;
    size_t zeros = (119 - s->length % 64) % 64;
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    sha_add(s, tail, 1 + zeros + 8);
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* --------------------------------------------------------------------- CRC-32C */

/*
 * SUM-1. Bit 31 of a checksum stands for x^0 (the reflected form). crc_tables[0] is the checksum of each byte, and
 * crc_tables[i] that of the byte with i zero bytes behind it. crc_powers[i] is x^(8 * 2^i) modulo the polynomial.
 */
static uint32_t crc_tables[8][256], crc_powers[32];

/* The product of two polynomials modulo that of CRC-32C. */
static uint32_t crc_multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit; bit >>= 1) {
        product ^= a & bit ? b : 0;
        b = b >> 1 ^ (b & 1 ? 0x82f63b78 : 0);      /* times x */
    }
    return product;
}

static void crc_prepare(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        crc_tables[0][byte] = crc;
    }
    for (int i = 1; i < 8; i++)
        for (int byte = 0; byte < 256; byte++)
            crc_tables[i][byte] = crc_tables[i - 1][byte] >> 8 ^ crc_tables[0][crc_tables[i - 1][byte] & 0xff];
    crc_powers[0] = UINT32_C(1) << (31 - 8);
    for (int i = 1; i < 32; i++)
        crc_powers[i] = crc_multiply(crc_powers[i - 1], crc_powers[i - 1]);
}

static uint32_t crc_portable(uint32_t crc, const unsigned char *p, size_t n) {
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low = crc ^ (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = crc_tables[7][low & 0xff] ^ crc_tables[6][low >> 8 & 0xff] ^
              crc_tables[5][low >> 16 & 0xff] ^ crc_tables[4][low >> 24] ^
              crc_tables[3][p[4]] ^ crc_tables[2][p[5]] ^ crc_tables[1][p[6]] ^ crc_tables[0][p[7]];
    }
    for (; n; n--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *p++) & 0xff];
    return crc;
}

#ifdef HAVE_CRC32
__attribute__((target("sse4.2")))
static uint32_t crc_sse42(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t wide = crc, word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n; n--)
        crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#endif

/* SUM-1: the checksum of bytes, the checksum of those before them being `crc`. */
static uint32_t crc_add(uint32_t crc, const unsigned char *p, size_t n) {
#ifdef HAVE_CRC32
    static int has = -1;        /* whether the processor has the instruction */
    unsigned a, b, c, d;
    if (has < 0)
        has = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 20;
    if (has)
        return ~crc_sse42(~crc, p, n);
#endif
    return ~crc_portable(~crc, p, n);
}

/* SUM-4: the checksum of two ranges, one behind the other, the second of which has `length` bytes. */
static uint32_t crc_join(uint32_t first, uint32_t second, uint32_t length) {
    for (int i = 0; length; i++, length >>= 1)
        if (length & 1)
            first = crc_multiply(crc_powers[i], first);
    return first ^ second;
}

/* A number as a file has it (SUM-1, SEAL-4), the highest byte first. */
static uint64_t get_number(const unsigned char *p, unsigned width) {
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | p[i];
    return number;
}

/* ----------------------------------------------------------------------- text */

/* A check of UTF-8 that can be given the text in pieces. */
struct utf8 {
    unsigned due;               /* continuation bytes still due */
    unsigned char low, high;    /* between which the next one lies */
};

/* WIRE-5: the forms of RFC 3629, section 4. */
static bool utf8_add(struct utf8 *u, const unsigned char *p, size_t n) {
    for (const unsigned char *end = p + n; p < end; p++) {
        unsigned char c = *p;
        if (u->due) {
            if (c < u->low || c > u->high)
                return false;
            u->due--;
            u->low = 0x80, u->high = 0xbf;
        } else if (c >= 0xc2 && c <= 0xf4) {
            u->due = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        } else if (c >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool utf8_valid(const unsigned char *text, size_t length) {
    struct utf8 u = {0, 0, 0};
    return utf8_add(&u, text, length) && !u.due;
}

/* The first character of a valid text, and how many bytes it takes. */
static uint32_t utf8_first(const unsigned char *p, size_t *taken) {
    uint32_t c = p[0];
    *taken = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*taken > 1)
        c &= 0x7fu >> *taken;
    for (size_t i = 1; i < *taken; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* Writes a character, a surrogate too, and returns how many bytes it takes. */
static size_t utf8_put(unsigned char *p, uint32_t c) {
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i; i--, c >>= 6)
        p[i] = (unsigned char)(0x80 | (c & 0x3f));
    p[0] = (unsigned char)(lead[more] | c);
    return more + 1;
}

static int hex_digit(unsigned char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that four hexadecimal digits stand for, or -1. */
static int32_t hex_four(const unsigned char *p) {
    int32_t number = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        number = number * 16 + digit;
    }
    return number;
}

/* LEAF-11, LEAF-12: a number as the text of a key. */
static const char *decimal(char text[24], uint64_t number) {
    snprintf(text, 24, "%" PRIu64, number);
    return text;
}

static bool text_is(const unsigned char *text, size_t length, const char *word) {
    return length == strlen(word) && !memcmp(text, word, length);
}

/* --------------------------------------------------------------------- dtypes */

static const struct dtype {
    const char *tag;
    unsigned char width;        /* bytes of an element */
    unsigned char word;         /* bytes of a part of it that has a byte order (DTYPE-6) */
    unsigned char mask;         /* bits that carry meaning (DTYPE-4); 0: all as one (DTYPE-5) */
} dtypes[] = {                  /* DTYPE-1 */
    {"bool", 1, 1, 0x00}, {"int8", 1, 1, 0xff}, {"uint8", 1, 1, 0xff}, {"int16", 2, 2, 0xff}, {"uint16", 2, 2, 0xff},
    {"int32", 4, 4, 0xff}, {"uint32", 4, 4, 0xff}, {"int64", 8, 8, 0xff}, {"uint64", 8, 8, 0xff},
    {"float16", 2, 2, 0xff}, {"bfloat16", 2, 2, 0xff}, {"float32", 4, 4, 0xff}, {"float64", 8, 8, 0xff},
    {"complex64", 8, 4, 0xff}, {"complex128", 16, 8, 0xff}, {"complex32", 4, 2, 0xff}, {"bcomplex32", 4, 2, 0xff},
    {"float8_e3m4", 1, 1, 0xff}, {"float8_e4m3", 1, 1, 0xff}, {"float8_e4m3b11fnuz", 1, 1, 0xff},
    {"float8_e4m3fn", 1, 1, 0xff}, {"float8_e4m3fnuz", 1, 1, 0xff}, {"float8_e5m2", 1, 1, 0xff},
    {"float8_e5m2fnuz", 1, 1, 0xff}, {"float8_e8m0fnu", 1, 1, 0xff},
    {"float6_e2m3fn", 1, 1, 0x3f}, {"float6_e3m2fn", 1, 1, 0x3f}, {"float4_e2m1fn", 1, 1, 0x0f},
    {"int4", 1, 1, 0x0f}, {"uint4", 1, 1, 0x0f}, {"int2", 1, 1, 0x03}, {"uint2", 1, 1, 0x03},
    {"int1", 1, 1, 0x01}, {"uint1", 1, 1, 0x01}
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes, LONGEST_TAG = 18 };

/* The place of a tag in the table, or -1. The comparison is exact. */
static int find_dtype(const unsigned char *tag, size_t length) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (text_is(tag, length, dtypes[i].tag))
            return i;
    return -1;
}

/* ------------------------------------------------------------------- the tree */

enum {                          /* types of MessagePack, as bits of a set */
    T_NIL = 1, T_BOOL = 2, T_INT = 4, T_FLOAT = 8, T_STR = 16, T_BIN = 32,
    T_EXT = 64, T_ARRAY = 128, T_MAP = 256, T_NEGATIVE = 512, T_ALL = 511
};

/* LEAF-1. Those up to SCALAR have a dtype, those up to BIN a payload. */
enum kind { NDARRAY, SCALAR, STR, BIN, COMPLEX, NIL, BOOL, INT, FLOAT, EMPTY, KIND_COUNT };
static const struct { const char *name; unsigned short type; unsigned char ext; } kinds[KIND_COUNT] = {
    {"ndarray", T_EXT, 1}, {"scalar", T_EXT, 3}, {"str", T_STR, 0}, {"bin", T_BIN, 0}, {"complex", T_EXT, 2},
    {"nil", T_NIL, 0}, {"bool", T_BOOL, 0}, {"int", T_INT, 0}, {"float", T_FLOAT, 0}, {"empty", T_MAP, 0}
};

struct leaf {
    uint32_t node;
    unsigned char kind, dtype, rank;
    uint16_t cycle;             /* how many bytes of the payload there are, in an encoder, where they are repeated, or 0 */
    bool negative;              /* an int below 0, as its two's complement */
    bool parts;                 /* an array that stands in parts (PART-1) */
    uint64_t number[2];         /* bool, int; the bits of a float; those of a complex */
    size_t dimensions;          /* where they begin in the list of all */
    uint64_t size;              /* of the payload of an array or scalar, or of a str or bin */
    union {
        unsigned char digest[32];       /* of the same, in a decoder */
        const unsigned char *payload;   /* the same, in an encoder */
    };
    uint64_t start;             /* where the payload of a part begins in that of its array, in an encoder */
    size_t record, records;     /* where a seal is read or written: its first record in the list of all, and how many */
};

/* What the index says of a record (INDEX-3). */
struct record {
    uint64_t offset, size;
    uint64_t payload;           /* bytes of the record before the first one of a payload, or UNKNOWN */
    bool pieces;                /* the payload stands in several chunks */
    bool padded;                /* ALIGN-1 */
    unsigned char rank;         /* of an array, or of a part of one ... */
    size_t dimensions;          /* ... and where its dimensions begin */
    size_t sums;                /* where its checksums begin in the list of all */
};

/* PART-3: which of how many parts of an array a record is; of none where `count` is 0. */
struct array_part { uint64_t number, count; };

/*
 * A node of the tree of keys (TREE-1). They are numbered in the order in which they were added; 0 is the root, and
 * stands for none where a child or leaf is named.
 */
struct node {
    uint32_t parent;
    uint32_t leaf;              /* 1 + the place in the list of leaves */
    uint32_t children;          /* the top of the search tree of its children ... */
    uint32_t branch[4];         /* ... and what lies below this node in its parent's */
    uint32_t first, next;       /* child and sibling to be written, in the order of TREE-5 */
    uint32_t text;              /* where the text of its key begins in the list of texts */
    uint16_t length;
    uint16_t depth, path_bytes; /* KEY-3, KEY-4 */
    bool number;                /* an integer key, turned into text (TREE-3) */
};

enum { ROOT = 0 };
enum part { DECODE, FLAX_DECODE, ENCODE, FLAX_ENCODE };

/* A run of this program. All memory that it takes is held here. */
struct job {
    bool flax;
    bool sealed;                /* this is a sealed stream */
    bool detached;              /* this is a plain one with a detached seal */
    FILE *in, *out;
    FILE *seal;                 /* the file of a detached seal beside the input, or NULL ... */
    uint64_t seal_size;         /* ... and its size */

    LIST(struct node) nodes;
    LIST(struct leaf) leaves;
    LIST(uint64_t) dimensions;
    struct bytes texts;
    uint32_t here;              /* the node that a refusal names; ROOT: none */
    uint64_t path_cost;         /* FLAX-8 */

    unsigned char buffer[BUFFER_SIZE];      /* a decoder's input */
    size_t at, end;             /* what is read, but not used yet, lies between these */
    uint64_t position;          /* in the input, of buffer[at] */
    uint64_t limit;             /* where the innermost bin or ext ends, or else the input */
    unsigned depth;             /* how many of these we are in */
    const char *cut;            /* the clause of an input that ends too early */
    uint64_t top;               /* the offset of the last value that began in none; in a sealed stream of the record */
    struct sha256 sha;          /* of the leaf that is being read */

    LIST(struct record) records;
    LIST(uint32_t) sums;        /* checksums of blocks */
    uint32_t block, in_block;   /* the checksum of the block that has begun, and how many bytes that is of */
    uint32_t all;               /* the checksum of all blocks before it */
    bool summing;               /* what passes goes into these */
    size_t summed;              /* what has passed, but not yet gone into them, lies between this and `at` */
    struct array_part part;     /* the next part of the array that is being read */
    bool strict;                /* a header must be the shortest: this is an index */
    struct bytes *keep;         /* where a decoder keeps the bytes that it uses up, or NULL */
    uint64_t alignment;
    uint32_t checksum;          /* of all records */
    char version[16];           /* of the seal */
    struct bytes metadata, digests;

    LIST(uint32_t) order;       /* the leaves, as places in their list, in the order in which they are written */
    bool with_digests;          /* INDEX-9 */
    LIST(struct json *) pairs;  /* of a map of metadata that is being sorted */
    struct bytes request;       /* an encoder's input */
    LIST(struct json) values;
    unsigned char *cursor;
    bool keep_empty;
};

/*
 * Goes from *at to its child with this key, which is added where there is none. Returns NULL, or the clause that
 * forbids the key.
 *
 * The children of a node form a search tree in which the SHA-256 of the key says where to turn, two bits at a time.
 * No choice of keys makes it deep: keys that share the first bits of their digests have to be looked for, and each
 * bit more doubles the work.
 */
static const char *go_to_child(struct job *j, uint32_t *at, const unsigned char *text, uint64_t length, bool number) {
    struct node *parent = &j->nodes.at[*at];
    if (parent->depth == MAX_PARTS)
        return "KEY-3";
    if (length > (unsigned)(MAX_PATH_BYTES - parent->path_bytes))
        return "KEY-4";
    if (!utf8_valid(text, length))
        return "WIRE-5";

    unsigned char digest[32];
    uint32_t *link = &parent->children;
    for (unsigned bit = 0; *link; bit = (bit + 2) % 256) {
        struct node *n = &j->nodes.at[*link];
        if (n->length == length && !memcmp(j->texts.at + n->text, text, length)) {      /* KEY-2 */
            *at = *link;
            return n->number == number ? NULL : "TREE-3";   /* the keys 1 and "1" */
        }
        if (bit == 0) {         /* the first child is found, or added, without it */
            struct sha256 sha;
            sha_begin(&sha);
            sha_add(&sha, text, length);
            sha_end(&sha, digest);
        }
        link = &n->branch[digest[bit / 8] >> bit % 8 & 3];
    }

    if (j->nodes.count == UINT32_MAX || j->texts.count > UINT32_MAX)
        fail(3, "more keys than this program can hold");
    struct node fresh = {.parent = *at, .text = (uint32_t)j->texts.count, .length = (uint16_t)length,
                         .depth = parent->depth + 1, .number = number,
                         .path_bytes = (uint16_t)(parent->path_bytes + length)};
    *at = *link = (uint32_t)j->nodes.count;
    ADD(&j->nodes, fresh);
    MAKE_ROOM(&j->texts, length);
    memcpy(j->texts.at + j->texts.count, text, length);
    j->texts.count += length;
    return NULL;
}

/* STREAM-4, STREAM-5: the clause that forbids a leaf at a node, or NULL. */
static const char *find_clash(const struct job *j, uint32_t node) {
    const struct node *n = &j->nodes.at[node];
    const char *clash = n->leaf ? "STREAM-4" : n->children ? "STREAM-5" : NULL;
    for (; node != ROOT && !clash; node = j->nodes.at[node].parent)
        clash = j->nodes.at[node].leaf ? "STREAM-5" : NULL;
    return clash;
}

static void add_leaf(struct job *j, const struct leaf *leaf) {
    struct node *n = &j->nodes.at[leaf->node];
    ADD(&j->leaves, *leaf);
    n->leaf = (uint32_t)j->leaves.count;
}

/* FLAX-8: whether the paths of all leaves are too long for a file of this size. */
static bool paths_too_long(const struct job *j, uint64_t size) {
    return size < UINT64_MAX / 128 && j->path_cost > (UINT64_C(1) << 20) + 64 * size;
}

/* ------------------------------------------------------- key paths, refusals */

/* KEY-5: characters that are shown as \u and four digits. */
static bool is_escaped(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* A valid text inside a JSON string, as it is or (KEY-5) in display form. */
static void print_text(FILE *out, const unsigned char *p, size_t length, bool display) {
    size_t taken;
    for (const unsigned char *end = p + length; p < end; p += taken) {
        uint32_t c = utf8_first(p, &taken);
        const char *escape = c == '\\' ? (display ? "\\\\\\\\" : "\\\\") : c == '"' ? "\\\""
                           : c == '/' && display ? "\\\\/" : NULL;
        if (is_escaped(c))
            fprintf(out, "%s\\u%04x", display ? "\\" : "", (unsigned)c);
        else if (escape)
            fputs(escape, out);
        else
            for (size_t i = 0; i < taken; i++)
                putc_unlocked(p[i], out);
    }
}

/* The key path of a node, no deeper than MAX_PARTS: in display form, or as a list of strings. */
static void print_path(FILE *out, const struct job *j, uint32_t node, bool display) {
    const struct node *n = &j->nodes.at[node];
    if (n->parent != ROOT) {
        print_path(out, j, n->parent, display);
        fputs(display ? "/" : "\", \"", out);
    }
    print_text(out, j->texts.at + n->text, n->length, display);
}

static const char *const reasons[][2] = {
    {"WIRE-1", "no header can hold the length"},
    {"WIRE-3", "a value reaches beyond the end of what encloses it"},
    {"WIRE-4", "the byte c1 stands where a value is to begin"},
    {"WIRE-5", "a text is not valid UTF-8"},
    {"WIRE-6", "a body is not used up by what it holds exactly"},
    {"KEY-1", "a key path is an array of one or more str"},
    {"KEY-3", "the key path has more than 512 parts"},
    {"KEY-4", "the key path has more than 65535 bytes"},
    {"KEY-6", "a backslash in the key path has no meaning"},
    {"DTYPE-1", "the dtype tag is not in the table"},
    {"DTYPE-2", "the dtype tag is not a str"},
    {"DTYPE-7", "there is no dtype tag for the type of the array"},
    {"LEAF-1", "this is no leaf, or none that can be written"},
    {"LEAF-2", "an ndarray holds a shape, a dtype tag and a payload"},
    {"LEAF-3", "a shape has 0 to 64 dimensions, each an integer of 0 or more"},
    {"LEAF-4", "the shape is too large"},
    {"LEAF-5", "the payload is no bin of the length that shape and dtype give"},
    {"LEAF-6", "a scalar holds a shape of 0 dimensions, a dtype tag and a payload"},
    {"LEAF-7", "a complex is two floats"},
    {"LEAF-8", "a float is 16 hexadecimal digits"},
    {"LEAF-10", "a chunked array has the marker, which is true, a shape and chunks"},
    {"LEAF-11", "the dimensions of a chunked array stand at 0, 1, ..."},
    {"LEAF-12", "the chunks stand at 0, 1, ..., have one dimension and dtype, and make up the shape"},
    {"REC-1", "a record is an array of two elements"},
    {"REC-2", "the leaf of a record stands in a bin"},
    {"REC-3", "the leaf is larger than a record can hold"},
    {"STREAM-2", "the input ends inside a record"},
    {"STREAM-3", "there is no record"},
    {"STREAM-4", "the key path stands there already"},
    {"STREAM-5", "one key path is the beginning of another"},
    {"TREE-3", "a key is no text or integer, or gives the text of another"},
    {"FLAX-1", "a flax file is one map of one or more entries"},
    {"FLAX-2", "a key is not a str"},
    {"FLAX-3", "the marker of chunked arrays stands where none can be"},
    {"FLAX-4", "a value is an array"},
    {"FLAX-5", "the key stands in the map already"},
    {"FLAX-6", "the input ends inside the map"},
    {"FLAX-8", "the key paths are too long for the size of the file"},
    {"ALIGN-1", "the second of four entries of a chunked array is the padding"},
    {"ALIGN-2", "padding is a bin of at most 4095 zero bytes"},
    {"ALIGN-5", "the alignment is a power of two from 64 to 4096, and padded payloads stand at multiples of it"},
    {"PART-1", "a part of an array is an ndarray"},
    {"PART-2", "the parts of the array have another number, order, shape or dtype than they must"},
    {"PART-3", "a key that names a part of an array stands where there is none"},
    {"SUM-3", "a block of 4 MiB, or what is left of one, differs from its checksum"},
    {"META-1", "metadata is a map from texts to nil, bools, ints, floats, texts, bytes, lists and maps"},
    {"META-2", "metadata has one form: shortest headers, keys in ascending order, none twice"},
    {"META-3", "metadata has at most 2^24 bytes, and is nested at most 64 deep"},
    {"INDEX-1", "the index is a map of alignment, checksum, leaves, metadata and perhaps digests"},
    {"INDEX-2", "a leaf in the index is a list of key path, kind, dtype, shape and records"},
    {"INDEX-3", "a record in the index is a list of size, payload and checksums"},
    {"INDEX-4", "the index has another number of leaves, bytes or checksums than the records"},
    {"INDEX-5", "the index is not in the one form in which it can be written"},
    {"INDEX-7", "the record is not what the index says"},
    {"INDEX-8", "the checksum of all records differs from the one in the index"},
    {"INDEX-9", "there are 32 bytes of digest for each leaf, and for the tree"},
    {"SEAL-1", "a record of a sealed stream begins with 92"},
    {"SEAL-2", "there is something behind the seal"},
    {"SEAL-3", "a seal begins with c6 and a length, one more than the bytes of index and footer"},
    {"SEAL-4", "the footer or the index is damaged, or does not fit the file"},
    {"SEAL-5", "a sealed stream ends with a footer: this one has been cut off"},
    {"SEAL-6", "the seal has another version than 2.0"},
    {"DETACHED-2", "the detached seal belongs to a stream of another size"},
    {"DETACHED-4", "the alignment of a detached seal is 1"}
};

/* CONF-5: names the clause, the offset and the key path, and ends the run. */
static _Noreturn void refuse(const struct job *j, const char *clause, uint64_t offset) {
    size_t i = 0;
    while (strcmp(reasons[i][0], clause))
        i++;
    fprintf(stderr, "{\"rejected\": \"%s", reasons[i][1]);
    if (!strcmp(clause, "SEAL-6"))
        fprintf(stderr, ": it is %s", j->version);
    if (j->here != ROOT) {
        fputs(", at ", stderr);
        print_path(stderr, j, j->here, true);
    }
    fprintf(stderr, "\", \"clause\": \"%s\"", clause);
    if (offset != UNKNOWN)
        fprintf(stderr, ", \"offset\": \"%" PRIu64 "\"", offset);
    if (j->here != ROOT) {
        fputs(", \"path\": [\"", stderr);
        print_path(stderr, j, j->here, false);
        fputs("\"]", stderr);
    }
    fputs("}\n", stderr);
    end_run(1);
}

static void require(const struct job *j, bool holds, const char *clause, uint64_t offset) {
    if (!holds)
        refuse(j, clause, offset);
}

/* LEAF-4, LEAF-5: how many elements a leaf has by its shape, which begins at `offset`. */
static uint64_t count_elements(const struct job *j, const struct leaf *leaf, uint64_t offset) {
    uint64_t product = dtypes[leaf->dtype].width;
    bool none = false;
    for (unsigned i = 0; i < leaf->rank; i++) {
        uint64_t dimension = j->dimensions.at[leaf->dimensions + i];
        none = none || !dimension;
        require(j, dimension <= INT64_MAX / product, "LEAF-4", offset);
        product *= dimension ? dimension : 1;
    }
    return none ? 0 : product / dtypes[leaf->dtype].width;
}

/* ------------------------------------------------------------------ checksums */

/* SUM-2: ends a block, which may be shorter than others where the record ends. */
static void end_block(struct job *j) {
    if (!j->in_block)
        return;
    ADD(&j->sums, j->block);
    j->all = crc_join(j->all, j->block, j->in_block);
    j->block = j->in_block = 0;
}

static void sum_bytes(struct job *j, const unsigned char *p, size_t n) {
    while (n) {
        size_t piece = BLOCK_BYTES - j->in_block < n ? BLOCK_BYTES - j->in_block : n;
        j->block = crc_add(j->block, p, piece);
        j->in_block += (uint32_t)piece;
        if (j->in_block == BLOCK_BYTES)
            end_block(j);
        p += piece;
        n -= piece;
    }
}

/* Brings the checksums up to what a decoder has used up of its input. */
static void sum_passed(struct job *j) {
    if (j->summing)
        sum_bytes(j, j->buffer + j->summed, j->at - j->summed);
    j->summed = j->at;
}

static size_t count_blocks(uint64_t size) {
    return (size_t)((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
}

/* ------------------------------------------------------------------ the input */

/* Reads on until `wanted` bytes (at most BUFFER_SIZE) are there; returns whether they are. */
static bool fill_buffer(struct job *j, size_t wanted) {
    if (j->end - j->at >= wanted)
        return true;
    sum_passed(j);
    memmove(j->buffer, j->buffer + j->at, j->end - j->at);
    j->end -= j->at;
    j->at = j->summed = 0;
    j->end += fread(j->buffer + j->end, 1, BUFFER_SIZE - j->end, j->in);
    if (ferror(j->in))
        fail(3, strerror(errno));
    return j->end >= wanted;
}

/*
 * Whether `size` more bytes lie before the limit. The end of a pipe is seen no further ahead than the buffer reaches;
 * beyond that it is noticed on the way.
 */
static bool has(struct job *j, uint64_t size) {
    if (j->limit != UNKNOWN)
        return size <= j->limit - j->position;
    return fill_buffer(j, size < BUFFER_SIZE ? (size_t)size : BUFFER_SIZE);
}

/* The input ends within a value (STREAM-2, FLAX-6), the seal begins within a record, or there is no seal (SEAL-5). */
static _Noreturn void refuse_cut(const struct job *j) {
    uint64_t end = j->position + (j->end - j->at);
    refuse(j, j->cut, strcmp(j->cut, "SEAL-5") ? j->top : end);
}

/* The next `size` bytes (at most BUFFER_SIZE), which stay where they are. */
static const unsigned char *peek(struct job *j, size_t size) {
    if (!fill_buffer(j, size))
        refuse_cut(j);
    return j->buffer + j->at;
}

static const unsigned char *take(struct job *j, size_t size) {
    const unsigned char *bytes = peek(j, size);
    if (j->keep) {
        MAKE_ROOM(j->keep, size);
        memcpy(j->keep->at + j->keep->count, bytes, size);
        j->keep->count += size;
    }
    j->at += size;
    j->position += size;
    return bytes;
}

/* ------------------------------------------------------ values of MessagePack */

/*
 * The table of chapter 01: the first bytes of a header, how many bytes of a number follow, and the type. Without such
 * bytes the number lies in the first byte. Those of one type stand in the order of their size, as a writer looks for
 * one (WIRE-1). T_NEGATIVE are the ints that have a sign; to a reader they are ints.
 */
static const struct form {
    unsigned char first, last, more;
    unsigned short type;
} forms[] = {
    {0x00, 0x7f, 0, T_INT}, {0xcc, 0xcc, 1, T_INT}, {0xcd, 0xcd, 2, T_INT}, {0xce, 0xce, 4, T_INT},
    {0xcf, 0xcf, 8, T_INT}, {0xe0, 0xff, 0, T_NEGATIVE}, {0xd0, 0xd0, 1, T_NEGATIVE}, {0xd1, 0xd1, 2, T_NEGATIVE},
    {0xd2, 0xd2, 4, T_NEGATIVE}, {0xd3, 0xd3, 8, T_NEGATIVE}, {0xc0, 0xc0, 0, T_NIL}, {0xc2, 0xc3, 0, T_BOOL},
    {0xca, 0xca, 4, T_FLOAT}, {0xcb, 0xcb, 8, T_FLOAT},
    {0xa0, 0xbf, 0, T_STR}, {0xd9, 0xd9, 1, T_STR}, {0xda, 0xda, 2, T_STR}, {0xdb, 0xdb, 4, T_STR},
    {0xc4, 0xc4, 1, T_BIN}, {0xc5, 0xc5, 2, T_BIN}, {0xc6, 0xc6, 4, T_BIN},
    {0xd4, 0xd8, 0, T_EXT}, {0xc7, 0xc7, 1, T_EXT}, {0xc8, 0xc8, 2, T_EXT}, {0xc9, 0xc9, 4, T_EXT},
    {0x90, 0x9f, 0, T_ARRAY}, {0xdc, 0xdc, 2, T_ARRAY}, {0xdd, 0xdd, 4, T_ARRAY},
    {0x80, 0x8f, 0, T_MAP}, {0xde, 0xde, 2, T_MAP}, {0xdf, 0xdf, 4, T_MAP}
};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

struct value {
    unsigned type;
    uint64_t offset;            /* of its header */
    uint64_t number;            /* length, count, bool, int, or the bits of a float 64 */
    bool negative;              /* an int below 0, as its two's complement */
    unsigned char ext;          /* the type of an ext */
};

/* LEAF-8: a float 32 as the bits of a float 64; a NaN is made quiet, and keeps its sign and its payload. */
static uint64_t widen(uint32_t bits) {
    float narrow;
    double wide;
    uint64_t result;
    if ((bits & 0x7fffffff) > 0x7f800000)       /* a NaN, which a conversion may change */
        return (uint64_t)(bits >> 31) << 63 | UINT64_C(0x7ff8000000000000) |
               (uint64_t)(bits & 0x7fffff) << 29;
    memcpy(&narrow, &bits, sizeof bits);
    wide = narrow;
    memcpy(&result, &wide, sizeof result);
    return result;
}

/* The form of a header that begins with this byte, or NULL. */
static const struct form *find_form(unsigned char first) {
    for (const struct form *form = forms; form < forms + FORM_COUNT; form++)
        if (first >= form->first && first <= form->last)
            return form;
    return NULL;
}

/* Whether the header of this form can hold the number. */
static bool fits(const struct form *form, uint64_t n) {
    if (form->type == T_NEGATIVE)       /* as its two's complement */
        return n >= (form->more ? UINT64_MAX << (8 * form->more - 1) : (uint64_t)-32);
    if (form->type == T_FLOAT)          /* LEAF-7, LEAF-8 */
        return form->more == 8;
    if (form->type == T_EXT && !form->more)
        return n && n <= 16 && !(n & (n - 1));
    return !form->more ? n <= (unsigned)(form->last - form->first) : form->more == 8 || !(n >> 8 * form->more);
}

/* WIRE-1: the form of the shortest header of this type that holds a length, count, int, bool or float, or NULL. */
static const struct form *shortest_form(unsigned type, uint64_t n) {
    for (const struct form *form = forms; form < forms + FORM_COUNT; form++)
        if (form->type == type && fits(form, n))
            return form;
    return NULL;
}

/* What the header says of a value. WIRE-2: however many bytes it was written in. */
static void read_number(struct value *v, const struct form *form, const unsigned char *header) {
    v->number = form->more ? get_number(header + 1, form->more) : (unsigned)(header[0] - form->first);
    if (v->type == T_EXT) {
        v->number = form->more ? v->number : UINT64_C(1) << v->number;
        v->ext = header[1 + form->more];
    }
    if (v->type == T_FLOAT && form->more == 4)
        v->number = widen((uint32_t)v->number);
    if (form->type != T_NEGATIVE)
        return;
    if (!form->more)
        v->number += (uint64_t)-32;
    else if (form->more < 8 && header[1] & 0x80)
        v->number |= UINT64_MAX << 8 * form->more;
    v->negative = v->number > INT64_MAX;
}

/* `size` more bytes have to come before the limit of a body, or else this clause is broken, or of the input. */
static void require_bytes(struct job *j, uint64_t size, const char *clause, uint64_t offset) {
    if (has(j, size))
        return;
    if (!j->depth)
        refuse_cut(j);
    refuse(j, clause, offset);
}

/*
 * Reads the header of the next value. CONF-8: checks first that its type is one of `allowed` (if not, `clause` is
 * broken), then that what it announces fits.
 */
static struct value read_value(struct job *j, unsigned allowed, const char *clause) {
    struct value v = {.offset = j->position};
    if (!j->depth && !j->sealed)
        j->top = v.offset;
    require_bytes(j, 1, "WIRE-6", v.offset);
    const struct form *form = find_form(*peek(j, 1));
    require(j, form, "WIRE-4", v.offset);
    v.type = form->type == T_NEGATIVE ? T_INT : form->type;
    require(j, v.type & allowed, clause, v.offset);

    unsigned size = 1u + form->more + (v.type == T_EXT);
    require_bytes(j, size, "WIRE-3", v.offset);
    read_number(&v, form, take(j, size));
    if (v.type & (T_STR | T_BIN | T_EXT | T_ARRAY | T_MAP))     /* WIRE-3, CONF-4 */
        require_bytes(j, v.type == T_MAP ? 2 * v.number : v.number, "WIRE-3", v.offset);
    if (j->strict)                                              /* INDEX-5, META-2 */
        require(j, form == shortest_form(v.negative ? T_NEGATIVE : v.type, v.number),
                !j->keep ? "INDEX-5" : v.type == T_FLOAT ? "META-1" : "META-2", v.offset);
    return v;
}

/* Goes into the body of a bin or ext. Returns the limit that leave_body restores. */
static uint64_t enter_body(struct job *j, const struct value *v) {
    uint64_t outer = j->limit;
    j->depth++;
    j->limit = j->position + v->number;
    return outer;
}

static void leave_body(struct job *j, uint64_t outer) {
    require(j, j->position == j->limit, "WIRE-6", j->position);
    j->limit = outer;
    j->depth--;
}

/* Whether a value is a str with these bytes, which are not used up by this. */
static bool is_str(struct job *j, const struct value *v, const char *text) {
    return v->type == T_STR && v->number == strlen(text) && !memcmp(peek(j, strlen(text)), text, strlen(text));
}

/* LEAF-10 to LEAF-12: reads a key that has to be this text, or this number in decimal. */
static void read_fixed_key(struct job *j, const char *text, const char *clause) {
    struct value key = read_value(j, T_STR, clause);
    require(j, is_str(j, &key, text), clause, key.offset);
    take(j, strlen(text));
}

/* --------------------------------------------------------------- reading leaves */

/* The record that is being read, where what the index says of it is noted, or NULL. */
static struct record *noted(struct job *j) {
    return j->summing ? &j->records.at[j->records.count - 1] : NULL;
}

/* Goes over the body of a bin or str, piece by piece, and hashes it unless `sha` is NULL. */
static void pass_body(struct job *j, const struct value *v, struct sha256 *sha) {
    struct utf8 check = {0, 0, 0};
    bool valid = true;
    for (uint64_t left = v->number; left; ) {
        peek(j, 1);
        size_t piece = j->end - j->at < left ? j->end - j->at : (size_t)left;
        const unsigned char *bytes = take(j, piece);
        if (sha)
            sha_add(sha, bytes, piece);
        valid = valid && (v->type != T_STR || utf8_add(&check, bytes, piece));
        left -= piece;
    }
    require(j, valid && !check.due, "WIRE-5", v->offset);
}

/* LEAF-3 */
static void read_dimension(struct job *j, struct leaf *leaf) {
    struct value v = read_value(j, T_INT, "LEAF-3");
    require(j, !v.negative, "LEAF-3", v.offset);
    ADD(&j->dimensions, v.number);
    leaf->rank++;
}

/*
 * The body of an ext of type 1 or 3, `clause` being LEAF-2 or LEAF-6. A scalar or a chunk has to have `rank`
 * dimensions, or else `rank_clause` is broken; a chunk that is not the first has `first_dtype`, others -1. Adds the payload to the hash; returns how many elements it has.
 */
static uint64_t read_array(struct job *j, const struct value *ext, struct leaf *leaf,
                           const char *clause, const char *rank_clause, unsigned rank, int first_dtype) {
    uint64_t outer = enter_body(j, ext);
    struct value body = read_value(j, T_ARRAY, clause);
    require(j, body.number == 3, clause, body.offset);
    struct value shape = read_value(j, T_ARRAY, "LEAF-3");
    require(j, shape.number <= MAX_DIMENSIONS, "LEAF-3", shape.offset);
    require(j, !rank_clause || shape.number == rank, rank_clause, shape.offset);
    for (uint64_t i = 0; i < shape.number; i++)
        read_dimension(j, leaf);

    struct value tag = read_value(j, T_STR | T_BIN, "DTYPE-2");
    require(j, tag.number <= LONGEST_TAG, "DTYPE-1", tag.offset);
    int dtype = find_dtype(take(j, (size_t)tag.number), (size_t)tag.number);
    require(j, dtype >= 0, "DTYPE-1", tag.offset);
    require(j, first_dtype < 0 || dtype == first_dtype, "LEAF-12", tag.offset);
    leaf->dtype = (unsigned char)dtype;

    uint64_t elements = count_elements(j, leaf, shape.offset);
    struct value payload = read_value(j, T_BIN, "LEAF-5");
    require(j, payload.number == elements * dtypes[dtype].width, "LEAF-5", payload.offset);
    struct record *record = noted(j);
    if (record && record->payload == UNKNOWN)
        record->payload = j->position - record->offset;
    pass_body(j, &payload, &j->sha);
    leave_body(j, outer);
    return elements;
}

/* LEAF-7 */
static void read_complex(struct job *j, const struct value *ext, struct leaf *leaf) {
    uint64_t outer = enter_body(j, ext);
    struct value body = read_value(j, T_ARRAY, "LEAF-7");
    require(j, body.number == 2, "LEAF-7", body.offset);
    for (int i = 0; i < 2; i++)
        leaf->number[i] = read_value(j, T_FLOAT, "LEAF-7").number;
    leave_body(j, outer);
}

/* ALIGN-1, ALIGN-2 */
static void read_padding(struct job *j) {
    read_fixed_key(j, "pad", "ALIGN-1");
    struct value pad = read_value(j, T_BIN, "ALIGN-2");
    require(j, pad.number <= MAX_PADDING, "ALIGN-2", pad.offset);
    const unsigned char *bytes = take(j, (size_t)pad.number);
    for (size_t i = 0; i < pad.number; i++)
        require(j, !bytes[i], "ALIGN-2", pad.offset);
    noted(j)->padded = true;
}

/* LEAF-10 to LEAF-12: a map of which the marker, its first key, has been read but for its text. */
static void read_chunked(struct job *j, const struct value *map, struct leaf *leaf) {
    leaf->kind = NDARRAY;
    char text[24];
    take(j, strlen(MARKER));
    require(j, map->number == 3 || (map->number == 4 && j->sealed), "LEAF-10", map->offset);
    struct value marked = read_value(j, T_BOOL, "LEAF-10");
    require(j, marked.number, "LEAF-10", marked.offset);
    if (map->number == 4)
        read_padding(j);

    read_fixed_key(j, "shape", "LEAF-10");
    struct value shape = read_value(j, T_MAP, "LEAF-11");
    require(j, shape.number <= MAX_DIMENSIONS, "LEAF-3", shape.offset);
    for (uint64_t i = 0; i < shape.number; i++) {
        read_fixed_key(j, decimal(text, i), "LEAF-11");
        read_dimension(j, leaf);
    }

    read_fixed_key(j, "chunks", "LEAF-10");
    struct value chunks = read_value(j, T_MAP, "LEAF-12");
    require(j, chunks.number, "LEAF-12", chunks.offset);
    uint64_t elements = 0;
    for (uint64_t i = 0; i < chunks.number; i++) {
        read_fixed_key(j, decimal(text, i), "LEAF-12");
        struct value ext = read_value(j, T_EXT, "LEAF-12");
        require(j, ext.ext == 1, "LEAF-12", ext.offset);
        struct leaf chunk = {.dimensions = j->dimensions.count};
        elements += read_array(j, &ext, &chunk, "LEAF-2", "LEAF-12", 1, i ? leaf->dtype : -1);
        j->dimensions.count = chunk.dimensions;
        leaf->dtype = chunk.dtype;
        if (!i)
            count_elements(j, leaf, shape.offset);       /* LEAF-11: LEAF-4 holds */
    }
    require(j, elements == count_elements(j, leaf, shape.offset), "LEAF-12", chunks.offset);
    if (noted(j))
        noted(j)->pieces = chunks.number > 1;
}

/*
 * Adds a leaf that has been read and begins at `offset`. PART-4: a part of an array that is not the first one continues
 * the leaf that has been added last.
 */
static void end_leaf(struct job *j, struct leaf *leaf, const struct array_part *part, uint64_t offset) {
    leaf->parts = part->count;
    require(j, !leaf->parts || leaf->kind == NDARRAY, "PART-1", offset);
    if (!part->number)
        add_leaf(j, leaf);
    struct leaf *last = &j->leaves.at[j->leaves.count - 1];
    require(j, last->dtype == leaf->dtype, "PART-2", offset);
    if (part->number + 1 >= part->count)
        sha_end(&j->sha, last->digest);

    struct record *record = noted(j);
    if (!record)
        return;
    record->rank = leaf->rank;
    record->dimensions = leaf->dimensions;
    if (!part->number)
        last->record = j->records.count - 1;
    last->records++;
}

/* LEAF-1: reads the leaf, or the part of one, that a value begins; a map is an empty one or is chunked. */
static void read_leaf(struct job *j, const struct value *v, uint32_t node, const struct array_part *part) {
    struct leaf leaf = {.node = node, .number = {v->number}, .negative = v->negative,
                        .dimensions = j->dimensions.count, .size = v->number};
    while (leaf.kind < KIND_COUNT && (kinds[leaf.kind].type != v->type || kinds[leaf.kind].ext != v->ext))
        leaf.kind++;
    require(j, leaf.kind < KIND_COUNT, "LEAF-1", v->offset);
    if (!part->number)
        sha_begin(&j->sha);
    if (v->type == T_MAP && v->number)
        read_chunked(j, v, &leaf);
    else if (leaf.kind == NDARRAY)
        read_array(j, v, &leaf, "LEAF-2", NULL, 0, -1);
    else if (leaf.kind == SCALAR)
        read_array(j, v, &leaf, "LEAF-6", "LEAF-6", 0, -1);
    else if (leaf.kind <= BIN)
        pass_body(j, v, &j->sha);
    else if (leaf.kind == COMPLEX)
        read_complex(j, v, &leaf);
    end_leaf(j, &leaf, part, v->offset);
}

/* -------------------------------------------------- reading streams and flax files */

/*
 * Reads a key and goes to its node. KEY-3, KEY-4, WIRE-5: a limit is passed by what begins at `path_offset`, a text
 * that is not UTF-8 is at fault itself.
 */
static uint32_t read_key(struct job *j, uint32_t parent, const struct value *key, uint64_t path_offset) {
    bool fits = key->number <= MAX_PATH_BYTES;  /* if not, it is refused for its length alone */
    const unsigned char *text = fits ? take(j, (size_t)key->number) : NULL;
    const char *fault = go_to_child(j, &parent, text, key->number, false);
    if (fault)
        refuse(j, fault, !strcmp(fault, "WIRE-5") ? key->offset : path_offset);
    return parent;
}

/* How many of these bytes make a number without leading zeros; 0 where they begin with none. */
static size_t count_digits(const unsigned char *p, size_t length) {
    size_t count = 0;
    while (count < length && p[count] >= '0' && p[count] <= '9')
        count++;
    return count > 1 && *p == '0' ? 0 : count;
}

/* Takes a word off the beginning of a text, if it is there. */
static bool skip_word(const unsigned char **p, size_t *length, const char *word) {
    size_t n = strlen(word);
    bool there = *length >= n && !memcmp(*p, word, n);
    *p += there ? n : 0;
    *length -= there ? n : 0;
    return there;
}

/*
 * PART-3: whether a key has the form `__part_I_of_N__`, I being less than N, and the two numbers. No array has as many
 * parts as a number of more than 18 digits says: such numbers are 0 here.
 */
static bool is_part_key(const unsigned char *text, size_t length, struct array_part *part) {
    const unsigned char *digits[2];
    size_t counts[2];
    for (int i = 0; i < 2; i++) {
        if (!skip_word(&text, &length, i ? "_of_" : "__part_"))
            return false;
        digits[i] = text;
        counts[i] = count_digits(text, length);
        if (!counts[i])
            return false;
        text += counts[i];
        length -= counts[i];
    }
    bool less = counts[0] < counts[1] || (counts[0] == counts[1] && memcmp(digits[0], digits[1], counts[0]) < 0);
    if (!skip_word(&text, &length, "__") || length || !less)
        return false;
    uint64_t numbers[2] = {0, 0};
    for (int i = 0; i < 2 && counts[1] <= 18; i++)
        for (size_t k = 0; k < counts[i]; k++)
            numbers[i] = numbers[i] * 10 + (digits[i][k] - '0');
    *part = (struct array_part){numbers[0], numbers[1]};
    return true;
}

/* KEY-1: reads a key path and goes to its node. PART-3: that of a part to the node of its leaf. */
static uint32_t read_path(struct job *j, struct array_part *part) {
    uint32_t node = ROOT;
    struct value path = read_value(j, T_ARRAY, "KEY-1");
    require(j, path.number, "KEY-1", path.offset);
    require(j, path.number <= MAX_PARTS + (uint64_t)j->sealed, "KEY-3", path.offset);
    for (uint64_t i = 0; i < path.number; i++) {
        struct value key = read_value(j, T_STR, "KEY-1");
        if (j->sealed && key.number <= MAX_PATH_BYTES &&
            is_part_key(peek(j, (size_t)key.number), (size_t)key.number, part)) {
            require(j, i && i == path.number - 1, "PART-3", key.offset);
            require(j, part->count, "PART-2", key.offset);
            take(j, (size_t)key.number);
        } else {
            node = read_key(j, node, &key, path.offset);
        }
    }
    return node;
}

/* PART-1, PART-2: the parts of an array stand one after the other, none is missing, and nothing is between them. */
static void follow_parts(struct job *j, uint32_t node, const struct array_part *part, uint64_t offset) {
    struct array_part *next = &j->part;
    bool begun = next->number != next->count;
    bool follows = begun ? part->number == next->number && part->count == next->count &&
                           j->leaves.at[j->leaves.count - 1].node == node
                         : !part->number;
    require(j, follows, "PART-2", offset);
    *next = *part;
    if (next->count)
        next->number++;
}

/* Begins to note what the index says of a record, where there is an index. */
static void begin_record(struct job *j) {
    if (j->summing)
        ADD(&j->records, ((struct record){.offset = j->position, .payload = UNKNOWN, .sums = j->sums.count}));
}

static void end_record(struct job *j) {
    struct record *record = noted(j);
    j->here = ROOT;
    if (!record)
        return;
    sum_passed(j);
    end_block(j);
    record->size = j->position - record->offset;
}

/* REC-1, REC-2 */
static void read_record(struct job *j) {
    struct array_part part = {0, 0};
    j->here = ROOT;             /* the key path is not known before it has been read */
    if (j->sealed)
        j->top = j->position;
    require(j, !j->sealed || !j->position || *peek(j, 1) == 0x92, "SEAL-1", j->position);
    begin_record(j);
    struct value record = read_value(j, T_ARRAY, "REC-1");
    require(j, record.number == 2, "REC-1", record.offset);
    uint32_t node = j->here = read_path(j, &part);
    follow_parts(j, node, &part, record.offset);
    const char *clash = part.number ? NULL : find_clash(j, node);
    require(j, !clash, clash, record.offset);

    struct value blob = read_value(j, T_BIN, "REC-2");
    uint64_t outer = enter_body(j, &blob);
    struct value v = read_value(j, T_ALL & ~T_ARRAY, "LEAF-1");
    if (v.type == T_MAP && v.number) {
        struct value key = read_value(j, T_ALL, "LEAF-1");
        require(j, is_str(j, &key, MARKER), "LEAF-1", v.offset);
    }
    read_leaf(j, &v, node, &part);
    leave_body(j, outer);
    end_record(j);
}

static void read_flax_leaf(struct job *j, const struct value *v, uint32_t node) {
    read_leaf(j, v, node, &(struct array_part){0, 0});
    j->path_cost += j->nodes.at[node].path_bytes + 8u * j->nodes.at[node].depth;
    require(j, !paths_too_long(j, j->limit), "FLAX-8", v->offset);
}

/*
 * FLAX-2 to FLAX-5: the entries of a map that has some, or the chunked array that it is. It calls itself no deeper
 * than MAX_PARTS (KEY-3).
 */
static void read_flax_map(struct job *j, const struct value *map, uint32_t parent) {
    for (uint64_t i = 0; i < map->number; i++) {
        struct value key = read_value(j, T_STR, "FLAX-2");
        if (is_str(j, &key, MARKER)) {
            require(j, !i && parent != ROOT, "FLAX-3", key.offset);
            read_flax_leaf(j, map, parent);
            return;
        }
        size_t known = j->nodes.count;
        uint32_t node = j->here = read_key(j, parent, &key, key.offset);
        require(j, node >= known, "FLAX-5", key.offset);
        struct value v = read_value(j, T_ALL & ~T_ARRAY, "FLAX-4");
        if (v.type == T_MAP && v.number)
            read_flax_map(j, &v, node);
        else
            read_flax_leaf(j, &v, node);
        j->here = parent;
    }
}

/* ---------------------------------------------------------------- reading seals */

/* PART-2: how an array is cut into boxes; `count` is 0 where it cannot be. */
struct boxes {
    unsigned axis;              /* the dimension that is cut */
    uint64_t rows;              /* how many a box has, but for the last of a range ... */
    uint64_t range;             /* ... of so many boxes */
    uint64_t count;
};

static struct boxes cut_array(const uint64_t *dimensions, unsigned rank, unsigned width) {
    struct boxes b = {.count = rank != 0};
    for (unsigned i = 0; i < rank; i++)
        b.count = dimensions[i] ? b.count : 0;
    if (!b.count)               /* no element, or no dimension that could be cut */
        return b;
    uint64_t row = width;
    for (b.axis = rank - 1; b.axis && dimensions[b.axis] <= BOX_BYTES / row; b.axis--)
        row *= dimensions[b.axis];
    b.rows = BOX_BYTES / row;
    b.range = b.count = (dimensions[b.axis] - 1) / b.rows + 1;
    for (unsigned i = 0; i < b.axis; i++)
        b.count *= dimensions[i];
    return b;
}

/* The dimension `i` of the shape of a box. */
static uint64_t box_dimension(const struct boxes *b, const uint64_t *dimensions, uint64_t box, unsigned i) {
    uint64_t before = box % b->range * b->rows;         /* rows of the same range */
    if (i != b->axis)
        return i < b->axis ? 1 : dimensions[i];
    return dimensions[i] - before < b->rows ? dimensions[i] - before : b->rows;
}

/* INDEX-7: what the index says of a leaf has to be what its records say. */
static void agree(const struct job *j, bool agrees, size_t record) {
    require(j, agrees, "INDEX-7", j->records.at[record].offset);
}

static void agree_on_text(struct job *j, const struct value *v, const void *text, size_t length, size_t record) {
    agree(j, v->number == length && !memcmp(peek(j, length), text, length), record);
    take(j, length);
}

/* INDEX-6: a key path that is that of the record, which has been checked, needs no further check. */
static void read_indexed_keys(struct job *j, const struct node *n, size_t record) {
    if (n->parent != ROOT)
        read_indexed_keys(j, &j->nodes.at[n->parent], record);
    struct value key = read_value(j, T_STR, "KEY-1");
    agree_on_text(j, &key, j->texts.at + n->text, n->length, record);
}

/* INDEX-2: dtype and shape. Those of an array in parts are known only now (PART-2). */
static void read_indexed_array(struct job *j, struct leaf *leaf) {
    struct value tag = read_value(j, T_STR, "INDEX-2");
    agree_on_text(j, &tag, dtypes[leaf->dtype].tag, strlen(dtypes[leaf->dtype].tag), leaf->record);
    struct value shape = read_value(j, T_ARRAY, "INDEX-2");
    require(j, shape.number <= MAX_DIMENSIONS, "LEAF-3", shape.offset);
    struct leaf stated = {.dtype = leaf->dtype, .dimensions = j->dimensions.count};
    for (uint64_t i = 0; i < shape.number; i++)
        read_dimension(j, &stated);
    count_elements(j, &stated, shape.offset);       /* LEAF-4 */

    const uint64_t *dimensions = j->dimensions.at + stated.dimensions;
    struct boxes b = {.axis = 0, .rows = UNKNOWN, .range = 1, .count = 1};      /* of an array that is not in parts */
    if (leaf->parts) {
        b = cut_array(dimensions, stated.rank, dtypes[leaf->dtype].width);
        require(j, b.count == leaf->records, "PART-2", shape.offset);
    }
    for (size_t i = 0; i < leaf->records; i++) {
        const struct record *record = &j->records.at[leaf->record + i];
        bool same = record->rank == stated.rank;
        for (unsigned k = 0; same && k < stated.rank; k++)
            same = box_dimension(&b, dimensions, i, k) == j->dimensions.at[record->dimensions + k];
        require(j, same, leaf->parts ? "PART-2" : "INDEX-7", record->offset);
    }
    if (leaf->parts) {
        leaf->rank = stated.rank;
        leaf->dimensions = stated.dimensions;
    } else {
        j->dimensions.count = stated.dimensions;
    }
}

/* INDEX-3, INDEX-4, SUM-3 */
static void read_indexed_record(struct job *j, size_t place) {
    const struct record *record = &j->records.at[place];
    struct value entry = read_value(j, T_ARRAY, "INDEX-3");
    require(j, entry.number == 3, "INDEX-3", entry.offset);
    struct value size = read_value(j, T_INT, "INDEX-3");
    agree(j, size.number == record->size && !size.negative, place);

    struct value payload = read_value(j, T_INT | T_NIL, "INDEX-3");
    bool whole = record->payload != UNKNOWN && !record->pieces;
    agree(j, whole ? payload.type == T_INT && payload.number == record->payload : payload.type == T_NIL, place);
    require(j, !record->padded || (record->offset + record->payload) % j->alignment == 0, "ALIGN-5",
            record->offset + record->payload);

    struct value sums = read_value(j, T_BIN, "INDEX-3");
    require(j, sums.number == 4 * count_blocks(record->size), "INDEX-4", sums.offset);
    const unsigned char *bytes = take(j, (size_t)sums.number);
    for (size_t i = 0; i < sums.number / 4; i++)
        require(j, get_number(bytes + 4 * i, 4) == j->sums.at[record->sums + i], "SUM-3",
                record->offset + i * BLOCK_BYTES);
}

/* INDEX-2 */
static void read_indexed_leaf(struct job *j, struct leaf *leaf) {
    j->here = leaf->node;
    struct value entry = read_value(j, T_ARRAY, "INDEX-2");
    require(j, entry.number == 5, "INDEX-2", entry.offset);
    struct value path = read_value(j, T_ARRAY, "KEY-1");
    agree(j, path.number == j->nodes.at[leaf->node].depth, leaf->record);
    read_indexed_keys(j, &j->nodes.at[leaf->node], leaf->record);
    struct value kind = read_value(j, T_STR, "INDEX-2");
    agree_on_text(j, &kind, kinds[leaf->kind].name, strlen(kinds[leaf->kind].name), leaf->record);
    if (leaf->kind <= SCALAR) {
        read_indexed_array(j, leaf);
    } else {
        read_value(j, T_NIL, "INDEX-2");
        read_value(j, T_NIL, "INDEX-2");
    }
    struct value records = read_value(j, T_ARRAY, "INDEX-2");
    agree(j, records.number == leaf->records, leaf->record);
    for (size_t i = 0; i < leaf->records; i++)
        read_indexed_record(j, leaf->record + i);
    j->here = ROOT;
}

/* META-3: the metadata, which begins at `start`, is not too long with so many bytes more. */
static void limit_metadata(const struct job *j, uint64_t more, uint64_t start) {
    require(j, j->metadata.count + more <= MAX_META_BYTES, "META-3", start);
}

/* META-2: whether a text, of which both have been kept, comes before another one; `a` and `b` are their places. */
static bool in_order(const struct bytes *kept, size_t a, size_t a_length, size_t b, size_t b_length) {
    int order = memcmp(kept->at + a, kept->at + b, a_length < b_length ? a_length : b_length);
    return order < 0 || (!order && a_length < b_length);
}

/*
 * META-1 to META-3: checks a value of the metadata, which begins at `start`, and keeps its bytes. It calls itself no
 * deeper than MAX_META_DEPTH.
 */
static void read_metadata(struct job *j, unsigned depth, uint64_t start) {
    struct value v = read_value(j, depth ? T_ALL & ~T_EXT : T_MAP, "META-1");
    bool nests = v.type == T_MAP || v.type == T_ARRAY;
    require(j, depth < MAX_META_DEPTH || !nests, "META-3", v.offset);
    bool has_body = v.type == T_STR || v.type == T_BIN;
    limit_metadata(j, has_body ? v.number : 0, start);
    if (has_body)
        pass_body(j, &v, NULL);
    size_t before = 0, before_length = 0;       /* the key of the entry before */
    for (uint64_t i = 0; nests && i < v.number; i++) {
        if (v.type == T_MAP) {
            struct value key = read_value(j, T_STR, "META-1");
            size_t text = j->metadata.count;
            limit_metadata(j, key.number, start);
            pass_body(j, &key, NULL);
            require(j, !i || in_order(&j->metadata, before, before_length, text, (size_t)key.number),
                    "META-2", key.offset);
            before = text;
            before_length = (size_t)key.number;
        }
        read_metadata(j, depth + 1, start);
    }
}

/* ALIGN-5 */
static bool is_alignment(uint64_t n) {
    return n >= 64 && n <= 4096 && !(n & (n - 1));
}

/* INDEX-1: reads the index, which has this length, and compares it with what has been noted of the records. */
static void read_index(struct job *j, uint64_t length) {
    uint64_t start = j->position, outer = enter_body(j, &(struct value){.number = length});
    j->strict = true;
    struct value index = read_value(j, T_MAP, "INDEX-1");
    require(j, index.number == 4 || index.number == 5, "INDEX-1", index.offset);

    read_fixed_key(j, "alignment", "INDEX-5");
    struct value alignment = read_value(j, T_INT, "INDEX-1");
    j->alignment = alignment.number;
    if (j->detached)
        require(j, j->alignment == 1, "DETACHED-4", alignment.offset);
    else
        require(j, is_alignment(j->alignment), "ALIGN-5", alignment.offset);

    read_fixed_key(j, "checksum", "INDEX-5");
    struct value checksum = read_value(j, T_BIN, "INDEX-1");
    require(j, checksum.number == 4, "INDEX-1", checksum.offset);
    bool whole = get_number(take(j, 4), 4) == j->checksum;      /* compared after the blocks, which say where */

    read_fixed_key(j, "leaves", "INDEX-5");
    struct value leaves = read_value(j, T_ARRAY, "INDEX-1");
    require(j, leaves.number == j->leaves.count, "INDEX-4", leaves.offset);
    for (size_t i = 0; i < j->leaves.count; i++)
        read_indexed_leaf(j, &j->leaves.at[i]);
    require(j, whole, "INDEX-8", start);

    read_fixed_key(j, "metadata", "INDEX-5");
    j->keep = &j->metadata;
    read_metadata(j, 0, j->position);
    j->keep = NULL;

    if (index.number == 5) {
        read_fixed_key(j, "digests", "INDEX-5");
        struct value digests = read_value(j, T_BIN, "INDEX-1");
        require(j, digests.number == 32 * ((uint64_t)j->leaves.count + 1), "INDEX-9", digests.offset);
        j->keep = &j->digests;
        pass_body(j, &digests, NULL);
        j->keep = NULL;
    }
    j->strict = false;
    leave_body(j, outer);
}

/* SEAL-4: the offset of the seal, how many bytes the index has, and its checksum. */
struct footer { uint64_t seal, index; uint32_t checksum; };

/* SEAL-4 to SEAL-6, in the order of SEAL-9: a footer, which begins at `offset` and ends the file. */
static struct footer read_footer(struct job *j, const unsigned char *p, uint64_t offset) {
    struct footer f = {get_number(p, 8), get_number(p + 8, 4), (uint32_t)get_number(p + 12, 4)};
    unsigned major = (unsigned)get_number(p + 16, 2), minor = (unsigned)get_number(p + 18, 2);
    require(j, !memcmp(p + 24, SEAL_MAGIC, 16), "SEAL-5", offset + FOOTER_BYTES);
    require(j, get_number(p + 20, 4) == crc_add(0, p, 20), "SEAL-4", offset);
    snprintf(j->version, sizeof j->version, "%u.%u", major, minor);
    require(j, major == 2 && minor == 0, "SEAL-6", offset);
    uint64_t before = j->detached ? 0 : f.seal + SEAL_HEADER;       /* bytes before the index */
    bool overflows = !j->detached && before < f.seal;
    require(j, !overflows && before <= offset && f.index == offset - before, "SEAL-4", offset);
    return f;
}

static void read_at(FILE *file, off_t offset, unsigned char *to, size_t size) {
    if (fseeko(file, offset, SEEK_SET) || fread(to, 1, size, file) != size)
        fail(3, "the file cannot be read at any offset, or has changed");
}

/*
 * SEAL-8: looks at the end of a file of this size, which begins at `start`, before it is read from the front, and
 * returns the offset of the seal. All of this is checked again when the seal is reached. Looked at first, it tells at
 * once that a file has been cut off, and that an index is damaged rather than wrong.
 */
static uint64_t look_at_end(struct job *j, FILE *file, off_t start, uint64_t size) {
    unsigned char bytes[1 << 12];
    require(j, size >= FOOTER_BYTES, "SEAL-5", size);
    read_at(file, start + (off_t)size - FOOTER_BYTES, bytes, FOOTER_BYTES);
    struct footer f = read_footer(j, bytes, size - FOOTER_BYTES);
    if (!j->detached) {
        read_at(file, start + (off_t)f.seal, bytes, SEAL_HEADER);
        require(j, *bytes == 0xc6 && get_number(bytes + 1, 4) == f.index + FOOTER_BYTES + 1 &&
                f.index <= MAX_INDEX_BYTES, "SEAL-3", f.seal);
    }
    uint64_t at = size - FOOTER_BYTES - f.index;
    uint32_t checksum = 0;
    for (uint64_t done = 0, piece; done < f.index; done += piece) {
        piece = f.index - done < sizeof bytes ? f.index - done : sizeof bytes;
        read_at(file, start + (off_t)(at + done), bytes, (size_t)piece);
        checksum = crc_add(checksum, bytes, (size_t)piece);
    }
    require(j, checksum == f.checksum, "SEAL-4", at);
    return f.seal;
}

/* SEAL-2, SEAL-3: what stands behind the last record, or in the file of a detached seal. */
static void read_seal(struct job *j, uint64_t stream_size) {
    uint64_t length = j->detached ? j->limit - FOOTER_BYTES : 0;
    j->checksum = j->all;
    j->all = 0;
    j->summing = false;
    if (!j->detached) {
        const unsigned char *header = take(j, SEAL_HEADER);
        length = get_number(header + 1, 4) - FOOTER_BYTES - 1;
        require(j, *header == 0xc6 && length <= MAX_INDEX_BYTES, "SEAL-3", stream_size);
    }

    uint64_t start = j->position;
    j->summed = j->at;
    j->summing = true;
    read_index(j, length);
    sum_passed(j);
    end_block(j);
    j->summing = false;

    uint64_t offset = j->position;
    struct footer f = read_footer(j, take(j, FOOTER_BYTES), offset);
    require(j, f.seal == stream_size, j->detached ? "DETACHED-2" : "SEAL-4", offset);
    require(j, f.checksum == j->all, "SEAL-4", start);
    require(j, !has(j, 1), "SEAL-2", j->position);
}

/* ------------------------------------------------------------------ the JSON out */

/* The bytes in hexadecimal digits, between quotes. */
static void print_hex(FILE *out, const unsigned char *p, size_t n) {
    putc('"', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%02x", p[i]);
    putc('"', out);
}

/* A valid text as a JSON string. */
static void print_str(FILE *out, const unsigned char *p, size_t length) {
    putc('"', out);
    print_text(out, p, length, false);
    putc('"', out);
}

static void print_int(FILE *out, uint64_t number, bool negative) {
    fprintf(out, "\"%s%" PRIu64 "\"", negative ? "-" : "", negative ? -number : number);
}

static void print_leaf(const struct job *j, const struct leaf *leaf) {
    FILE *out = j->out;
    fputs("{\"path\": [\"", out);
    print_path(out, j, leaf->node, false);
    fputs("\"], \"display\": \"", out);
    print_path(out, j, leaf->node, true);
    fprintf(out, "\", \"kind\": \"%s\"", kinds[leaf->kind].name);
    const uint64_t *number = leaf->number;
    if (leaf->kind == BOOL) {
        fprintf(out, ", \"value\": %s", *number ? "true" : "false");
    } else if (leaf->kind == INT) {
        fputs(", \"value\": ", out);
        print_int(out, *number, leaf->negative);
    } else if (leaf->kind == FLOAT) {
        fprintf(out, ", \"value\": \"%016" PRIx64 "\"", *number);
    } else if (leaf->kind == COMPLEX) {
        fprintf(out, ", \"value\": [\"%016" PRIx64 "\", \"%016" PRIx64 "\"]", number[0], number[1]);
    }
    if (leaf->kind == NDARRAY) {
        fputs(", \"shape\": [", out);
        for (unsigned i = 0; i < leaf->rank; i++)
            fprintf(out, "%s\"%" PRIu64 "\"", i ? ", " : "", j->dimensions.at[leaf->dimensions + i]);
        putc(']', out);
    }
    if (leaf->kind <= SCALAR)
        fprintf(out, ", \"dtype\": \"%s\"", dtypes[leaf->dtype].tag);
    else if (leaf->kind <= BIN)
        fprintf(out, ", \"bytes\": \"%" PRIu64 "\"", leaf->size);
    if (leaf->kind <= BIN) {
        fputs(", \"sha256\": ", out);
        print_hex(out, leaf->digest, 32);
    }
    for (size_t i = 0; i < leaf->records; i++) {
        const struct record *record = &j->records.at[leaf->record + i];
        for (size_t k = 0; k < count_blocks(record->size); k++)
            fprintf(out, "%s\"%08" PRIx32 "\"", i || k ? ", " : ", \"checksums\": [", j->sums.at[record->sums + k]);
    }
    fputs(leaf->records ? "]" : "", out);
    putc('}', out);
}

/* A header that has been checked and stands at `p`; returns where it ends. */
static const unsigned char *parse_header(const unsigned char *p, struct value *v) {
    const struct form *form = find_form(*p);
    *v = (struct value){.type = form->type == T_NEGATIVE ? T_INT : form->type};
    read_number(v, form, p);
    return p + 1 + form->more;
}

/* Prints the value of metadata that stands at `p` and has been checked; returns where it ends. */
static const unsigned char *print_metadata(FILE *out, const unsigned char *p) {
    struct value v, key;
    p = parse_header(p, &v);
    const char *kind = v.type == T_ARRAY ? "list" : v.type == T_MAP ? "map" : NULL;
    for (int i = 0; !kind; i++)
        kind = kinds[i].type == v.type ? kinds[i].name : NULL;
    fprintf(out, "{\"kind\": \"%s\"%s", kind, v.type == T_NIL ? "" : ", \"value\": ");
    if (v.type == T_BOOL)
        fputs(v.number ? "true" : "false", out);
    else if (v.type == T_INT)
        print_int(out, v.number, v.negative);
    else if (v.type == T_FLOAT)
        fprintf(out, "\"%016" PRIx64 "\"", v.number);
    else if (v.type == T_STR)
        print_str(out, p, (size_t)v.number);
    else if (v.type == T_BIN)
        print_hex(out, p, (size_t)v.number);
    if (v.type == T_STR || v.type == T_BIN)
        p += v.number;

    bool nests = v.type == T_ARRAY || v.type == T_MAP;
    fputs(nests ? "[" : "", out);
    for (uint64_t i = 0; nests && i < v.number; i++) {
        fputs(i ? ", " : "", out);
        if (v.type == T_MAP) {
            p = parse_header(p, &key);
            putc('[', out);
            print_str(out, p, (size_t)key.number);
            fputs(", ", out);
            p += key.number;
        }
        p = print_metadata(out, p);
        fputs(v.type == T_MAP ? "]" : "", out);
    }
    fputs(nests ? "]}" : "}", out);
    return p;
}

static void print_seal(const struct job *j) {
    fprintf(j->out, ", \"seal\": {\"version\": \"%s\", \"alignment\": \"%" PRIu64 "\", \"checksum\": \"%08" PRIx32
            "\", \"metadata\": ", j->version, j->alignment, j->checksum);
    print_metadata(j->out, j->metadata.at);
    fputs(", \"digests\": ", j->out);
    if (j->digests.count)
        print_hex(j->out, j->digests.at, j->digests.count);
    else
        fputs("null", j->out);
    putc('}', j->out);
}

/* SEAL-8: a sealed stream from its mark to its end. On a pipe the seal is known by its first byte. */
static void decode_sealed(struct job *j, off_t start) {
    uint64_t size = j->limit;
    j->sealed = j->summing = true;
    j->cut = "SEAL-5";
    if (size != UNKNOWN) {
        j->limit = look_at_end(j, j->in, start, size);      /* of the records */
        j->cut = "INDEX-7";
        if (fseeko(j->in, start + (off_t)j->end, SEEK_SET))
            fail(3, strerror(errno));
    }
    while (size == UNKNOWN ? *peek(j, 1) != 0xc6 : has(j, 1))
        read_record(j);
    require(j, j->part.number == j->part.count, "PART-2", j->position);
    j->limit = size;
    read_seal(j, j->position);
}

/* A plain stream with a detached seal (DETACHED-2), in which `seal` is read after the stream. */
static void decode_detached(struct job *j) {
    uint64_t size = j->limit;
    j->detached = j->summing = true;
    uint64_t stated = look_at_end(j, j->seal, 0, j->seal_size);
    require(j, size == UNKNOWN || size == stated, "DETACHED-2", j->seal_size - FOOTER_BYTES);
    while (has(j, 1))
        read_record(j);
    size = j->position;
    j->in = j->seal;
    rewind(j->in);
    j->at = j->end = j->position = 0;
    j->limit = j->seal_size;
    read_seal(j, size);
}

/* CONF-9 */
static void decode_stream(struct job *j) {
    off_t start = ftello(j->in);
    require(j, has(j, 1), "STREAM-3", 0);
    if (has(j, MARK_BYTES) && !memcmp(peek(j, MARK_BYTES), MARK, MARK_BYTES)) {
        decode_sealed(j, start);
    } else if (j->seal) {
        decode_detached(j);
    } else {
        while (has(j, 1))
            read_record(j);
    }
}

static void decode_flax(struct job *j) {
    require(j, has(j, 1), "FLAX-1", 0);
    struct value map = read_value(j, T_MAP, "FLAX-1");
    require(j, map.number, "FLAX-1", map.offset);
    read_flax_map(j, &map, ROOT);
    require(j, !has(j, 1), "FLAX-1", j->position);
    require(j, !paths_too_long(j, j->position), "FLAX-8", 0);   /* of a pipe, known only now */
}

static void decode(struct job *j) {
    if (j->flax)
        decode_flax(j);
    else
        decode_stream(j);
    /* CONF-3: nothing has been printed until now, when nothing can be refused any more. */
    fputs("{\"records\": [", j->out);
    for (size_t i = 0; i < j->leaves.count; i++) {
        fputs(i ? ",\n" : "\n", j->out);
        print_leaf(j, &j->leaves.at[i]);
    }
    fputs("\n]", j->out);
    if (j->sealed || j->detached)
        print_seal(j);
    fputs("}\n", j->out);
}

/* ------------------------------------------------------------------- the JSON in */

/*
 * A value of RFC 8259. All values stand in one list, each container before what it holds; an object holds name,
 * value, name, value. The text of a string is decoded over its own bytes, and a lone surrogate becomes three bytes
 * that are not UTF-8.
 */
struct json {
    char type;                  /* { [ " t f n, or 0 for a number */
    unsigned char *text;        /* of a string or number */
    size_t length;
    size_t count;               /* of values in the list: this one and those inside */
};

static _Noreturn void fail_json(void) {
    fputs("{\"rejected\": \"standard input is not the JSON that the protocol describes\"}\n", stderr);
    end_run(1);
}

/* The next byte that is no white space; 0 at the end, where a 0 has been put. */
static char json_peek(struct job *j) {
    while (*j->cursor && strchr(" \t\n\r", *j->cursor))
        j->cursor++;
    return (char)*j->cursor;
}

static bool json_take(struct job *j, char c) {
    bool there = json_peek(j) == c;
    j->cursor += there;
    return there;
}

/* The character that a backslash begins. */
static uint32_t json_escape(struct job *j) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const unsigned char *p = j->cursor;
    const char *letter = p[1] ? strchr(letters, p[1]) : NULL;
    int32_t c = letter ? meanings[letter - letters] : p[1] == 'u' ? hex_four(p + 2) : -1;
    if (c < 0)
        fail_json();
    j->cursor += letter ? 2 : 6;
    if (c >= 0xd800 && c < 0xdc00 && p[6] == '\\' && p[7] == 'u') {
        int32_t low = hex_four(p + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            j->cursor += 6;
            c = 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
        }
    }
    return (uint32_t)c;
}

static void json_string(struct job *j, struct json *string) {
    unsigned char *to = string->text = ++j->cursor;
    while (*j->cursor != '"') {
        if (*j->cursor < 0x20)
            fail_json();
        if (*j->cursor == '\\')
            to += utf8_put(to, json_escape(j));
        else
            *to++ = *j->cursor++;
    }
    string->length = (size_t)(to - string->text);
    *j->cursor++ = *to = 0;
}

/* Goes over one or more digits. */
static unsigned char *json_digits(unsigned char *p) {
    size_t count = strspn((char *)p, "0123456789");
    if (!count)
        fail_json();
    return p + count;
}

static void json_number(struct job *j, struct json *number) {
    unsigned char *p = number->text = j->cursor;
    p += *p == '-';
    p = *p == '0' ? p + 1 : json_digits(p);
    if (*p == '.')
        p = json_digits(p + 1);
    if (*p == 'e' || *p == 'E')
        p = json_digits(p + 1 + (p[1] == '+' || p[1] == '-'));
    number->length = (size_t)(p - j->cursor);
    j->cursor = p;
}

/* Reads a value; those inside it by calling itself, no deeper than MAX_JSON_DEPTH. */
static void json_value(struct job *j, unsigned depth) {
    struct json value = {.type = json_peek(j)};
    size_t place = j->values.count++;
    MAKE_ROOM(&j->values, 1);
    if (value.type == '"') {
        json_string(j, &value);
    } else if (value.type == '{' || value.type == '[') {
        char close = value.type == '{' ? '}' : ']';
        if (depth == MAX_JSON_DEPTH)
            fail_json();
        j->cursor++;
        for (bool more = !json_take(j, close); more; ) {
            if (value.type == '{') {
                if (json_peek(j) != '"')
                    fail_json();
                json_value(j, depth + 1);
                if (!json_take(j, ':'))
                    fail_json();
            }
            json_value(j, depth + 1);
            more = json_take(j, ',');
            if (!more && !json_take(j, close))
                fail_json();
        }
    } else if (value.type == 't' || value.type == 'f' || value.type == 'n') {
        for (const char *c = value.type == 't' ? "true" : value.type == 'f' ? "false" : "null"; *c; c++)
            if (*j->cursor++ != (unsigned char)*c)
                fail_json();
    } else {
        value.type = 0;
        json_number(j, &value);
    }
    value.count = j->values.count - place;
    j->values.at[place] = value;
}

/* The member of an object with this name, or NULL where there is none, or none of this type (0: any). */
static struct json *member(struct json *object, const char *name, char type) {
    struct json *found = NULL;
    if (object->type != '{')
        fail_json();
    for (struct json *m = object + 1; m < object + object->count; m += 1 + m[1].count)
        if (text_is(m->text, m->length, name))
            found = m + 1;
    return found && type && found->type != type ? NULL : found;
}

static bool is_text(const struct json *j, const char *word) {
    return j && j->type == '"' && text_is(j->text, j->length, word);
}

/*
 * A text that is a number without a leading zero: 1, or 2 where it is beyond 2^64 - 1, and taken for that; else 0.
 * After a text stands something that is no digit.
 */
static int parse_decimal(const unsigned char *text, size_t length, uint64_t *number) {
    const char *digits = (const char *)text;
    if (!length || strspn(digits, "0123456789") != length || (*digits == '0' && length > 1))
        return 0;
    errno = 0;
    *number = strtoull(digits, NULL, 10);
    return errno ? 2 : 1;
}

/* Decodes a string of hexadecimal digits over itself. */
static bool parse_hex(struct json *string) {
    if (!string || string->type != '"' || string->length % 2)
        return false;
    string->length /= 2;
    for (size_t i = 0; i < string->length; i++) {
        int high = hex_digit(string->text[2 * i]), low = hex_digit(string->text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        string->text[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* ------------------------------------------------------- what is to be written */

/* KEY-6: goes along a key path in display form, whose parts are decoded over themselves. */
static const char *go_along_display(struct job *j, uint32_t *node, const struct json *path) {
    unsigned char *p = path->text, *end = p + path->length, *part = p, *to = p;
    for (;;) {
        if (p == end || *p == '/') {
            const char *fault = go_to_child(j, node, part, (size_t)(to - part), false);
            if (fault || p == end)
                return fault;
            part = to = ++p;
        } else if (*p != '\\') {
            *to++ = *p++;
        } else if (end - p >= 2 && (p[1] == '\\' || p[1] == '/')) {
            *to++ = p[1];
            p += 2;
        } else {
            int32_t c = end - p >= 6 && p[1] == 'u' ? hex_four(p + 2) : -1;
            if (c < 0 || (c >= 0xd800 && c < 0xe000))
                return "KEY-6";
            to += utf8_put(to, (uint32_t)c);
            p += 6;
        }
    }
}

/* TREE-2, TREE-3: goes along a list of keys, each a text or an integer. */
static const char *go_along_list(struct job *j, uint32_t *node, const struct json *path) {
    const char *fault = NULL;
    for (const struct json *key = path + 1; !fault && key < path + path->count; key += key->count) {
        uint64_t number;
        bool negative = !key->type && *key->text == '-';
        if (key->type == '"')
            fault = go_to_child(j, node, key->text, key->length, false);
        else if (key->type || !parse_decimal(key->text + negative, key->length - negative, &number))
            return "TREE-3";
        else if (negative && !number)   /* -0 is 0 */
            fault = go_to_child(j, node, key->text + 1, 1, true);
        else
            fault = go_to_child(j, node, key->text, key->length, true);
    }
    return fault;
}

/* The node at the end of a record's key path, where no leaf stands in the way. */
static uint32_t parse_path(struct job *j, const struct json *path) {
    uint32_t node = ROOT;
    const char *fault = !path ? "KEY-1" : path->type == '"' ? go_along_display(j, &node, path)
                      : path->type == '[' ? go_along_list(j, &node, path) : "KEY-1";
    require(j, !fault, fault, UNKNOWN);
    require(j, node != ROOT, "KEY-1", UNKNOWN);
    j->here = node;
    fault = find_clash(j, node);
    require(j, !fault, fault, UNKNOWN);
    return node;
}

/* The dtype and the shape, which a scalar need not have, and from them the size. */
static void parse_array(struct job *j, struct json *record, struct leaf *leaf) {
    const struct json *tag = member(record, "dtype", '"'), *shape = member(record, "shape", '[');
    int dtype = tag ? find_dtype(tag->text, tag->length) : -1;
    require(j, dtype >= 0, "DTYPE-7", UNKNOWN);
    leaf->dtype = (unsigned char)dtype;
    require(j, shape || leaf->kind == SCALAR, "LEAF-3", UNKNOWN);
    for (const struct json *d = shape ? shape + 1 : NULL; d && d < shape + shape->count; d += d->count) {
        uint64_t dimension = 0;
        require(j, leaf->rank < MAX_DIMENSIONS && d->type == '"' &&
                parse_decimal(d->text, d->length, &dimension), "LEAF-3", UNKNOWN);
        ADD(&j->dimensions, dimension);
        leaf->rank++;
    }
    require(j, leaf->kind == NDARRAY || !leaf->rank, "LEAF-6", UNKNOWN);
    leaf->size = count_elements(j, leaf, UNKNOWN) * dtypes[dtype].width;
}

/* DTYPE-4, DTYPE-5: an element of one byte without the bits that carry no meaning. */
static unsigned char clean_byte(unsigned char byte, unsigned dtype) {
    return dtypes[dtype].mask ? byte & dtypes[dtype].mask : byte != 0;
}

/* DTYPE-3 to DTYPE-6: turns the bytes of each word round where they are big-endian. */
static void normalise(unsigned char *p, const struct leaf *leaf, bool big) {
    unsigned word = dtypes[leaf->dtype].word;
    for (uint64_t at = 0; word == 1 && at < leaf->size; at++)
        p[at] = clean_byte(p[at], leaf->dtype);
    for (uint64_t at = 0; big && at < leaf->size; at += word)
        for (unsigned i = 0; i < word / 2; i++) {
            unsigned char byte = p[at + i];
            p[at + i] = p[at + word - 1 - i];
            p[at + word - 1 - i] = byte;
        }
}

/* The payload of an array or scalar, whose size is known, or the value of a str or bin. */
static void parse_payload(struct job *j, struct json *record, struct leaf *leaf) {
    bool array = leaf->kind <= SCALAR;
    struct json *fill = member(record, "fill", 0);
    if (fill) {
        const struct json *bytes = member(record, "bytes", '"');
        require(j, parse_hex(fill) && fill->length && fill->length <= UINT16_MAX, "LEAF-5", UNKNOWN);
        require(j, array || (bytes && parse_decimal(bytes->text, bytes->length, &leaf->size) == 1), "LEAF-1", UNKNOWN);
        leaf->payload = fill->text;
        leaf->cycle = (uint16_t)fill->length;
        for (size_t i = 0; i < fill->length; i++) {
            require(j, leaf->kind != STR || fill->text[i] < 0x80 || !leaf->size, "WIRE-5", UNKNOWN);
            if (array && dtypes[leaf->dtype].word == 1)
                fill->text[i] = clean_byte(fill->text[i], leaf->dtype);
        }
        return;
    }
    struct json *payload = member(record, array ? "payload" : "value", '"');
    require(j, payload && (leaf->kind == STR || parse_hex(payload)), array ? "LEAF-5" : "LEAF-1", UNKNOWN);
    require(j, !array || payload->length == leaf->size, "LEAF-5", UNKNOWN);
    require(j, leaf->kind != STR || utf8_valid(payload->text, payload->length), "WIRE-5", UNKNOWN);
    leaf->payload = payload->text;
    leaf->size = payload->length;
    if (array)
        normalise(payload->text, leaf, is_text(member(record, "byte_order", 0), "big"));
}

/* The bits of a float, which is 16 hexadecimal digits. */
static bool parse_float(struct json *value, uint64_t *bits) {
    bool valid = parse_hex(value) && value->length == 8;
    for (int i = 0; valid && i < 8; i++)
        *bits = *bits << 8 | value->text[i];
    return valid;
}

/* The value of a leaf without a payload; false where it is none of this kind. */
static bool parse_value(struct json *value, struct leaf *leaf) {
    uint64_t *number = leaf->number;
    char type = value ? value->type : 'n';
    if (leaf->kind == BOOL) {
        *number = type == 't';
        return type == 't' || type == 'f';
    }
    if (leaf->kind == INT) {
        leaf->negative = type == '"' && *value->text == '-';
        if (type != '"' || parse_decimal(value->text + leaf->negative, value->length - leaf->negative, number) != 1)
            return false;
        *number = leaf->negative ? -*number : *number;
        return !leaf->negative || *number > INT64_MAX;          /* -2^63 to -1 */
    }
    if (leaf->kind == FLOAT)
        return parse_float(value, number);
    return leaf->kind != COMPLEX || (type == '[' && value->count == 3 && parse_float(value + 1, number) &&
                                     parse_float(value + 2, number + 1));
}

/* LEAF-1: reads a record and adds its leaf. */
static void parse_record(struct job *j, struct json *record) {
    j->here = ROOT;
    struct leaf leaf = {.node = parse_path(j, member(record, "path", 0)), .dimensions = j->dimensions.count};
    const struct json *kind = member(record, "kind", 0);
    while (leaf.kind < KIND_COUNT && !is_text(kind, kinds[leaf.kind].name))
        leaf.kind++;
    require(j, leaf.kind < KIND_COUNT, "LEAF-1", UNKNOWN);
    if (leaf.kind <= SCALAR)
        parse_array(j, record, &leaf);
    if (leaf.kind <= BIN)
        parse_payload(j, record, &leaf);
    else
        require(j, parse_value(member(record, "value", 0), &leaf),
                leaf.kind == FLOAT ? "LEAF-8" : leaf.kind == COMPLEX ? "LEAF-7" : "LEAF-1", UNKNOWN);
    add_leaf(j, &leaf);
}

static void read_request(struct job *j) {
    do {
        MAKE_ROOM(&j->request, BUFFER_SIZE);
        j->request.count += fread(j->request.at + j->request.count, 1, BUFFER_SIZE, j->in);
        if (ferror(j->in))
            fail(3, strerror(errno));
    } while (!feof(j->in));
    MAKE_ROOM(&j->request, 1);
    j->request.at[j->request.count] = 0;
    j->cursor = j->request.at;
    if (!utf8_valid(j->request.at, j->request.count))
        fail_json();
    json_value(j, 0);
    if (json_peek(j) || j->cursor != j->request.at + j->request.count)
        fail_json();

    struct json *records = member(j->values.at, "records", '[');
    const struct json *empty_nodes = member(j->values.at, "empty_nodes", '"');
    j->keep_empty = is_text(empty_nodes, "keep");
    if (!records || (!j->keep_empty && !is_text(empty_nodes, "leave out")))
        fail_json();
    for (struct json *record = records + 1; record < records + records->count; record += record->count)
        parse_record(j, record);
}

/* TREE-4, TREE-5: links the nodes that lead to a leaf which is to be written. */
static void link_tree(struct job *j) {
    /* A child has a higher number than its parent, and than the siblings before it. */
    for (uint32_t at = (uint32_t)j->nodes.count - 1; at > ROOT; at--) {
        struct node *n = &j->nodes.at[at], *parent = &j->nodes.at[n->parent];
        if (n->leaf ? j->leaves.at[n->leaf - 1].kind == EMPTY && !j->keep_empty : !n->first)
            continue;
        if (n->leaf)
            j->path_cost += n->path_bytes + 8u * n->depth;
        n->next = parent->first;
        parent->first = at;
    }
}

/* -------------------------------------------------------- writing MessagePack */

/* Where bytes are written to: any of a file, a hash and a list, or none, where they are only counted. */
struct sink {
    struct job *j;
    FILE *file;
    struct sha256 *sha;
    struct bytes *list;         /* of metadata, which has at most MAX_META_BYTES */
    uint64_t count;
    uint64_t payload;           /* how many bytes stood before the last payload of an array */
};

static bool only_counts(const struct sink *s) {
    return !s->file && !s->sha && !s->list;
}

static void put(struct sink *s, const void *data, uint64_t n) {
    s->count = n > UINT64_MAX - s->count ? UINT64_MAX : s->count + n;
    if (!n || only_counts(s))
        return;
    if (s->file && fwrite(data, 1, (size_t)n, s->file) != n)
        fail(3, strerror(errno));
    if (s->file && s->j->summing)
        sum_bytes(s->j, data, (size_t)n);
    if (s->sha)
        sha_add(s->sha, data, (size_t)n);
    if (s->list) {
        require(s->j, s->count <= MAX_META_BYTES, "META-3", UNKNOWN);
        MAKE_ROOM(s->list, (size_t)n);
        memcpy(s->list->at + s->list->count, data, (size_t)n);
        s->list->count += (size_t)n;
    }
}

/* A number of the file, the highest byte first. */
static void put_number(struct sink *s, unsigned width, uint64_t n) {
    unsigned char bytes[8];
    for (unsigned i = width; i; i--, n >>= 8)
        bytes[i - 1] = (unsigned char)n;
    put(s, bytes, width);
}

/* A header of the form that begins with this byte; WIRE-1, or ALIGN-4 where it is longer than needed. */
static void put_form(struct sink *s, unsigned char first, unsigned more, uint64_t n) {
    put(s, &first, 1);
    put_number(s, more, n);
}

/* WIRE-1 */
static void put_header(struct sink *s, unsigned type, uint64_t n) {
    const struct form *form = shortest_form(type, n);
    require(s->j, form, "WIRE-1", UNKNOWN);
    unsigned char first = form->first;
    if (type == T_EXT && !form->more)
        while (n >>= 1)
            first++;
    else if (!form->more)
        first = (unsigned char)(type == T_NEGATIVE ? n : form->first + n);
    put_form(s, first, form->more, n);
}

static void put_ext_header(struct sink *s, unsigned kind, uint64_t n) {
    put_header(s, T_EXT, n);
    put(s, &kinds[kind].ext, 1);
}

static void put_bin(struct sink *s, const void *data, uint64_t n) {
    put_header(s, T_BIN, n);
    put(s, data, n);
}

static void put_str(struct sink *s, const char *text) {
    put_header(s, T_STR, strlen(text));
    put(s, text, strlen(text));
}

static void put_dimensions(struct sink *s, const uint64_t *dimensions, unsigned rank) {
    put_header(s, T_ARRAY, rank);
    for (unsigned i = 0; i < rank; i++)
        put_header(s, T_INT, dimensions[i]);
}

/* INDEX-2, DELTA-4: dtype and shape of an array or scalar. */
static void put_type(struct sink *s, const struct leaf *leaf) {
    put_str(s, dtypes[leaf->dtype].tag);
    put_dimensions(s, s->j->dimensions.at + leaf->dimensions, leaf->rank);
}

/* Bytes of the payload, from `start` on. */
static void put_payload(struct sink *s, const struct leaf *leaf, uint64_t start, uint64_t size) {
    unsigned char piece[1 << 16];
    s->payload = s->count;
    start += leaf->start;
    if (!leaf->cycle || only_counts(s)) {
        put(s, leaf->cycle ? NULL : leaf->payload + start, size);
        return;
    }
    size_t whole = sizeof piece / leaf->cycle * leaf->cycle;
    for (size_t i = 0; i < whole; i++)
        piece[i] = leaf->payload[(start + i) % leaf->cycle];
    for (; size > whole; size -= whole)
        put(s, piece, whole);
    put(s, piece, size);
}

/* LEAF-2, LEAF-6: an array, or a chunk of one, whose body is counted first and then written. */
static void put_array(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions,
                      unsigned rank, uint64_t start, uint64_t size) {
    struct sink counter = {.j = s->j};
    for (struct sink *to = &counter; ; to = s) {
        put_header(to, T_ARRAY, 3);
        put_dimensions(to, dimensions, rank);
        put_str(to, dtypes[leaf->dtype].tag);
        put_header(to, T_BIN, size);
        put_payload(to, leaf, start, size);
        if (to == s)
            return;
        put_ext_header(s, leaf->kind, counter.count);
    }
}

/* LEAF-10, LEAF-11: a chunked array as far as its chunks; ALIGN-1: with padding, unless `padding` is -1. */
static void put_chunks(struct sink *s, const uint64_t *dimensions, unsigned rank, int padding, uint64_t chunks) {
    static const unsigned char zeros[MAX_PADDING];
    char text[24];
    put_header(s, T_MAP, padding < 0 ? 3 : 4);
    put_str(s, MARKER);
    put_header(s, T_BOOL, 1);
    if (padding >= 0) {
        put_str(s, "pad");
        put_form(s, 0xc5, 2, (uint64_t)padding);
        put(s, zeros, (uint64_t)padding);
    }
    put_str(s, "shape");
    put_header(s, T_MAP, rank);
    for (unsigned i = 0; i < rank; i++) {
        put_str(s, decimal(text, i));
        put_header(s, T_INT, dimensions[i]);
    }
    put_str(s, "chunks");
    put_header(s, T_MAP, chunks);
}

/* LEAF-12, LEAF-13 */
static void put_chunked(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions) {
    uint64_t width = dtypes[leaf->dtype].width, chunk = CHUNK_BYTES / width * width;
    char text[24];
    put_chunks(s, dimensions, leaf->rank, -1, (leaf->size - 1) / chunk + 1);
    for (uint64_t i = 0, start = 0; start < leaf->size; i++, start += chunk) {
        uint64_t size = leaf->size - start < chunk ? leaf->size - start : chunk;
        uint64_t elements = size / width;
        put_str(s, decimal(text, i));
        put_array(s, leaf, &elements, 1, start, size);
    }
}

/* ALIGN-4: an array of one chunk. */
static void put_padded(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions, unsigned padding) {
    uint64_t elements = leaf->size / dtypes[leaf->dtype].width;
    struct sink counter = {.j = s->j};
    put_chunks(s, dimensions, leaf->rank, (int)padding, 1);
    put_str(s, "0");
    for (struct sink *to = &counter; ; to = s) {
        put_header(to, T_ARRAY, 3);
        put_dimensions(to, &elements, 1);
        put_str(to, dtypes[leaf->dtype].tag);
        put_form(to, 0xc6, 4, leaf->size);
        put_payload(to, leaf, 0, leaf->size);
        if (to == s)
            return;
        put_form(s, 0xc9, 4, counter.count);
        put(s, &kinds[NDARRAY].ext, 1);
    }
}

/* LEAF-1: a leaf in the forms of version 1.0; `dimensions` are those of an array or scalar. */
static void put_leaf(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions) {
    if (leaf->kind <= SCALAR && leaf->size > CHUNK_BYTES) {
        put_chunked(s, leaf, dimensions);
    } else if (leaf->kind <= SCALAR) {
        put_array(s, leaf, dimensions, leaf->rank, 0, leaf->size);
    } else if (leaf->kind <= BIN) {
        put_header(s, kinds[leaf->kind].type, leaf->size);
        put_payload(s, leaf, 0, leaf->size);
    } else if (leaf->kind == COMPLEX) {
        put_ext_header(s, COMPLEX, 1 + 9 + 9);
        put_header(s, T_ARRAY, 2);
        put_header(s, T_FLOAT, leaf->number[0]);
        put_header(s, T_FLOAT, leaf->number[1]);
    } else {
        put_header(s, leaf->negative ? T_NEGATIVE : kinds[leaf->kind].type, leaf->number[0]);
    }
}

/* -------------------------------------------------- writing streams and flax files */

static void put_key(struct sink *s, const struct node *n) {
    put_header(s, T_STR, n->length);
    put(s, s->j->texts.at + n->text, n->length);
}

/* The keys on the way to a node, no deeper than MAX_PARTS. */
static void put_keys(struct sink *s, const struct node *n) {
    if (n->parent != ROOT)
        put_keys(s, &s->j->nodes.at[n->parent]);
    put_key(s, n);
}

/* KEY-1; PART-3: that of a part has one key more, or else `part` is NULL. */
static void put_path(struct sink *s, const struct node *n, const struct array_part *part) {
    char text[64];
    put_header(s, T_ARRAY, n->depth + (part ? 1u : 0u));
    put_keys(s, n);
    if (!part)
        return;
    snprintf(text, sizeof text, "__part_%" PRIu64 "_of_%" PRIu64 "__", part->number, part->count);
    put_str(s, text);
}

/* REC-1 to REC-4: a record, of an array in parts one part. */
static void put_record(struct sink *s, const struct node *n, const struct leaf *leaf, const uint64_t *dimensions,
                       const struct array_part *part) {
    struct job *j = s->j;
    struct record record = {.offset = s->count, .sums = j->sums.count};
    if (j->sealed && !s->count)
        put(s, MARK, MARK_BYTES);
    else
        put_header(s, T_ARRAY, 2);
    put_path(s, n, part);

    require(j, leaf->size <= UINT32_MAX, "REC-3", UNKNOWN);
    struct sink blob = {.j = j};
    if (j->sealed && leaf->kind == NDARRAY && leaf->size >= PADDED_FROM) {
        /* ALIGN-3: first counted without padding, at its place in the file. */
        uint64_t start = blob.count = s->count + 5;
        put_padded(&blob, leaf, dimensions, 0);
        unsigned padding = (unsigned)((j->alignment - blob.payload % j->alignment) % j->alignment);
        put_form(s, 0xc6, 4, blob.count + padding - start);
        put_padded(s, leaf, dimensions, padding);
    } else {
        put_leaf(&blob, leaf, dimensions);
        require(j, blob.count <= UINT32_MAX, "REC-3", UNKNOWN);
        if (blob.count > INT32_MAX && s->file)
            fprintf(stderr, "client: warning: a leaf of more than 2^31 - 1 bytes, which some loaders refuse\n");
        put_header(s, T_BIN, blob.count);
        put_leaf(s, leaf, dimensions);
    }

    if (!j->sealed)
        return;
    end_block(j);
    record.size = s->count - record.offset;
    record.payload = leaf->kind <= SCALAR ? s->payload - record.offset : UNKNOWN;
    ADD(&j->records, record);
}

/* PART-1, PART-2: the record of a leaf, or those of the parts of an array. */
static void put_records(struct sink *s, const struct node *n, const struct leaf *leaf) {
    const uint64_t *dimensions = s->j->dimensions.at + leaf->dimensions;
    if (!s->j->sealed || leaf->kind != NDARRAY || leaf->size <= WHOLE_BYTES) {
        put_record(s, n, leaf, dimensions, NULL);
        return;
    }
    require(s->j, leaf->size / BLOCK_BYTES * 4 <= MAX_INDEX_BYTES, "SEAL-3", UNKNOWN);
    struct boxes b = cut_array(dimensions, leaf->rank, dtypes[leaf->dtype].width);
    struct leaf box = *leaf;
    for (struct array_part part = {0, b.count}; part.number < part.count; part.number++) {
        uint64_t shape[MAX_DIMENSIONS];
        box.size = dtypes[leaf->dtype].width;
        for (unsigned i = 0; i < leaf->rank; i++)
            box.size *= shape[i] = box_dimension(&b, dimensions, part.number, i);
        put_record(s, n, &box, shape, &part);
        box.start += box.size;
    }
}

/* -------------------------------------------------------------------- writing seals */

/* Whether an item of a map of metadata is a list of a text and a value. */
static bool is_pair(const struct json *item) {
    return item->type == '[' && item->count > 2 && item[1].type == '"' && item->count == 2 + item[2].count;
}

/* META-2 */
static int compare_pairs(const void *a, const void *b) {
    const struct json *x = *(struct json *const *)a + 1, *y = *(struct json *const *)b + 1;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* META-1 to META-3: writes a value of the metadata, the entries of a map in their order. */
static void put_metadata(struct sink *s, struct json *value, unsigned depth) {
    struct job *j = s->j;
    const struct json *kind = member(value, "kind", '"');
    struct json *content = member(value, "value", 0);
    bool map = is_text(kind, "map");
    if (map || is_text(kind, "list")) {
        require(j, (map || depth) && content && content->type == '[', "META-1", UNKNOWN);
        require(j, depth < MAX_META_DEPTH, "META-3", UNKNOWN);
        size_t first = j->pairs.count, count = 0;
        for (struct json *item = content + 1; item < content + content->count; item += item->count) {
            require(j, !map || is_pair(item), "META-1", UNKNOWN);
            require(j, !map || utf8_valid(item[1].text, item[1].length), "WIRE-5", UNKNOWN);
            ADD(&j->pairs, item);
            count++;
        }
        if (map && count)
            qsort(j->pairs.at + first, count, sizeof *j->pairs.at, compare_pairs);
        put_header(s, map ? T_MAP : T_ARRAY, count);
        for (size_t i = first; i < first + count; i++) {
            struct json *item = j->pairs.at[i];
            if (map) {
                require(j, i == first || compare_pairs(&j->pairs.at[i - 1], &j->pairs.at[i]), "META-2", UNKNOWN);
                put_header(s, T_STR, item[1].length);
                put(s, item[1].text, item[1].length);
            }
            put_metadata(s, map ? item + 2 : item, depth + 1);
        }
        j->pairs.count = first;
        return;
    }

    static const unsigned char allowed[] = {NIL, BOOL, INT, FLOAT, STR, BIN};
    size_t i = 0;
    while (i < sizeof allowed && !is_text(kind, kinds[allowed[i]].name))
        i++;
    require(j, depth && i < sizeof allowed, "META-1", UNKNOWN);
    struct leaf leaf = {.kind = allowed[i]};
    if (leaf.kind == STR || leaf.kind == BIN) {
        require(j, leaf.kind == STR ? content && content->type == '"' : parse_hex(content), "META-1", UNKNOWN);
        require(j, leaf.kind == BIN || utf8_valid(content->text, content->length), "WIRE-5", UNKNOWN);
        leaf.payload = content->text;
        leaf.size = content->length;
    } else {
        require(j, parse_value(content, &leaf), "META-1", UNKNOWN);
    }
    put_leaf(s, &leaf, NULL);
}

/* What the request says of a sealed stream. */
static void parse_settings(struct job *j) {
    struct json *request = j->values.at, *metadata = member(request, "metadata", 0);
    const struct json *format = member(request, "format", 0), *alignment = member(request, "alignment", 0);
    struct sink encoded = {.j = j, .list = &j->metadata};
    j->sealed = is_text(format, "2.0");
    if (!j->sealed && format && !is_text(format, "1.0"))
        fail_json();
    if (!j->sealed)
        return;
    j->alignment = 64;          /* ALIGN-5: where nobody asks for another */
    if (alignment)
        require(j, alignment->type == '"' && parse_decimal(alignment->text, alignment->length, &j->alignment) &&
                is_alignment(j->alignment), "ALIGN-5", UNKNOWN);
    j->with_digests = member(request, "digests", 't');
    if (metadata)
        put_metadata(&encoded, metadata, 0);
    else
        put_header(&encoded, T_MAP, 0);
}

/* DELTA-4: adds the digest of a leaf to the list of all. */
static void digest_leaf(struct job *j, const struct node *n, const struct leaf *leaf) {
    struct sha256 sha;
    struct sink s = {.j = j, .sha = &sha};
    sha_begin(&sha);
    put_path(&s, n, NULL);
    put_str(&s, kinds[leaf->kind].name);
    if (leaf->kind <= SCALAR) {
        put_type(&s, leaf);
        put_payload(&s, leaf, 0, leaf->size);
    } else {
        put_leaf(&s, leaf, NULL);
    }
    MAKE_ROOM(&j->digests, 32);
    sha_end(&sha, j->digests.at + j->digests.count);
    j->digests.count += 32;
}

static int compare_digests(const void *a, const void *b) {
    return memcmp(a, b, 32);
}

/* DELTA-5: adds the digest of the tree to those of its leaves. */
static void digest_tree(struct job *j) {
    size_t size = j->digests.count;
    struct sha256 sha;
    MAKE_ROOM(&j->digests, size + 32);
    unsigned char *sorted = j->digests.at + size;
    memcpy(sorted, j->digests.at, size);
    qsort(sorted, size / 32, 32, compare_digests);
    sha_begin(&sha);
    sha_add(&sha, sorted, size);
    sha_end(&sha, sorted);
    j->digests.count += 32;
}

/* INDEX-3 */
static void put_indexed_record(struct sink *s, const struct record *record) {
    size_t blocks = count_blocks(record->size);
    put_header(s, T_ARRAY, 3);
    put_header(s, T_INT, record->size);
    put_header(s, record->payload == UNKNOWN ? T_NIL : T_INT, record->payload == UNKNOWN ? 0 : record->payload);
    put_header(s, T_BIN, 4 * blocks);
    for (size_t i = 0; i < blocks; i++)
        put_number(s, 4, only_counts(s) ? 0 : s->j->sums.at[record->sums + i]);
}

/* INDEX-1, INDEX-2 */
static void put_index(struct sink *s) {
    const struct job *j = s->j;
    put_header(s, T_MAP, j->with_digests ? 5 : 4);
    put_str(s, "alignment");
    put_header(s, T_INT, j->alignment);
    put_str(s, "checksum");
    put_header(s, T_BIN, 4);
    put_number(s, 4, j->checksum);
    put_str(s, "leaves");
    put_header(s, T_ARRAY, j->order.count);
    for (size_t i = 0; i < j->order.count; i++) {
        const struct leaf *leaf = &j->leaves.at[j->order.at[i]];
        put_header(s, T_ARRAY, 5);
        put_path(s, &j->nodes.at[leaf->node], NULL);
        put_str(s, kinds[leaf->kind].name);
        if (leaf->kind <= SCALAR) {
            put_type(s, leaf);
        } else {
            put_header(s, T_NIL, 0);
            put_header(s, T_NIL, 0);
        }
        put_header(s, T_ARRAY, leaf->records);
        for (size_t k = 0; k < leaf->records; k++)
            put_indexed_record(s, &j->records.at[leaf->record + k]);
    }
    put_str(s, "metadata");
    put(s, j->metadata.at, j->metadata.count);
    if (j->with_digests) {
        put_str(s, "digests");
        put_bin(s, j->digests.at, 32 * (j->order.count + 1));
    }
}

/* SEAL-3, SEAL-4 */
static void put_seal(struct sink *s) {
    struct job *j = s->j;
    struct sink counter = {.j = j};
    uint64_t offset = s->count;
    put_index(&counter);
    require(j, counter.count <= MAX_INDEX_BYTES, "SEAL-3", UNKNOWN);
    j->checksum = j->all;
    j->summing = false;
    if (s->file && j->with_digests)
        digest_tree(j);
    put_form(s, 0xc6, 4, counter.count + FOOTER_BYTES + 1);

    j->all = 0;
    j->summing = true;
    put_index(s);
    end_block(j);
    uint32_t checksum = j->all;

    j->all = 0;
    put_number(s, 8, offset);
    put_number(s, 4, counter.count);
    put_number(s, 4, checksum);
    put_number(s, 2, 2);
    put_number(s, 2, 0);
    end_block(j);
    put_number(s, 4, j->all);
    put(s, SEAL_MAGIC, 16);
}

/* ------------------------------------------------------- writing streams and flax files */

/*
 * TREE-5, FLAX-7: the leaves of a subtree, which is no deeper than MAX_PARTS: each as a record, or all in a map.
 */
static void put_subtree(struct sink *s, uint32_t top) {
    struct job *j = s->j;
    uint64_t entries = 0;
    for (uint32_t child = j->nodes.at[top].first; child; child = j->nodes.at[child].next)
        entries++;
    if (j->flax)
        put_header(s, T_MAP, entries);
    for (uint32_t child = j->nodes.at[top].first; child; child = j->nodes.at[child].next) {
        const struct node *n = &j->nodes.at[child];
        j->here = child;
        /* FLAX-3; TREE-4: not of an empty node that is left out, which is not in the file. */
        require(j, !j->flax || !text_is(j->texts.at + n->text, n->length, MARKER), "FLAX-3", UNKNOWN);
        struct array_part part;
        require(j, !j->sealed || !is_part_key(j->texts.at + n->text, n->length, &part), "PART-3", UNKNOWN);
        if (j->flax)
            put_key(s, n);
        struct leaf *leaf = n->leaf ? &j->leaves.at[n->leaf - 1] : NULL;
        if (!leaf) {
            put_subtree(s, child);
        } else if (j->flax) {
            put_leaf(s, leaf, j->dimensions.at + leaf->dimensions);
        } else {
            size_t record = j->records.count;
            put_records(s, n, leaf);
            leaf->record = record;
            leaf->records = j->records.count - record;
            ADD(&j->order, n->leaf - 1);
            if (j->with_digests && s->file)
                digest_leaf(j, n, leaf);
        }
    }
    j->here = ROOT;
}

/* The whole tree, onto a file or only counted; returns how many bytes it takes. */
static uint64_t put_tree(struct job *j, FILE *file) {
    struct sink s = {.j = j, .file = file};
    j->records.count = j->order.count = 0;
    j->summing = j->sealed;
    put_subtree(&s, ROOT);
    if (j->sealed)
        put_seal(&s);
    return s.count;
}

static void encode(struct job *j) {
    read_request(j);
    if (!j->flax)
        parse_settings(j);
    link_tree(j);
    j->here = ROOT;
    require(j, j->nodes.at[ROOT].first, j->flax ? "FLAX-1" : "STREAM-3", UNKNOWN);
    uint64_t size = put_tree(j, NULL);  /* CONF-7: refuses what cannot be held before anything is written */
    require(j, !j->flax || !paths_too_long(j, size), "FLAX-8", UNKNOWN);
    put_tree(j, j->out);
}

/* ------------------------------------------------------------------------- runs */

/*
 * Plays a part from one file to another; `size` is that of the input, or UNKNOWN; `seal` is a detached seal of the
 * input, or NULL. Returns the exit status.
 */
static int run_with_seal(enum part part, FILE *in, uint64_t size, FILE *seal, uint64_t seal_size, FILE *out) {
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return 3;
    run_status = 0;
    if (!setjmp(run_end)) {
        crc_prepare();
        j->flax = part == FLAX_DECODE || part == FLAX_ENCODE;
        j->cut = j->flax ? "FLAX-6" : "STREAM-2";
        j->in = in;
        j->out = out;
        j->limit = size;
        j->seal = seal;
        j->seal_size = seal_size;
        ADD(&j->nodes, (struct node){0});
        MAKE_ROOM(&j->texts, 1);        /* so that not even the place of nothing is NULL */
        MAKE_ROOM(&j->dimensions, 1);
        if (part < ENCODE)
            decode(j);
        else
            encode(j);
        if (out && (fflush(out) || ferror(out)))
            fail(3, strerror(errno));
    }
    free(j->nodes.at);
    free(j->order.at);
    free(j->pairs.at);
    free(j->records.at);
    free(j->sums.at);
    free(j->metadata.at);
    free(j->digests.at);
    free(j->leaves.at);
    free(j->dimensions.at);
    free(j->texts.at);
    free(j->request.at);
    free(j->values.at);
    free(j);
    return run_status;
}

/* The same without a detached seal. */
static int run(enum part part, FILE *in, uint64_t size, FILE *out) {
    return run_with_seal(part, in, size, NULL, 0, out);
}

/* How many bytes a file has from its place on, or UNKNOWN where it has no places, or no bytes. */
static uint64_t measure(FILE *file) {
    off_t start = ftello(file), end = start >= 0 && !fseeko(file, 0, SEEK_END) ? ftello(file) : -1;
    return end > start && !fseeko(file, start, SEEK_SET) ? (uint64_t)(end - start) : UNKNOWN;
}

/* DETACHED-1: the file beside that of a stream, or NULL. */
static FILE *open_detached(const char *path) {
    static const char suffix[] = ".seal";
    char *name = malloc(strlen(path) + sizeof suffix);
    if (!name)
        return NULL;
    strcat(strcpy(name, path), suffix);
    FILE *seal = fopen(name, "rb");
    free(name);
    return seal;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"decode", "flax-decode", "encode", "flax-encode"};
    int part = 0;
    while (part < 4 && (argc < 2 || strcmp(argv[1], names[part])))
        part++;
    if (part == 4 || argc > (part < ENCODE ? 3 : 2)) {
        fputs("usage: client decode [PATH] | flax-decode [PATH] | encode | flax-encode\n", stderr);
        return 2;
    }
    const char *path = argc > 2 && strcmp(argv[2], "-") ? argv[2] : NULL;
    FILE *in = path ? fopen(path, "rb") : stdin;
    if (!in) {
        perror(path);
        return 3;
    }
    FILE *seal = path && part == DECODE ? open_detached(path) : NULL;
    uint64_t seal_size = seal ? measure(seal) : 0;
    int status = seal ? run_with_seal(DECODE, in, measure(in), seal, seal_size == UNKNOWN ? 0 : seal_size, stdout)
                      : run((enum part)part, in, measure(in), stdout);
    if (seal)
        fclose(seal);
    fclose(in);
    return status;
}
