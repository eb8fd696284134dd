/*
 * client.c - reads and writes streaming checkpoints (specification version 1.0)
 * and standard flax files, as the client protocol asks.
 *
 *     client decode [PATH]        a stream       -> JSON on standard output
 *     client flax-decode [PATH]   a flax file    -> JSON on standard output
 *     client encode               JSON on standard input -> a stream
 *     client flax-encode          JSON on standard input -> a flax file
 *
 * Without a PATH, or with "-", a decoder reads standard input.
 *
 * Build:  cc -std=c11 -O2 -Wall -Wextra -Wpedantic -o client client.c
 *
 * Written from the text of the specification alone (chapters 01 to 08); the
 * comments name the clause that a line holds. Standard C and POSIX, nothing else.
 *
 * Exit status: 0 accepted; 1 refused, the last line of standard error being the
 * JSON that says why; 2 wrong usage, or an input of an encoder that is not JSON;
 * 3 out of memory, or an error of input or output.
 *
 * How it works. A decoder goes through the input once, forwards, with a buffer
 * of fixed size, so files and pipes are read alike and payloads are hashed as
 * they pass. Key paths go into a tree that shares their beginnings; leaves are
 * kept as short descriptions and printed when the whole input has been checked.
 * An encoder puts the leaves into the same tree and then runs its writer twice:
 * first into a sink that only counts, where everything that can be refused is
 * refused, then onto standard output.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#endif

enum {
    MAX_PARTS = 512,          /* KEY-3 */
    MAX_PATH_BYTES = 65535,   /* KEY-4 */
    MAX_DIMENSIONS = 64,      /* LEAF-3 */
    MAX_JSON_DEPTH = 100,
    BUFFER_SIZE = 1 << 18     /* more than MAX_PATH_BYTES */
};
#define CHUNK_BYTES (UINT64_C(1) << 30)              /* LEAF-13 */
#define MARKER "__msgpack_chunked_array__"           /* LEAF-10 */

/* ------------------------------------------------------------ failures, memory */

/* The end of a run that has neither accepted nor refused (CONF-2). */
static _Noreturn void fail(int status, const char *message)
{
    fprintf(stderr, "client: %s\n", message);
    exit(status);
}

static _Noreturn void fail_io(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(3);
}

/* Makes room for `need` elements of `size` bytes in an array that has room for *room. */
static void *grow(void *array, size_t *room, size_t need, size_t size)
{
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

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        fail(3, "out of memory");
    return memory;
}

/* Bytes that grow at their end. */
struct bytes {
    unsigned char *data;
    size_t length, room;
};

static void bytes_add(struct bytes *b, const void *data, size_t length)
{
    b->data = grow(b->data, &b->room, b->length + length, 1);
    if (length)
        memcpy(b->data + b->length, data, length);
    b->length += length;
}

/* -------------------------------------------------------------------- SHA-256 */

typedef void sha_compress(uint32_t state[8], const unsigned char *blocks, size_t count);

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    sha_compress *compress;
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

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void sha_compress_portable(uint32_t state[8], const unsigned char *p, size_t count)
{
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
static void sha_compress_ni(uint32_t state[8], const unsigned char *p, size_t count)
{
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

static sha_compress *sha_fastest(void)
{
#ifdef HAVE_SHA_NI
    unsigned a, b, c, d;
    bool sse = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 9 && c & 1u << 19;
    if (sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29)
        return sha_compress_ni;
#endif
    return sha_compress_portable;
}

static void sha_begin(struct sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->state, start, sizeof start);
    s->length = 0;
}

static void sha_add(struct sha256 *s, const unsigned char *p, size_t n)
{
    size_t held = s->length % 64;
    s->length += n;
    if (held) {
        size_t part = n < 64 - held ? n : 64 - held;
        memcpy(s->block + held, p, part);
        if (held + part < 64)
            return;
        s->compress(s->state, s->block, 1);
        p += part;
        n -= part;
    }
    s->compress(s->state, p, n / 64);
    memcpy(s->block, p + n / 64 * 64, n % 64);
}

static void sha_end(struct sha256 *s, unsigned char digest[32])
{
    unsigned char tail[72] = {0x80};
    uint64_t bits = s->length * 8;
    size_t zeros = (119 - s->length % 64) % 64;
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    sha_add(s, tail, 1 + zeros + 8);
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---------------------------------------------------------------------- UTF-8 */

/* A check of UTF-8 that can be given the text in pieces. */
struct utf8 {
    unsigned due;               /* continuation bytes still due */
    unsigned char low, high;    /* between which the next one lies */
};

/* WIRE-5: the forms of RFC 3629, section 4. */
static bool utf8_add(struct utf8 *u, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = p[i];
        if (u->due) {
            if (c < u->low || c > u->high)
                return false;
            u->due--;
            u->low = 0x80, u->high = 0xbf;
        } else if (c < 0x80) {
            uint64_t eight;     /* skips over ASCII */
            while (n - i > 8 && (memcpy(&eight, p + i + 1, 8), !(eight & 0x8080808080808080)))
                i += 8;
        } else if (c >= 0xc2 && c <= 0xf4) {
            u->due = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        } else {
            return false;
        }
    }
    return true;
}

static bool utf8_valid(const void *text, size_t length)
{
    struct utf8 u = {0, 0, 0};
    return utf8_add(&u, text, length) && !u.due;
}

/* The first character of a valid text, and how many bytes it takes. */
static uint32_t utf8_first(const unsigned char *p, size_t *taken)
{
    uint32_t c = p[0];
    *taken = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*taken > 1)
        c &= 0x7fu >> *taken;
    for (size_t i = 1; i < *taken; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* Writes a character, a surrogate too, and returns how many bytes it takes. */
static size_t utf8_put(unsigned char *p, uint32_t c)
{
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i; i--, c >>= 6)
        p[i] = (unsigned char)(0x80 | (c & 0x3f));
    p[0] = (unsigned char)(lead[more] | c);
    return more + 1;
}

static int hex_digit(unsigned char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that four hexadecimal digits stand for, or -1. */
static int32_t hex_four(const unsigned char *p, const unsigned char *end)
{
    int32_t number = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        number = number * 16 + digit;
    }
    return number;
}

/* ------------------------------------------------------------------ key paths */

struct part {
    uint32_t start;
    uint16_t length;
    bool number;                /* an integer key, turned into text (TREE-3) */
};

struct path {
    unsigned count;
    uint32_t bytes;             /* of all parts together (KEY-4) */
    struct part part[MAX_PARTS];
    unsigned char text[MAX_PATH_BYTES];
};

/* KEY-3, KEY-4, WIRE-5: adds a part, or returns the clause that forbids it. */
static const char *path_push(struct path *path, const unsigned char *text, uint64_t length, bool number)
{
    if (path->count == MAX_PARTS)
        return "KEY-3";
    if (length > MAX_PATH_BYTES - path->bytes)
        return "KEY-4";
    if (!utf8_valid(text, length))
        return "WIRE-5";
    path->part[path->count++] = (struct part){path->bytes, (uint16_t)length, number};
    memcpy(path->text + path->bytes, text, length);
    path->bytes += (uint32_t)length;
    return NULL;
}

static void path_pop(struct path *path)
{
    path->bytes = path->part[--path->count].start;
}

/* KEY-5: characters that are shown as \u and four digits. */
static bool is_escaped(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* A valid text inside a JSON string, as it is or (KEY-5) in display form. */
static void print_text(FILE *out, const unsigned char *p, size_t length, bool display)
{
    size_t taken;
    for (const unsigned char *end = p + length; p < end; p += taken) {
        uint32_t c = utf8_first(p, &taken);
        if (is_escaped(c))
            fprintf(out, "%s\\u%04x", display ? "\\" : "", (unsigned)c);
        else if (c == '\\')
            fputs(display ? "\\\\\\\\" : "\\\\", out);
        else if (c == '/' && display)
            fputs("\\\\/", out);
        else if (c == '"')
            fputs("\\\"", out);
        else
            for (size_t i = 0; i < taken; i++)
                putc_unlocked(p[i], out);
    }
}

static void print_display(FILE *out, const struct path *path)
{
    for (unsigned i = 0; i < path->count; i++) {
        if (i)
            putc_unlocked('/', out);
        print_text(out, path->text + path->part[i].start, path->part[i].length, true);
    }
}

static void print_path(FILE *out, const struct path *path)
{
    putc_unlocked('[', out);
    for (unsigned i = 0; i < path->count; i++) {
        fputs(i ? ", \"" : "\"", out);
        print_text(out, path->text + path->part[i].start, path->part[i].length, false);
        putc_unlocked('"', out);
    }
    putc_unlocked(']', out);
}

/* KEY-6: a key path from its display form. Returns the clause that forbids it, or NULL. */
static const char *path_parse(struct path *path, const unsigned char *p, size_t length)
{
    struct bytes part = {0};
    const unsigned char *end = p + length;
    const char *fault = NULL;
    for (; !fault; p++) {
        unsigned char piece[4];
        size_t size = 1;
        if (p == end || *p == '/') {
            fault = path_push(path, part.data ? part.data : piece, part.length, false);
            part.length = 0;
            if (p == end)
                break;
            continue;
        }
        piece[0] = *p;
        if (*p == '\\') {
            int32_t c = end - p < 2 ? -1 : p[1] == 'u' ? hex_four(p + 2, end)
                      : p[1] == '\\' || p[1] == '/' ? p[1] : -1;
            if (c < 0 || (c >= 0xd800 && c <= 0xdfff)) {
                fault = "KEY-6";
                break;
            }
            p += p[1] == 'u' ? 5 : 1;
            size = utf8_put(piece, (uint32_t)c);
        }
        bytes_add(&part, piece, size);
    }
    free(part.data);
    return fault;
}

/* ------------------------------------------------------------------- refusals */

#define NOWHERE UINT64_MAX      /* no offset is known */

/* CONF-5: names the clause, the offset and the key path, and ends the program. */
static _Noreturn void refuse(const char *clause, uint64_t offset, const struct path *path,
                             const char *format, ...)
{
    char message[300];
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    fprintf(stderr, "{\"rejected\": \"%s", message);
    if (path && path->count) {
        fputs(", at ", stderr);
        print_display(stderr, path);
    }
    fprintf(stderr, "\", \"clause\": \"%s\"", clause);
    if (offset != NOWHERE)
        fprintf(stderr, ", \"offset\": \"%" PRIu64 "\"", offset);
    if (path && path->count) {
        fputs(", \"path\": ", stderr);
        print_path(stderr, path);
    }
    fputs("}\n", stderr);
    exit(1);
}

/* --------------------------------------------------------------------- dtypes */

static const struct dtype {
    const char *tag;
    unsigned char width;        /* bytes of an element */
    unsigned char word;         /* bytes of a part of it that has a byte order (DTYPE-6) */
    unsigned char mask;         /* bits that carry meaning, where not all do (DTYPE-4) */
} dtypes[] = {                  /* DTYPE-1 */
    {"bool", 1, 1, 0xff}, {"int8", 1, 1, 0xff}, {"uint8", 1, 1, 0xff},
    {"int16", 2, 2, 0xff}, {"uint16", 2, 2, 0xff}, {"int32", 4, 4, 0xff}, {"uint32", 4, 4, 0xff},
    {"int64", 8, 8, 0xff}, {"uint64", 8, 8, 0xff}, {"float16", 2, 2, 0xff}, {"bfloat16", 2, 2, 0xff},
    {"float32", 4, 4, 0xff}, {"float64", 8, 8, 0xff}, {"complex64", 8, 4, 0xff},
    {"complex128", 16, 8, 0xff}, {"complex32", 4, 2, 0xff}, {"bcomplex32", 4, 2, 0xff},
    {"float8_e3m4", 1, 1, 0xff}, {"float8_e4m3", 1, 1, 0xff}, {"float8_e4m3b11fnuz", 1, 1, 0xff},
    {"float8_e4m3fn", 1, 1, 0xff}, {"float8_e4m3fnuz", 1, 1, 0xff}, {"float8_e5m2", 1, 1, 0xff},
    {"float8_e5m2fnuz", 1, 1, 0xff}, {"float8_e8m0fnu", 1, 1, 0xff}, {"float6_e2m3fn", 1, 1, 0x3f},
    {"float6_e3m2fn", 1, 1, 0x3f}, {"float4_e2m1fn", 1, 1, 0x0f}, {"int4", 1, 1, 0x0f},
    {"uint4", 1, 1, 0x0f}, {"int2", 1, 1, 0x03}, {"uint2", 1, 1, 0x03}, {"int1", 1, 1, 0x01},
    {"uint1", 1, 1, 0x01}
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes, DTYPE_BOOL = 0, LONGEST_TAG = 18 };

/* DTYPE-1: the place of a tag in the table, or -1. The comparison is exact. */
static int dtype_find(const unsigned char *tag, size_t length)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strlen(dtypes[i].tag) == length && !memcmp(dtypes[i].tag, tag, length))
            return i;
    return -1;
}

/* LEAF-4, LEAF-5: how many elements a shape has; false where the shape is too large. */
static bool count_elements(const uint64_t *dimensions, unsigned count, unsigned width, uint64_t *elements)
{
    uint64_t product = width;
    bool none = false;
    for (unsigned i = 0; i < count; i++) {
        if (!dimensions[i])
            none = true;
        else if (dimensions[i] > INT64_MAX / product)
            return false;
        else
            product *= dimensions[i];
    }
    *elements = none ? 0 : product / width;
    return true;
}

enum kind { NDARRAY, SCALAR, COMPLEX, NIL, BOOL, INT, FLOAT, STR, BIN, EMPTY, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {   /* LEAF-1 */
    "ndarray", "scalar", "complex", "nil", "bool", "int", "float", "str", "bin", "empty"
};

/* ------------------------------------------------------------------- key tree */

/*
 * A tree of keys (TREE-1). The children of a node form a balanced search tree
 * (an AA tree), so no choice of keys makes a search slow. Nodes are numbered in
 * the order in which they were added; 0 is no node, 1 the root.
 */
struct node {
    uint32_t parent;
    uint32_t left, right;       /* in the search tree of the parent's children */
    uint32_t children;          /* the top of the search tree of its own children */
    uint32_t text;              /* where the text of its key begins */
    uint16_t length;
    unsigned char level;        /* in the search tree */
    bool leaf : 1, number : 1;
};

enum { ROOT = 1 };

struct tree {
    struct node *node;
    size_t count, room;
    struct bytes text;
};

static uint32_t tree_new_node(struct tree *t, struct node node)
{
    if (t->count >= UINT32_MAX || t->text.length > UINT32_MAX)
        fail(3, "more keys than this program can hold");
    t->node = grow(t->node, &t->room, t->count + 1, sizeof *t->node);
    t->node[t->count] = node;
    return (uint32_t)t->count++;
}

static void tree_begin(struct tree *t)
{
    memset(t, 0, sizeof *t);
    t->text.data = grow(NULL, &t->text.room, 1, 1);
    tree_new_node(t, (struct node){0});
    tree_new_node(t, (struct node){.level = 1});
}

static void tree_free(struct tree *t)
{
    free(t->node);
    free(t->text.data);
}

/* KEY-2: two parts are equal when their bytes are; any order will do for the search. */
static int compare_key(const struct tree *t, const unsigned char *text, size_t length, uint32_t at)
{
    const struct node *n = &t->node[at];
    if (length != n->length)
        return length < n->length ? -1 : 1;
    return length ? memcmp(text, t->text.data + n->text, length) : 0;
}

static uint32_t tree_skew(struct node *node, uint32_t at)
{
    uint32_t left = node[at].left;
    if (node[left].level != node[at].level)
        return at;
    node[at].left = node[left].right;
    node[left].right = at;
    return left;
}

static uint32_t tree_split(struct node *node, uint32_t at)
{
    uint32_t right = node[at].right;
    if (node[node[right].right].level != node[at].level)
        return at;
    node[at].right = node[right].left;
    node[right].left = at;
    node[right].level++;
    return right;
}

static uint32_t tree_insert(struct tree *t, uint32_t at, uint32_t fresh)
{
    if (!at)
        return fresh;
    const struct node *n = &t->node[fresh];
    if (compare_key(t, t->text.data + n->text, n->length, at) < 0)
        t->node[at].left = tree_insert(t, t->node[at].left, fresh);
    else
        t->node[at].right = tree_insert(t, t->node[at].right, fresh);
    return tree_split(t->node, tree_skew(t->node, at));
}

/* The child of a node with this key, which is added where there is none. */
static uint32_t tree_child(struct tree *t, uint32_t parent, const unsigned char *text,
                           const struct part *part, bool *fresh)
{
    uint32_t at = t->node[parent].children;
    *fresh = false;
    while (at) {
        int order = compare_key(t, text, part->length, at);
        if (!order)
            return at;
        at = order < 0 ? t->node[at].left : t->node[at].right;
    }
    *fresh = true;
    at = tree_new_node(t, (struct node){.parent = parent, .text = (uint32_t)t->text.length,
                                        .length = part->length, .level = 1, .number = part->number});
    bytes_add(&t->text, text, part->length);
    t->node[parent].children = tree_insert(t, t->node[parent].children, at);
    return at;
}

/* Adds a leaf at the end of a key path, or returns the clause that forbids it. */
static const char *tree_add(struct tree *t, const struct path *path, uint32_t *node)
{
    bool fresh = false;
    *node = ROOT;
    for (unsigned i = 0; i < path->count; i++) {
        const struct part *part = &path->part[i];
        if (t->node[*node].leaf)
            return "STREAM-5";      /* a leaf stands at the beginning of the path */
        *node = tree_child(t, *node, path->text + part->start, part, &fresh);
        if (t->node[*node].number != part->number)
            return "TREE-3";        /* the keys 1 and "1" in one map */
    }
    if (!fresh)
        return t->node[*node].leaf ? "STREAM-4" : "STREAM-5";
    t->node[*node].leaf = true;
    return NULL;
}

/* The key path that leads to a node. */
static void tree_path(const struct tree *t, uint32_t node, struct path *path)
{
    uint32_t chain[MAX_PARTS];
    unsigned depth = 0;
    for (; node != ROOT; node = t->node[node].parent)
        chain[depth++] = node;
    path->count = 0;
    path->bytes = 0;
    while (depth) {
        const struct node *n = &t->node[chain[--depth]];
        path->part[path->count++] = (struct part){path->bytes, n->length, n->number};
        if (n->length)
            memcpy(path->text + path->bytes, t->text.data + n->text, n->length);
        path->bytes += n->length;
    }
}

static const char *clash_text(const char *clause)
{
    return !strcmp(clause, "STREAM-4") ? "the key path stands there already"
         : !strcmp(clause, "TREE-3") ? "two keys of a map give the same text"
         : "one key path is the beginning of another";
}

/* ------------------------------------------------------------------ the input */

#define UNKNOWN UINT64_MAX      /* the end of a pipe */

struct input {
    int file;
    unsigned char *buffer;
    size_t at, end;             /* what is read, but not used yet, lies between these */
    uint64_t position;          /* in the input, of buffer[at] */
    uint64_t limit;             /* where the innermost bin or ext ends, or else the input */
    unsigned depth;             /* how many of these we are in */
    uint64_t top;               /* the offset of the last value that began in none */
    const char *cut;            /* the clause of an input that ends too early */
    const struct path *path;    /* the key path we are at; may be empty */
};

static void input_open(struct input *in, const char *name, const char *cut, const struct path *path)
{
    struct stat status;
    bool standard = !name || !strcmp(name, "-");
    *in = (struct input){.file = standard ? STDIN_FILENO : open(name, O_RDONLY), .limit = UNKNOWN,
                         .cut = cut, .path = path, .buffer = allocate(BUFFER_SIZE)};
    if (in->file < 0 || fstat(in->file, &status))
        fail_io(standard ? "standard input" : name);
    off_t start = S_ISREG(status.st_mode) ? lseek(in->file, 0, SEEK_CUR) : -1;
    if (start >= 0)
        in->limit = status.st_size > start ? (uint64_t)(status.st_size - start) : 0;
}

/* Reads on until `wanted` bytes (at most BUFFER_SIZE) are there; returns how many are. */
static size_t input_fill(struct input *in, size_t wanted)
{
    if (in->end - in->at >= wanted)
        return in->end - in->at;
    memmove(in->buffer, in->buffer + in->at, in->end - in->at);
    in->end -= in->at;
    in->at = 0;
    while (in->end < wanted) {
        ssize_t got = read(in->file, in->buffer + in->end, BUFFER_SIZE - in->end);
        if (got < 0 && errno != EINTR)
            fail_io("cannot read the input");
        if (got == 0)
            break;
        if (got > 0)
            in->end += (size_t)got;
    }
    return in->end;
}

/*
 * Whether `size` more bytes lie before the limit. The end of a pipe is seen no
 * further ahead than the buffer reaches; beyond that it is noticed on the way.
 */
static bool input_has(struct input *in, uint64_t size)
{
    if (in->limit != UNKNOWN)
        return size <= in->limit - in->position;
    size_t wanted = size < BUFFER_SIZE ? (size_t)size : BUFFER_SIZE;
    return input_fill(in, wanted) >= wanted;
}

/* WIRE-3, STREAM-2, FLAX-6: a value, begun at `offset`, reaches beyond its enclosure. */
static _Noreturn void refuse_reach(const struct input *in, uint64_t offset)
{
    if (in->depth)
        refuse("WIRE-3", offset, in->path, "a value reaches beyond the end of what encloses it");
    refuse(in->cut, offset, in->path, "the input ends inside a value");
}

/* The next `size` bytes (at most BUFFER_SIZE), which stay where they are. */
static const unsigned char *input_peek(struct input *in, size_t size)
{
    if (input_fill(in, size) < size)
        refuse(in->cut, in->top, in->path, "the input ends inside a value");
    return in->buffer + in->at;
}

static const unsigned char *input_take(struct input *in, size_t size)
{
    const unsigned char *bytes = input_peek(in, size);
    in->at += size;
    in->position += size;
    return bytes;
}

/* ------------------------------------------------------ values of MessagePack */

enum {                          /* types, as bits of a set */
    T_NIL = 1, T_BOOL = 2, T_INT = 4, T_FLOAT = 8, T_STR = 16,
    T_BIN = 32, T_EXT = 64, T_ARRAY = 128, T_MAP = 256, T_ALL = 511
};

struct value {
    unsigned type;
    uint64_t offset;            /* of its header */
    uint64_t number;            /* length, count, int, bool, or the bits of a float 64 */
    bool negative;              /* an int below 0, whose two's complement is in `number` */
    int ext;                    /* the type of an ext */
};

/* LEAF-8: a float 32 as the bits of a float 64; a NaN is made quiet, and keeps its sign and its payload. */
static uint64_t widen(uint32_t bits)
{
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

/* What follows a first byte of c0 to df: its type, and the bytes of the header after it. */
static const struct form { unsigned short type; unsigned char more; } forms[32] = {
    {T_NIL, 0}, {0, 0}, {T_BOOL, 0}, {T_BOOL, 0}, {T_BIN, 1}, {T_BIN, 2}, {T_BIN, 4}, {T_EXT, 2},
    {T_EXT, 3}, {T_EXT, 5}, {T_FLOAT, 4}, {T_FLOAT, 8}, {T_INT, 1}, {T_INT, 2}, {T_INT, 4}, {T_INT, 8},
    {T_INT, 1}, {T_INT, 2}, {T_INT, 4}, {T_INT, 8}, {T_EXT, 1}, {T_EXT, 1}, {T_EXT, 1}, {T_EXT, 1},
    {T_EXT, 1}, {T_STR, 1}, {T_STR, 2}, {T_STR, 4}, {T_ARRAY, 2}, {T_ARRAY, 4}, {T_MAP, 2}, {T_MAP, 4}
};

static struct form form_of(unsigned char first)
{
    unsigned type = first < 0x80 || first >= 0xe0 ? T_INT : first < 0x90 ? T_MAP
                  : first < 0xa0 ? T_ARRAY : T_STR;
    return first >= 0xc0 && first < 0xe0 ? forms[first - 0xc0] : (struct form){(unsigned short)type, 0};
}

/* The value that a whole header states. */
static void read_header(struct value *v, const unsigned char *header, unsigned more)
{
    unsigned char first = header[0];
    unsigned digits = v->type == T_EXT ? more - 1 : more;
    uint64_t number = 0;
    for (unsigned i = 1; i <= digits; i++)
        number = number << 8 | header[i];
    if (v->type == T_EXT) {
        v->ext = header[more] < 0x80 ? header[more] : header[more] - 256;
        v->number = first >= 0xd4 ? UINT64_C(1) << (first - 0xd4) : number;
    } else if (first < 0x80 || first >= 0xe0) {
        v->negative = first >= 0xe0;
        v->number = v->negative ? (uint64_t)((int64_t)first - 256) : first;
    } else if (first < 0xc0) {
        v->number = v->type == T_STR ? first & 31 : first & 15;
    } else if (v->type == T_BOOL) {
        v->number = first == 0xc3;
    } else if (v->type == T_FLOAT) {
        v->number = more == 4 ? widen((uint32_t)number) : number;
    } else if (first >= 0xd0 && first <= 0xd3 && header[1] & 0x80) {
        v->negative = true;
        v->number = more == 8 ? number : number | UINT64_MAX << 8 * more;
    } else {
        v->number = number;     /* WIRE-2: however many bytes it was written in */
    }
}

/*
 * Reads the header of the next value. CONF-8: checks first that its type is one
 * of `allowed` (if not, `clause` is broken), then that what it announces fits.
 */
static struct value read_value(struct input *in, unsigned allowed, const char *clause)
{
    struct value v = {.offset = in->position};
    if (!in->depth)
        in->top = v.offset;
    if (!input_has(in, 1)) {
        if (in->depth)
            refuse("WIRE-6", v.offset, in->path, "a body ends where a value is due");
        refuse(in->cut, v.offset, in->path, "the input ends where a value is due");
    }
    unsigned char first = *input_peek(in, 1);
    struct form form = form_of(first);
    v.type = form.type;
    if (!v.type)
        refuse("WIRE-4", v.offset, in->path, "the byte c1 where a value is to begin");
    if (!(v.type & allowed))
        refuse(clause, v.offset, in->path, "a value of another kind is due here (first byte %02x)", first);
    if (!input_has(in, 1u + form.more))
        refuse_reach(in, v.offset);
    read_header(&v, input_take(in, 1u + form.more), form.more);
    uint64_t least = v.type & (T_STR | T_BIN | T_EXT | T_ARRAY) ? v.number
                   : v.type == T_MAP ? 2 * v.number : 0;
    if (!input_has(in, least))
        refuse_reach(in, v.offset);     /* WIRE-3, CONF-4 */
    return v;
}

/* Goes into the body of a bin or ext. Returns the limit that leave_body restores. */
static uint64_t enter_body(struct input *in, const struct value *v)
{
    uint64_t outer = in->limit;
    in->depth++;
    in->limit = in->position + v->number;
    return outer;
}

/* WIRE-6: the body must have been used up. */
static void leave_body(struct input *in, uint64_t outer)
{
    if (in->position != in->limit)
        refuse("WIRE-6", in->position, in->path, "bytes are left over at the end of a body");
    in->limit = outer;
    in->depth--;
}

/* Whether a value is a str or bin with these bytes, which are not used up by this. */
static bool value_is(struct input *in, const struct value *v, unsigned types, const char *text)
{
    size_t length = strlen(text);
    return v->type & types && v->number == length && !memcmp(input_peek(in, length), text, length);
}

/* LEAF-11, LEAF-12: reads a key that has to be a number, in decimal. */
static void read_decimal_key(struct input *in, uint64_t number, const char *clause)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    struct value key = read_value(in, T_STR, clause);
    if (!value_is(in, &key, T_STR, text))
        refuse(clause, key.offset, in->path, "the key %s is due here", text);
    input_take(in, strlen(text));
}

/* --------------------------------------------------------------------- leaves */

struct leaf {
    uint32_t node;
    unsigned char kind, dtype, dimension_count;
    bool negative;
    uint64_t dimensions[MAX_DIMENSIONS];
    uint64_t number[2];         /* int, bool, float, complex; the length of a str or bin */
    unsigned char digest[32];
};

struct decoder {
    struct input in;
    struct tree tree;
    struct path path;
    struct sha256 sha;
    struct bytes log;           /* the leaves that have been read, packed */
    struct leaf leaf;           /* the one that is being read */
    uint64_t path_cost;         /* FLAX-8 */
};

/* Goes over the body of a bin or str and hashes it, piece by piece; WIRE-5. */
static void hash_body(struct decoder *d, const struct value *v)
{
    struct utf8 check = {0, 0, 0};
    bool valid = true;
    for (uint64_t left = v->number; left; ) {
        input_peek(&d->in, 1);
        size_t piece = d->in.end - d->in.at;
        if (piece > left)
            piece = (size_t)left;
        const unsigned char *bytes = input_take(&d->in, piece);
        sha_add(&d->sha, bytes, piece);
        valid = valid && (v->type != T_STR || utf8_add(&check, bytes, piece));
        left -= piece;
    }
    if (!valid || check.due)
        refuse("WIRE-5", v->offset, d->in.path, "a str that is not UTF-8");
}

/* LEAF-3 */
static uint64_t read_dimension(struct input *in)
{
    struct value v = read_value(in, T_INT, "LEAF-3");
    if (v.negative)
        refuse("LEAF-3", v.offset, in->path, "a dimension is negative");
    return v.number;
}

static void check_dimension_count(struct input *in, const struct value *shape)
{
    if (shape->number > MAX_DIMENSIONS)
        refuse("LEAF-3", shape->offset, in->path, "a shape of more than %d dimensions", MAX_DIMENSIONS);
}

static unsigned char read_dtype(struct input *in)
{
    struct value tag = read_value(in, T_STR | T_BIN, "DTYPE-2");
    int dtype = tag.number > LONGEST_TAG ? -1
              : dtype_find(input_peek(in, (size_t)tag.number), (size_t)tag.number);
    if (dtype < 0)
        refuse("DTYPE-1", tag.offset, in->path, "a dtype tag that is not in the table");
    input_take(in, (size_t)tag.number);
    return (unsigned char)dtype;
}

static uint64_t leaf_elements(struct decoder *d, const struct leaf *leaf, const struct value *shape)
{
    uint64_t elements;
    if (!count_elements(leaf->dimensions, leaf->dimension_count, dtypes[leaf->dtype].width, &elements))
        refuse("LEAF-4", shape->offset, d->in.path, "the shape is too large");
    return elements;
}

/*
 * LEAF-2, LEAF-6: the body of an ext of type 1 or 3, `clause` being the one of the
 * two. Where it is a scalar or a chunk, `rank` is the number of dimensions that
 * `rank_clause` wants. Adds the payload to the hash; returns how many elements it has.
 */
static uint64_t read_array(struct decoder *d, const struct value *ext, struct leaf *leaf,
                           const char *clause, const char *rank_clause, unsigned rank)
{
    struct input *in = &d->in;
    uint64_t outer = enter_body(in, ext);
    struct value body = read_value(in, T_ARRAY, clause);
    if (body.number != 3)
        refuse(clause, body.offset, in->path, "an array of shape, dtype tag and payload is due here");
    struct value shape = read_value(in, T_ARRAY, "LEAF-3");
    check_dimension_count(in, &shape);
    if (rank_clause && shape.number != rank)
        refuse(rank_clause, shape.offset, in->path, "a shape of %u dimensions is due here", rank);
    leaf->dimension_count = (unsigned char)shape.number;
    for (unsigned i = 0; i < shape.number; i++)
        leaf->dimensions[i] = read_dimension(in);
    leaf->dtype = read_dtype(in);
    uint64_t elements = leaf_elements(d, leaf, &shape);
    struct value payload = read_value(in, T_BIN, "LEAF-5");
    if (payload.number != elements * dtypes[leaf->dtype].width)
        refuse("LEAF-5", payload.offset, in->path, "the payload has not the length of its shape and dtype");
    hash_body(d, &payload);
    leave_body(in, outer);
    return elements;
}

/* LEAF-7 */
static void read_complex(struct input *in, const struct value *ext, struct leaf *leaf)
{
    uint64_t outer = enter_body(in, ext);
    struct value body = read_value(in, T_ARRAY, "LEAF-7");
    if (body.number != 2)
        refuse("LEAF-7", body.offset, in->path, "an array of two floats is due here");
    for (int i = 0; i < 2; i++)
        leaf->number[i] = read_value(in, T_FLOAT, "LEAF-7").number;
    leave_body(in, outer);
}

/* LEAF-10: reads one of the keys of a chunked array. */
static void read_chunked_key(struct input *in, const char *name)
{
    struct value key = read_value(in, T_STR, "LEAF-10");
    if (!value_is(in, &key, T_STR, name))
        refuse("LEAF-10", key.offset, in->path, "the key %s is due here", name);
    input_take(in, strlen(name));
}

/* LEAF-12: returns how many elements the chunks have together. */
static uint64_t read_chunks(struct decoder *d, const struct value *chunks, struct leaf *leaf,
                            const struct value *shape)
{
    struct input *in = &d->in;
    struct leaf chunk;
    uint64_t elements = 0;
    for (uint64_t i = 0; i < chunks->number; i++) {
        read_decimal_key(in, i, "LEAF-12");
        struct value ext = read_value(in, T_EXT, "LEAF-12");
        if (ext.ext != 1)
            refuse("LEAF-12", ext.offset, in->path, "a chunk is not an ndarray");
        elements += read_array(d, &ext, &chunk, "LEAF-2", "LEAF-12", 1);
        if (i && chunk.dtype != leaf->dtype)
            refuse("LEAF-12", ext.offset, in->path, "the chunks differ in dtype");
        leaf->dtype = chunk.dtype;
        if (!i)
            leaf_elements(d, leaf, shape);      /* LEAF-11: LEAF-4 holds */
    }
    return elements;
}

/* LEAF-10, LEAF-11, LEAF-12: a map whose first key, the marker, is the next value's body. */
static void read_chunked(struct decoder *d, const struct value *map, struct leaf *leaf)
{
    struct input *in = &d->in;
    input_take(in, strlen(MARKER));
    leaf->kind = NDARRAY;
    if (map->number != 3)
        refuse("LEAF-10", map->offset, in->path, "a chunked array has three entries");
    struct value marked = read_value(in, T_BOOL, "LEAF-10");
    if (!marked.number)
        refuse("LEAF-10", marked.offset, in->path, "the marker of a chunked array is not true");
    read_chunked_key(in, "shape");
    struct value shape = read_value(in, T_MAP, "LEAF-11");
    check_dimension_count(in, &shape);
    leaf->dimension_count = (unsigned char)shape.number;
    for (unsigned i = 0; i < shape.number; i++) {
        read_decimal_key(in, i, "LEAF-11");
        leaf->dimensions[i] = read_dimension(in);
    }
    read_chunked_key(in, "chunks");
    struct value chunks = read_value(in, T_MAP, "LEAF-12");
    if (!chunks.number)
        refuse("LEAF-12", chunks.offset, in->path, "a chunked array without chunks");
    if (read_chunks(d, &chunks, leaf, &shape) != leaf_elements(d, leaf, &shape))
        refuse("LEAF-12", chunks.offset, in->path, "the chunks have not as many elements as the shape says");
}

static void read_ext(struct decoder *d, const struct value *ext, struct leaf *leaf)
{
    if (ext->ext == 1) {
        leaf->kind = NDARRAY;
        read_array(d, ext, leaf, "LEAF-2", NULL, 0);
    } else if (ext->ext == 2) {
        leaf->kind = COMPLEX;
        read_complex(&d->in, ext, leaf);
    } else if (ext->ext == 3) {
        leaf->kind = SCALAR;
        read_array(d, ext, leaf, "LEAF-6", "LEAF-6", 0);
    } else {
        refuse("LEAF-1", ext->offset, d->in.path, "an ext of type %d", ext->ext);
    }
}

/* LEAF-1: the leaf that a value begins; a map is an empty one or is chunked. */
static void read_leaf(struct decoder *d, const struct value *v)
{
    struct leaf *leaf = &d->leaf;
    leaf->number[0] = v->number;
    leaf->negative = v->negative;
    leaf->dimension_count = leaf->dtype = 0;
    sha_begin(&d->sha);
    switch (v->type) {
    case T_NIL:   leaf->kind = NIL; break;
    case T_BOOL:  leaf->kind = BOOL; break;
    case T_INT:   leaf->kind = INT; break;
    case T_FLOAT: leaf->kind = FLOAT; break;
    case T_STR:   leaf->kind = STR; hash_body(d, v); break;
    case T_BIN:   leaf->kind = BIN; hash_body(d, v); break;
    case T_EXT:   read_ext(d, v, leaf); break;
    default:
        if (v->number)
            read_chunked(d, v, leaf);
        else
            leaf->kind = EMPTY;     /* LEAF-9 */
    }
    sha_end(&d->sha, leaf->digest);
}

static bool has_digest(unsigned kind)
{
    return kind == NDARRAY || kind == SCALAR || kind == STR || kind == BIN;
}

/* How many of the numbers of a leaf its kind uses. */
static size_t number_count(unsigned kind)
{
    return kind == COMPLEX ? 2 : kind == BOOL || kind == INT || kind == FLOAT || kind == STR || kind == BIN;
}

/* Packs the leaf that has been read, or unpacks one; both in the same order. */
static void log_leaf(struct bytes *log, const struct leaf *leaf)
{
    bytes_add(log, leaf, offsetof(struct leaf, dimensions));
    bytes_add(log, leaf->dimensions, leaf->dimension_count * sizeof *leaf->dimensions);
    bytes_add(log, leaf->number, number_count(leaf->kind) * sizeof *leaf->number);
    if (has_digest(leaf->kind))
        bytes_add(log, leaf->digest, sizeof leaf->digest);
}

static void unpack(const unsigned char **p, void *to, size_t size)
{
    memcpy(to, *p, size);
    *p += size;
}

static void unlog_leaf(const unsigned char **p, struct leaf *leaf)
{
    unpack(p, leaf, offsetof(struct leaf, dimensions));
    unpack(p, leaf->dimensions, leaf->dimension_count * sizeof *leaf->dimensions);
    unpack(p, leaf->number, number_count(leaf->kind) * sizeof *leaf->number);
    if (has_digest(leaf->kind))
        unpack(p, leaf->digest, sizeof leaf->digest);
}

/* ---------------------------------------------------------- streams and flax files */

/* KEY-1 to KEY-4 */
static void read_path(struct decoder *d)
{
    struct input *in = &d->in;
    struct value array = read_value(in, T_ARRAY, "KEY-1");
    if (!array.number)
        refuse("KEY-1", array.offset, NULL, "a key path without a part");
    if (array.number > MAX_PARTS)
        refuse("KEY-3", array.offset, NULL, "a key path of more than %d parts", MAX_PARTS);
    d->path.count = 0;
    d->path.bytes = 0;
    in->path = NULL;            /* not known before it has been read */
    for (uint64_t i = 0; i < array.number; i++) {
        struct value part = read_value(in, T_STR, "KEY-1");
        if (part.number > MAX_PATH_BYTES - d->path.bytes)
            refuse("KEY-4", array.offset, NULL, "a key path of more than %d bytes", MAX_PATH_BYTES);
        const unsigned char *text = input_take(in, (size_t)part.number);
        if (path_push(&d->path, text, part.number, false))
            refuse("WIRE-5", part.offset, NULL, "a part of a key path is not UTF-8");
    }
    in->path = &d->path;
}

/* REC-1, REC-2 */
static void read_record(struct decoder *d)
{
    struct input *in = &d->in;
    d->path.count = 0;
    struct value record = read_value(in, T_ARRAY, "REC-1");
    if (record.number != 2)
        refuse("REC-1", record.offset, NULL, "a record is an array of two elements");
    read_path(d);
    const char *clash = tree_add(&d->tree, &d->path, &d->leaf.node);
    if (clash)
        refuse(clash, record.offset, &d->path, "%s", clash_text(clash));
    struct value blob = read_value(in, T_BIN, "REC-2");
    uint64_t outer = enter_body(in, &blob);
    struct value v = read_value(in, T_ALL & ~T_ARRAY, "LEAF-1");
    if (v.type == T_MAP && v.number) {
        struct value key = read_value(in, T_ALL, "LEAF-1");
        if (!value_is(in, &key, T_STR, MARKER))
            refuse("LEAF-1", v.offset, in->path, "a map that is not a chunked array");
    }
    read_leaf(d, &v);
    leave_body(in, outer);
    log_leaf(&d->log, &d->leaf);
}

static void read_stream(struct decoder *d)
{
    if (!input_has(&d->in, 1))
        refuse("STREAM-3", 0, NULL, "an empty input");
    while (input_has(&d->in, 1))
        read_record(d);
}

/* FLAX-8: `size` is that of the file, which on a pipe is known only at its end. */
static bool paths_too_long(uint64_t cost, uint64_t size)
{
    return size < UINT64_MAX / 128 && cost > (UINT64_C(1) << 20) + 64 * size;
}

static void store_flax_leaf(struct decoder *d, const struct value *v)
{
    read_leaf(d, v);
    log_leaf(&d->log, &d->leaf);
    d->path_cost += d->path.bytes + 8 * d->path.count;
    if (paths_too_long(d->path_cost, d->in.limit))
        refuse("FLAX-8", v->offset, &d->path, "the key paths are too long for the size of the file");
}

/* FLAX-2, FLAX-3, FLAX-5: reads a key of a map and adds it to the key path. */
static uint32_t read_flax_key(struct decoder *d, const struct value *key, uint32_t parent)
{
    bool fits = key->number <= MAX_PATH_BYTES;      /* if not, path_push refuses the length */
    const unsigned char *text = fits ? input_take(&d->in, (size_t)key->number) : NULL;
    const char *clause = path_push(&d->path, text, key->number, false);
    if (clause)
        refuse(clause, key->offset, &d->path, !strcmp(clause, "WIRE-5") ? "a key is not UTF-8"
               : "the key path has too many parts or bytes");
    bool fresh;
    uint32_t node = tree_child(&d->tree, parent, text, &d->path.part[d->path.count - 1], &fresh);
    if (!fresh)
        refuse("FLAX-5", key->offset, &d->path, "the key stands in the map already");
    return node;
}

/*
 * The entries of a map that has some, or the chunked array that it is. It calls
 * itself no deeper than MAX_PARTS, since path_push refuses the key beyond (KEY-3).
 */
static void read_flax_map(struct decoder *d, const struct value *map, uint32_t parent)
{
    struct input *in = &d->in;
    for (uint64_t i = 0; i < map->number; i++) {
        struct value key = read_value(in, T_STR, "FLAX-2");
        if (value_is(in, &key, T_STR, MARKER)) {
            if (i || parent == ROOT)
                refuse("FLAX-3", key.offset, in->path, "the marker of chunked arrays where none can be");
            d->leaf.node = parent;
            store_flax_leaf(d, map);
            return;
        }
        uint32_t node = read_flax_key(d, &key, parent);
        struct value v = read_value(in, T_ALL & ~T_ARRAY, "FLAX-4");
        if (v.type == T_MAP && v.number) {
            read_flax_map(d, &v, node);
        } else {
            d->leaf.node = node;
            store_flax_leaf(d, &v);
        }
        path_pop(&d->path);
    }
}

static void read_flax(struct decoder *d)
{
    struct input *in = &d->in;
    if (!input_has(in, 1))
        refuse("FLAX-1", 0, NULL, "an empty input");
    struct value map = read_value(in, T_MAP, "FLAX-1");
    if (!map.number)
        refuse("FLAX-1", map.offset, NULL, "a map without entries");
    read_flax_map(d, &map, ROOT);
    if (input_has(in, 1))
        refuse("FLAX-1", in->position, NULL, "bytes after the map");
    if (paths_too_long(d->path_cost, in->position))
        refuse("FLAX-8", 0, NULL, "the key paths are too long for the size of the file");
}

static void print_leaf(const struct leaf *leaf)
{
    switch (leaf->kind) {
    case NDARRAY:
    case SCALAR:
        printf(", \"dtype\": \"%s\"", dtypes[leaf->dtype].tag);
        if (leaf->kind == NDARRAY) {
            fputs(", \"shape\": [", stdout);
            for (unsigned i = 0; i < leaf->dimension_count; i++)
                printf("%s\"%" PRIu64 "\"", i ? ", " : "", leaf->dimensions[i]);
            putchar(']');
        }
        break;
    case BOOL:
        printf(", \"value\": %s", leaf->number[0] ? "true" : "false");
        break;
    case INT:
        printf(", \"value\": \"%s%" PRIu64 "\"", leaf->negative ? "-" : "",
               leaf->negative ? -leaf->number[0] : leaf->number[0]);
        break;
    case FLOAT:
        printf(", \"value\": \"%016" PRIx64 "\"", leaf->number[0]);
        break;
    case COMPLEX:
        printf(", \"value\": [\"%016" PRIx64 "\", \"%016" PRIx64 "\"]", leaf->number[0], leaf->number[1]);
        break;
    case STR:
    case BIN:
        printf(", \"bytes\": \"%" PRIu64 "\"", leaf->number[0]);
        break;
    default:
        break;
    }
    if (has_digest(leaf->kind)) {
        fputs(", \"sha256\": \"", stdout);
        for (int i = 0; i < 64; i++)
            putchar("0123456789abcdef"[leaf->digest[i / 2] >> (i % 2 ? 0 : 4) & 15]);
        putchar('"');
    }
}

static void finish_output(void)
{
    if (fflush(stdout) || ferror(stdout))
        fail_io("cannot write the output");
}

static void print_leaves(struct decoder *d)
{
    const unsigned char *p = d->log.data, *end = p + d->log.length;
    fputs("{\"records\": [", stdout);
    for (bool first = true; p < end; first = false) {
        unlog_leaf(&p, &d->leaf);
        tree_path(&d->tree, d->leaf.node, &d->path);
        fputs(first ? "\n{\"path\": " : ",\n{\"path\": ", stdout);
        print_path(stdout, &d->path);
        fputs(", \"display\": \"", stdout);
        print_display(stdout, &d->path);
        printf("\", \"kind\": \"%s\"", kind_names[d->leaf.kind]);
        print_leaf(&d->leaf);
        putchar('}');
    }
    fputs("\n]}\n", stdout);
    finish_output();
}

static int decode(const char *name, bool flax)
{
    struct decoder *d = allocate(sizeof *d);
    d->sha.compress = sha_fastest();
    tree_begin(&d->tree);
    input_open(&d->in, name, flax ? "FLAX-6" : "STREAM-2", &d->path);
    if (flax)
        read_flax(d);
    else
        read_stream(d);
    print_leaves(d);    /* CONF-3: only now that nothing has been refused */
    if (d->in.file != STDIN_FILENO)
        close(d->in.file);
    free(d->in.buffer);
    free(d->log.data);
    tree_free(&d->tree);
    free(d);
    return 0;
}

/* ----------------------------------------------------------------- JSON reader */

/*
 * RFC 8259, read in place. Every value is checked once by json_skip; after that
 * the functions below look at values that are known to be well formed. json_text
 * decodes a string over its own bytes, so it can be called once for each string.
 */
struct json {
    unsigned char *at, *end;
};

static _Noreturn void json_fail(void)
{
    fail(2, "standard input is not the JSON that the protocol describes");
}

/* The next byte that is no white space, or 0 at the end. */
static unsigned char json_peek(struct json *j)
{
    while (j->at < j->end && memchr(" \t\n\r", *j->at, 4))
        j->at++;
    return j->at < j->end ? *j->at : 0;
}

static bool json_take(struct json *j, unsigned char c)
{
    bool there = json_peek(j) == c && j->at < j->end;
    j->at += there;
    return there;
}

static void json_want(struct json *j, unsigned char c)
{
    if (!json_take(j, c))
        json_fail();
}

static void json_skip_string(struct json *j)
{
    json_want(j, '"');
    unsigned char *start = j->at;
    for (; j->at < j->end && *j->at != '"'; j->at++) {
        if (*j->at < 0x20)
            json_fail();
        if (*j->at != '\\')
            continue;
        if (++j->at == j->end || !*j->at || !strchr("\"\\/bfnrtu", *j->at) ||
            (*j->at == 'u' && hex_four(j->at + 1, j->end) < 0))
            json_fail();
    }
    if (j->at == j->end || !utf8_valid(start, (size_t)(j->at - start)))
        json_fail();
    j->at++;
}

static void json_skip_digits(struct json *j)
{
    unsigned char *start = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    if (j->at == start)
        json_fail();
}

static bool json_take_one_of(struct json *j, const char *set)
{
    bool there = j->at < j->end && *j->at && strchr(set, *j->at);
    j->at += there;
    return there;
}

static void json_skip_number(struct json *j)
{
    json_take_one_of(j, "-");
    if (!json_take_one_of(j, "0"))
        json_skip_digits(j);
    if (json_take_one_of(j, "."))
        json_skip_digits(j);
    if (json_take_one_of(j, "eE")) {
        json_take_one_of(j, "+-");
        json_skip_digits(j);
    }
}

static void json_skip_word(struct json *j, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(j->end - j->at) < length || memcmp(j->at, word, length))
        json_fail();
    j->at += length;
}

static void json_skip(struct json *j, unsigned depth)
{
    unsigned char first = json_peek(j);
    if (first == '"') {
        json_skip_string(j);
    } else if (first == '{' || first == '[') {
        unsigned char close = first == '{' ? '}' : ']';
        if (depth == MAX_JSON_DEPTH)
            json_fail();
        j->at++;
        if (json_take(j, close))
            return;
        do {
            if (first == '{') {
                json_skip_string(j);
                json_want(j, ':');
            }
            json_skip(j, depth + 1);
        } while (json_take(j, ','));
        json_want(j, close);
    } else if (first == 't' || first == 'f' || first == 'n') {
        json_skip_word(j, first == 't' ? "true" : first == 'f' ? "false" : "null");
    } else {
        json_skip_number(j);
    }
}

/* One character of a string after the backslash; leaves a lone surrogate as it is. */
static uint32_t json_escape(struct json *j)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    unsigned char c = *j->at++;
    const char *letter = strchr(letters, c);
    if (letter)
        return (unsigned char)meanings[letter - letters];
    if (c != 'u')
        return c;
    uint32_t high = (uint32_t)hex_four(j->at, j->end);
    j->at += 4;
    if (high >= 0xd800 && high < 0xdc00 && j->end - j->at >= 6 && j->at[0] == '\\' && j->at[1] == 'u') {
        uint32_t low = (uint32_t)hex_four(j->at + 2, j->end);
        if (low >= 0xdc00 && low < 0xe000) {
            j->at += 6;
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return high;
}

/* A text of the JSON; a lone surrogate stands in it as three bytes that are not UTF-8. */
struct text {
    unsigned char *data;
    size_t length;
};

static struct text json_text(struct json *j)
{
    json_want(j, '"');
    struct text text = {j->at, 0};
    while (*j->at != '"') {
        if (*j->at == '\\') {
            j->at++;
            uint32_t c = json_escape(j);
            text.length += utf8_put(text.data + text.length, c);
        } else {
            text.data[text.length++] = *j->at++;
        }
    }
    j->at++;
    return text;
}

static bool text_is(struct text text, const char *word)
{
    return text.data && text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

/* Finds the members of an object that have these names; missing ones are left NULL. */
static void json_members(struct json *j, const char *const *names, unsigned count, unsigned char **values)
{
    memset(values, 0, count * sizeof *values);
    json_want(j, '{');
    if (json_take(j, '}'))
        return;
    do {
        struct text name = json_text(j);
        json_want(j, ':');
        json_peek(j);
        for (unsigned i = 0; i < count; i++)
            if (text_is(name, names[i]))
                values[i] = j->at;
        json_skip(j, 0);
    } while (json_take(j, ','));
    json_want(j, '}');
}

/* Digits without a leading zero. False where they are none; *large where they go beyond 2^64 - 1. */
static bool parse_decimal(struct text text, uint64_t *number, bool *large)
{
    *number = 0;
    *large = false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        unsigned digit = text.data[i] - '0';
        *large = *large || *number > (UINT64_MAX - digit) / 10;
        *number = *number * 10 + digit;
    }
    return text.length && (text.data[0] != '0' || text.length == 1);
}

/* Decodes hexadecimal digits over themselves. */
static bool parse_hex(struct text *text)
{
    for (size_t i = 0; i < text->length / 2; i++) {
        int high = hex_digit(text->data[2 * i]), low = hex_digit(text->data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        text->data[i] = (unsigned char)(high << 4 | low);
    }
    bool even = text->length % 2 == 0;
    text->length /= 2;
    return even;
}

/* ------------------------------------------------------------ what is to be written */

struct item {
    uint32_t node;
    unsigned char kind, dtype, dimension_count;
    bool negative, filled;
    unsigned char fill;
    size_t dimensions;          /* where they begin in the encoder's list */
    uint64_t number[2];         /* bool, int, float, complex */
    unsigned char *payload;     /* of array, scalar, str, bin, where it is not filled */
    uint64_t size;              /* of the payload */
};

struct encoder {
    struct tree tree;
    struct path path;
    struct item *item;
    size_t count, room;
    uint64_t *dimensions;
    size_t dimension_count, dimension_room;
    bool flax, keep_empty;
    uint32_t *first, *next;     /* by node: first child and next sibling, in the order of TREE-5 */
    struct item **at_node;      /* by node: the leaf */
    uint64_t path_cost;         /* FLAX-8 */
};

enum member { M_PATH, M_KIND, M_DTYPE, M_SHAPE, M_PAYLOAD, M_FILL, M_BYTES, M_ORDER, M_VALUE, M_COUNT };
static const char *const member_names[M_COUNT] = {
    "path", "kind", "dtype", "shape", "payload", "fill", "bytes", "byte_order", "value"
};

/* The members of a record, as places in the JSON. */
struct record {
    unsigned char *member[M_COUNT], *end;
};

static struct json member_json(const struct record *r, enum member m)
{
    return (struct json){r->member[m], r->end};
}

/* A member that is a string; .data is NULL where it is missing or something else. */
static struct text member_text(const struct record *r, enum member m)
{
    struct json j = member_json(r, m);
    return j.at && *j.at == '"' ? json_text(&j) : (struct text){NULL, 0};
}

/* Refuses what is being read; an encoder's faults have no offset. */
static _Noreturn void refuse_item(const struct encoder *e, const char *clause, const char *reason)
{
    refuse(clause, NOWHERE, &e->path, "%s", reason);
}

/* TREE-2, TREE-3: adds a key that is a text or an integer. */
static const char *push_key(struct encoder *e, struct json *j)
{
    if (json_peek(j) == '"') {
        struct text text = json_text(j);
        return path_push(&e->path, text.data, text.length, false);
    }
    unsigned char *start = j->at;
    json_skip(j, 0);
    struct text digits = {start, (size_t)(j->at - start)};
    if (text_is(digits, "-0"))
        return path_push(&e->path, (const unsigned char *)"0", 1, true);
    struct text unsigned_digits = {start + (*start == '-'), digits.length - (*start == '-')};
    uint64_t number;
    bool large;
    if (!parse_decimal(unsigned_digits, &number, &large))
        return "TREE-3";
    return path_push(&e->path, start, digits.length, true);
}

/* KEY-1, KEY-3, KEY-4, KEY-6, WIRE-5: reads a key path into e->path. */
static void parse_path(struct encoder *e, const struct record *r)
{
    struct json j = member_json(r, M_PATH);
    const char *fault = NULL;
    e->path.count = 0;
    e->path.bytes = 0;
    if (j.at && *j.at == '"') {
        struct text text = json_text(&j);
        fault = path_parse(&e->path, text.data, text.length);
    } else if (j.at && json_take(&j, '[')) {
        if (!json_take(&j, ']'))
            do
                fault = push_key(e, &j);
            while (!fault && json_take(&j, ','));
    }
    if (fault)
        refuse(fault, NOWHERE, NULL, "the key path cannot be written");
    if (!e->path.count)
        refuse("KEY-1", NOWHERE, NULL, "a key path of one or more parts is due");
    for (unsigned i = 0; e->flax && i < e->path.count; i++)     /* FLAX-3 */
        if (e->path.part[i].length == strlen(MARKER) &&
            !memcmp(e->path.text + e->path.part[i].start, MARKER, strlen(MARKER)))
            refuse_item(e, "FLAX-3", "the marker of chunked arrays is a part of the key path");
}

/* LEAF-3, LEAF-4, LEAF-6: reads the shape; returns the size of the payload. */
static uint64_t parse_shape(struct encoder *e, const struct record *r, struct item *item)
{
    struct json j = member_json(r, M_SHAPE);
    bool large = false, any_large = false;
    uint64_t dimensions[MAX_DIMENSIONS], elements;
    if (!j.at && item->kind == SCALAR)
        return dtypes[item->dtype].width;
    if (!j.at || !json_take(&j, '['))
        refuse_item(e, "LEAF-3", "a shape is due");
    if (!json_take(&j, ']'))
        do {
            struct text text = json_peek(&j) == '"' ? json_text(&j) : (struct text){NULL, 0};
            if (item->dimension_count == MAX_DIMENSIONS)
                refuse_item(e, "LEAF-3", "the shape has too many dimensions");
            if (!parse_decimal(text, &dimensions[item->dimension_count++], &large))
                refuse_item(e, "LEAF-3", "a dimension is not an integer of 0 or more");
            any_large = any_large || large;
        } while (json_take(&j, ','));
    if (item->kind == SCALAR && item->dimension_count)
        refuse_item(e, "LEAF-6", "a scalar has no dimensions");
    unsigned width = dtypes[item->dtype].width;
    if (any_large || !count_elements(dimensions, item->dimension_count, width, &elements))
        refuse_item(e, "LEAF-4", "the shape is too large");
    item->dimensions = e->dimension_count;
    e->dimension_count += item->dimension_count;
    e->dimensions = grow(e->dimensions, &e->dimension_room, e->dimension_count, sizeof *e->dimensions);
    if (item->dimension_count)
        memcpy(e->dimensions + item->dimensions, dimensions, item->dimension_count * sizeof *dimensions);
    return elements * width;
}

/* DTYPE-3: turns the bytes of each word round. */
static void swap_words(unsigned char *p, uint64_t size, unsigned word)
{
    for (uint64_t at = 0; at < size; at += word)
        for (unsigned i = 0; i < word / 2; i++) {
            unsigned char byte = p[at + i];
            p[at + i] = p[at + word - 1 - i];
            p[at + word - 1 - i] = byte;
        }
}

/* DTYPE-4, DTYPE-5: an element of one byte without the bits that carry no meaning. */
static unsigned char clean_byte(unsigned char byte, unsigned dtype)
{
    return dtype == DTYPE_BOOL ? byte != 0 : byte & dtypes[dtype].mask;
}

/* The member `fill`, where there is one. */
static void parse_fill(struct encoder *e, const struct record *r, struct item *item)
{
    struct text text = member_text(r, M_FILL);
    item->filled = r->member[M_FILL] != NULL;
    if (item->filled && !(text.length == 2 && parse_hex(&text)))
        refuse_item(e, "LEAF-5", "fill is not two hexadecimal digits");
    if (item->filled)
        item->fill = text.data[0];
}

static void parse_array(struct encoder *e, const struct record *r, struct item *item)
{
    struct text tag = member_text(r, M_DTYPE);
    int dtype = tag.data ? dtype_find(tag.data, tag.length) : -1;
    if (dtype < 0)
        refuse_item(e, "DTYPE-7", "the type of the array has no dtype tag");
    item->dtype = (unsigned char)dtype;
    item->size = parse_shape(e, r, item);
    parse_fill(e, r, item);
    if (item->filled) {
        item->fill = clean_byte(item->fill, item->dtype);
        return;
    }
    struct text payload = member_text(r, M_PAYLOAD);
    if (!payload.data || !parse_hex(&payload) || payload.length != item->size)
        refuse_item(e, "LEAF-5", "the payload has not the length of its shape and dtype");
    item->payload = payload.data;
    if (text_is(member_text(r, M_ORDER), "big"))
        swap_words(item->payload, item->size, dtypes[dtype].word);
    if (dtype == DTYPE_BOOL || dtypes[dtype].mask != 0xff)
        for (uint64_t i = 0; i < item->size; i++)
            item->payload[i] = clean_byte(item->payload[i], item->dtype);
}

/* A str or bin. */
static void parse_string(struct encoder *e, const struct record *r, struct item *item)
{
    bool large = false;
    parse_fill(e, r, item);
    if (item->filled) {
        if (!parse_decimal(member_text(r, M_BYTES), &item->size, &large) || large)
            refuse_item(e, "LEAF-1", "the length cannot be written");
    } else {
        struct text text = member_text(r, M_VALUE);
        if (!text.data || (item->kind == BIN && !parse_hex(&text)))
            refuse_item(e, "LEAF-1", "the value of a str or bin is due");
        item->payload = text.data;
        item->size = text.length;
    }
    if (item->kind == STR && (item->filled ? item->fill > 0x7f && item->size
                                           : !utf8_valid(item->payload, (size_t)item->size)))
        refuse_item(e, "WIRE-5", "the text cannot be encoded");
}

static bool parse_float(struct json *j, uint64_t *bits)
{
    struct text text = json_peek(j) == '"' ? json_text(j) : (struct text){NULL, 0};
    if (text.length != 16 || !parse_hex(&text))
        return false;
    *bits = 0;
    for (int i = 0; i < 8; i++)
        *bits = *bits << 8 | text.data[i];
    return true;
}

static bool parse_int(struct text text, struct item *item)
{
    bool large;
    item->negative = text.length && *text.data == '-';
    if (!parse_decimal((struct text){text.data + item->negative, text.length - item->negative},
                       item->number, &large) || large)
        return false;
    if (!item->negative)
        return true;
    item->number[0] = -item->number[0];
    return item->number[0] >= UINT64_C(1) << 63;    /* -2^63 to -1 */
}

/* LEAF-1: the value of a record. */
static void parse_value(struct encoder *e, const struct record *r, struct item *item)
{
    struct json j = member_json(r, M_VALUE);
    switch (item->kind) {
    case NDARRAY:
    case SCALAR:
        parse_array(e, r, item);
        break;
    case STR:
    case BIN:
        parse_string(e, r, item);
        break;
    case BOOL:
        if (!j.at || (*j.at != 't' && *j.at != 'f'))
            refuse_item(e, "LEAF-1", "the value of a bool is true or false");
        item->number[0] = *j.at == 't';
        break;
    case INT:
        if (!j.at || *j.at != '"' || !parse_int(json_text(&j), item))
            refuse_item(e, "LEAF-1", "an int is a number from -2^63 to 2^64 - 1");
        break;
    case FLOAT:
        if (!j.at || !parse_float(&j, &item->number[0]))
            refuse_item(e, "LEAF-8", "the value of a float is 16 hexadecimal digits");
        break;
    case COMPLEX:
        if (!j.at || !json_take(&j, '[') || !parse_float(&j, &item->number[0]) || !json_take(&j, ',') ||
            !parse_float(&j, &item->number[1]) || !json_take(&j, ']'))
            refuse_item(e, "LEAF-7", "the value of a complex is two times 16 hexadecimal digits");
        break;
    default:
        break;
    }
}

/* Reads one record and puts it into the tree. */
static void parse_record(struct encoder *e, struct json *j)
{
    struct record r = {.end = j->end};
    struct item item = {0};
    json_members(j, member_names, M_COUNT, r.member);
    parse_path(e, &r);
    struct text kind = member_text(&r, M_KIND);
    while (item.kind < KIND_COUNT && !text_is(kind, kind_names[item.kind]))
        item.kind++;
    if (item.kind == KIND_COUNT)
        refuse_item(e, "LEAF-1", "the format has no such kind of leaf");
    parse_value(e, &r, &item);
    if (!e->flax && item.size > UINT32_MAX)
        refuse_item(e, "REC-3", "the leaf is larger than a record can hold");
    const char *clash = tree_add(&e->tree, &e->path, &item.node);
    if (clash)
        refuse_item(e, clash, clash_text(clash));
    e->item = grow(e->item, &e->room, e->count + 1, sizeof *e->item);
    e->item[e->count++] = item;
}

static void parse_request(struct encoder *e, struct bytes *input)
{
    static const char *const names[2] = {"records", "empty_nodes"};
    unsigned char *values[2], *end = input->data + input->length;
    struct json j = {input->data, end};
    json_skip(&j, 0);
    if (json_peek(&j) || j.at != end)
        json_fail();
    j.at = input->data;
    json_members(&j, names, 2, values);
    if (!values[0] || !values[1])
        json_fail();
    j.at = values[1];
    struct text empty_nodes = *j.at == '"' ? json_text(&j) : (struct text){NULL, 0};
    e->keep_empty = text_is(empty_nodes, "keep");
    if (!e->keep_empty && !text_is(empty_nodes, "leave out"))
        json_fail();
    j.at = values[0];
    json_want(&j, '[');
    if (json_take(&j, ']'))
        return;
    do
        parse_record(e, &j);
    while (json_take(&j, ','));
}

/* -------------------------------------------------------- writing MessagePack */

/* Where bytes are written to; without a file they are only counted. */
struct sink {
    FILE *file;
    uint64_t count;
    bool too_large;             /* a length did not fit into any header */
};

static void count_bytes(struct sink *s, uint64_t n)
{
    s->count = n > UINT64_MAX - s->count ? UINT64_MAX : s->count + n;
}

static void put(struct sink *s, const void *data, uint64_t n)
{
    count_bytes(s, n);
    if (s->file && n && fwrite(data, 1, (size_t)n, s->file) != n)
        fail_io("cannot write the output");
}

static void put_fill(struct sink *s, unsigned char byte, uint64_t n)
{
    unsigned char piece[1 << 16];
    if (!s->file) {
        count_bytes(s, n);
        return;
    }
    memset(piece, byte, sizeof piece);
    for (; n > sizeof piece; n -= sizeof piece)
        put(s, piece, sizeof piece);
    put(s, piece, n);
}

/* A first byte, then a number of `size` bytes, big-endian. */
static void put_number(struct sink *s, unsigned first, uint64_t number, unsigned size)
{
    unsigned char bytes[9] = {(unsigned char)first};
    for (unsigned i = 0; i < size; i++)
        bytes[1 + i] = (unsigned char)(number >> 8 * (size - 1 - i));
    put(s, bytes, 1 + size);
}

/* The first bytes of the headers of one type: the shortest, with the largest number
 * that fits into it, and those with 1, 2 and 4 bytes of length. 0: there is none. */
struct header {
    unsigned char shortest, most, one, two, four;
};
static const struct header h_str = {0xa0, 31, 0xd9, 0xda, 0xdb}, h_bin = {0, 0, 0xc4, 0xc5, 0xc6},
    h_array = {0x90, 15, 0, 0xdc, 0xdd}, h_map = {0x80, 15, 0, 0xde, 0xdf}, h_ext = {0, 0, 0xc7, 0xc8, 0xc9};

/* WIRE-1 */
static void put_header(struct sink *s, struct header h, uint64_t n)
{
    if (h.shortest && n <= h.most)
        put_number(s, h.shortest | (unsigned)n, 0, 0);
    else if (h.one && n <= UINT8_MAX)
        put_number(s, h.one, n, 1);
    else if (n <= UINT16_MAX)
        put_number(s, h.two, n, 2);
    else
        put_number(s, h.four, n, 4);
    s->too_large = s->too_large || n > UINT32_MAX;
}

static void put_ext_header(struct sink *s, unsigned char type, uint64_t n)
{
    static const struct { unsigned char size, first; } fixed[5] = {
        {1, 0xd4}, {2, 0xd5}, {4, 0xd6}, {8, 0xd7}, {16, 0xd8}
    };
    unsigned i = 0;
    while (i < 5 && fixed[i].size != n)
        i++;
    if (i < 5)
        put_number(s, fixed[i].first, 0, 0);
    else
        put_header(s, h_ext, n);
    put(s, &type, 1);
}

static void put_str(struct sink *s, const void *text, size_t length)
{
    put_header(s, h_str, length);
    put(s, text, length);
}

/* WIRE-1: a negative number is given as its two's complement. */
static void put_int(struct sink *s, uint64_t n, bool negative)
{
    if (negative && n >= (uint64_t)-32)
        put_number(s, (unsigned)(n & 0xff), 0, 0);
    else if (negative)
        n >= (uint64_t)INT8_MIN ? put_number(s, 0xd0, n, 1) : n >= (uint64_t)INT16_MIN
            ? put_number(s, 0xd1, n, 2) : n >= (uint64_t)INT32_MIN
            ? put_number(s, 0xd2, n, 4) : put_number(s, 0xd3, n, 8);
    else if (n <= INT8_MAX)
        put_number(s, (unsigned)n, 0, 0);
    else
        n <= UINT8_MAX ? put_number(s, 0xcc, n, 1) : n <= UINT16_MAX
            ? put_number(s, 0xcd, n, 2) : n <= UINT32_MAX
            ? put_number(s, 0xce, n, 4) : put_number(s, 0xcf, n, 8);
}

static void put_decimal_key(struct sink *s, uint64_t number)
{
    char text[24];
    put_str(s, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, number));
}

/* Bytes of the payload, from `start` on. */
static void put_payload(struct sink *s, const struct item *item, uint64_t start, uint64_t size)
{
    if (item->filled)
        put_fill(s, item->fill, size);
    else
        put(s, item->payload + start, size);
}

/* LEAF-2, LEAF-6: the body of an array, or of a piece of one. */
static void put_array_body(struct sink *s, const struct item *item, const uint64_t *dimensions,
                           unsigned count, uint64_t start, uint64_t size)
{
    put_header(s, h_array, 3);
    put_header(s, h_array, count);
    for (unsigned i = 0; i < count; i++)
        put_int(s, dimensions[i], false);
    put_str(s, dtypes[item->dtype].tag, strlen(dtypes[item->dtype].tag));
    put_header(s, h_bin, size);
    put_payload(s, item, start, size);
}

static void put_array(struct sink *s, const struct item *item, const uint64_t *dimensions,
                      unsigned count, uint64_t start, uint64_t size)
{
    struct sink body = {0};
    put_array_body(&body, item, dimensions, count, start, size);
    put_ext_header(s, item->kind == SCALAR ? 3 : 1, body.count);
    put_array_body(s, item, dimensions, count, start, size);
}

/* LEAF-10 to LEAF-13 */
static void put_chunked(struct sink *s, const struct item *item, const uint64_t *dimensions)
{
    uint64_t width = dtypes[item->dtype].width, chunk = CHUNK_BYTES / width * width;
    put_header(s, h_map, 3);
    put_str(s, MARKER, strlen(MARKER));
    put(s, "\xc3", 1);
    put_str(s, "shape", 5);
    put_header(s, h_map, item->dimension_count);
    for (unsigned i = 0; i < item->dimension_count; i++) {
        put_decimal_key(s, i);
        put_int(s, dimensions[i], false);
    }
    put_str(s, "chunks", 6);
    put_header(s, h_map, (item->size - 1) / chunk + 1);
    for (uint64_t i = 0, start = 0; start < item->size && !s->too_large; i++, start += chunk) {
        uint64_t size = item->size - start < chunk ? item->size - start : chunk;
        uint64_t elements = size / width;
        put_decimal_key(s, i);
        put_array(s, item, &elements, 1, start, size);
    }
}

static void put_complex_body(struct sink *s, const struct item *item)
{
    put_header(s, h_array, 2);
    put_number(s, 0xcb, item->number[0], 8);
    put_number(s, 0xcb, item->number[1], 8);
}

/* LEAF-1 */
static void put_leaf(struct sink *s, const struct encoder *e, const struct item *item)
{
    const uint64_t *dimensions = e->dimensions ? e->dimensions + item->dimensions : NULL;
    struct sink body = {0};
    switch (item->kind) {
    case NDARRAY:
    case SCALAR:
        if (item->size > CHUNK_BYTES)
            put_chunked(s, item, dimensions);
        else
            put_array(s, item, dimensions, item->dimension_count, 0, item->size);
        break;
    case COMPLEX:
        put_complex_body(&body, item);
        put_ext_header(s, 2, body.count);
        put_complex_body(s, item);
        break;
    case NIL:   put(s, "\xc0", 1); break;
    case BOOL:  put(s, item->number[0] ? "\xc3" : "\xc2", 1); break;
    case INT:   put_int(s, item->number[0], item->negative); break;
    case FLOAT: put_number(s, 0xcb, item->number[0], 8); break;
    case EMPTY: put_header(s, h_map, 0); break;
    default:
        put_header(s, item->kind == STR ? h_str : h_bin, item->size);
        put_payload(s, item, 0, item->size);
    }
}

/* ---------------------------------------------------------- streams and flax files */

/* REC-1 to REC-4 */
static void put_record(struct sink *s, struct encoder *e, const struct item *item)
{
    struct sink blob = {0};
    tree_path(&e->tree, item->node, &e->path);
    put_leaf(&blob, e, item);
    if (blob.count > UINT32_MAX)
        refuse_item(e, "REC-3", "the leaf is larger than a record can hold");
    if (blob.count > INT32_MAX && s->file)
        fprintf(stderr, "client: warning: a leaf of more than 2^31 - 1 bytes, which some loaders refuse\n");
    put_header(s, h_array, 2);
    put_header(s, h_array, e->path.count);
    for (unsigned i = 0; i < e->path.count; i++)
        put_str(s, e->path.text + e->path.part[i].start, e->path.part[i].length);
    put_header(s, h_bin, blob.count);
    put_leaf(s, e, item);
}

/* TREE-5: the records of a subtree, which is no deeper than MAX_PARTS. */
static void put_records(struct sink *s, struct encoder *e, uint32_t node)
{
    for (uint32_t child = e->first[node]; child; child = e->next[child])
        if (e->at_node[child])
            put_record(s, e, e->at_node[child]);
        else
            put_records(s, e, child);
}

/* FLAX-7 */
static void put_flax_map(struct sink *s, struct encoder *e, uint32_t node)
{
    uint64_t entries = 0;
    for (uint32_t child = e->first[node]; child; child = e->next[child])
        entries++;
    put_header(s, h_map, entries);
    for (uint32_t child = e->first[node]; child; child = e->next[child]) {
        const struct node *n = &e->tree.node[child];
        put_str(s, e->tree.text.data + n->text, n->length);
        if (e->at_node[child])
            put_leaf(s, e, e->at_node[child]);
        else
            put_flax_map(s, e, child);
        if (s->too_large) {
            tree_path(&e->tree, child, &e->path);
            refuse_item(e, "WIRE-1", "no header can hold the length of the leaf");
        }
    }
}

/* TREE-4, TREE-5: links the nodes that lead to a leaf which is to be written. */
static void link_tree(struct encoder *e)
{
    size_t count = e->tree.count;
    e->first = allocate(count * sizeof *e->first);
    e->next = allocate(count * sizeof *e->next);
    e->at_node = allocate(count * sizeof *e->at_node);
    for (size_t i = 0; i < e->count; i++) {
        struct item *item = &e->item[i];
        if (item->kind == EMPTY && !e->keep_empty)
            continue;
        e->at_node[item->node] = item;
        tree_path(&e->tree, item->node, &e->path);
        e->path_cost += e->path.bytes + 8 * e->path.count;
    }
    /* A child has a higher number than its parent, and than the siblings before it. */
    for (uint32_t node = (uint32_t)count - 1; node > ROOT; node--)
        if (e->at_node[node] || e->first[node]) {
            uint32_t parent = e->tree.node[node].parent;
            e->next[node] = e->first[parent];
            e->first[parent] = node;
        }
}

static void put_all(struct sink *s, struct encoder *e)
{
    if (e->flax)
        put_flax_map(s, e, ROOT);
    else
        put_records(s, e, ROOT);
}

static void read_all(struct bytes *input)
{
    for (ssize_t got = 1; got; ) {
        input->data = grow(input->data, &input->room, input->length + BUFFER_SIZE, 1);
        got = read(STDIN_FILENO, input->data + input->length, BUFFER_SIZE);
        if (got < 0 && errno != EINTR)
            fail_io("cannot read the input");
        if (got > 0)
            input->length += (size_t)got;
    }
}

static int encode(bool flax)
{
    struct encoder *e = allocate(sizeof *e);
    struct bytes input = {0};
    struct sink counter = {0}, output = {.file = stdout};
    e->flax = flax;
    tree_begin(&e->tree);
    read_all(&input);
    parse_request(e, &input);
    link_tree(e);
    if (!e->first[ROOT])
        refuse(flax ? "FLAX-1" : "STREAM-3", NOWHERE, NULL, "the tree has no leaf to write");
    put_all(&counter, e);       /* CONF-7: refuses what cannot be held before anything is written */
    if (flax && paths_too_long(e->path_cost, counter.count))
        refuse("FLAX-8", NOWHERE, NULL, "the key paths are too long for the size of the file");
    put_all(&output, e);
    finish_output();
    free(e->first);
    free(e->next);
    free(e->at_node);
    free(e->item);
    free(e->dimensions);
    free(input.data);
    tree_free(&e->tree);
    free(e);
    return 0;
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    const char *name = argc > 2 ? argv[2] : NULL;
    if (argc <= 3 && !strcmp(part, "decode"))
        return decode(name, false);
    if (argc <= 3 && !strcmp(part, "flax-decode"))
        return decode(name, true);
    if (argc == 2 && !strcmp(part, "encode"))
        return encode(false);
    if (argc == 2 && !strcmp(part, "flax-encode"))
        return encode(true);
    fail(2, "usage: client decode [PATH] | encode | flax-decode [PATH] | flax-encode");
}
