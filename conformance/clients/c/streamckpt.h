/*
 * streamckpt.h - the heart of a reader of streaming checkpoints, plain (version 1.0 of the specification) and sealed
 * (2.0): headers, key paths, leaves, records, chunked and padded arrays, the index and the footer. It allocates nothing,
 * reads and writes no file and calls no other function. C99; comments name the clause that a line holds.
 *
 * It is a machine that is given a window of the input and says what the next value in it is:
 *
 *     struct sc_reader r;
 *     sc_begin(&r, size);                                      // SC_UNKNOWN on a pipe
 *     while (sc_step(&r, bytes, count, &item) == SC_ITEM)      // `bytes` are those from r.position on
 *         ...                                                  // item.state says what has been read
 *
 * SC_MORE: the window has to have r.need bytes, or else the input is cut off; never more than SC_WINDOW. SC_REFUSED:
 * r.clause is broken, at r.offset. SC_CUT: the input ends too early, in what begins at r.top. A step goes over item.used
 * bytes, a header and perhaps its text, which begins at item.text; then item.body bytes belong to the caller, and the
 * next window begins behind them. `sc_check` goes through a stream that is in memory.
 *
 * What needs memory is left to the caller: keys that clash (STREAM-4, STREAM-5), parts in their order (PART-2), sums and
 * digests, the order of keys of metadata (META-2), and what index and records say of each other (INDEX-7). So is the
 * text of a long str, which sc_utf8_add checks piece by piece (WIRE-5).
 *
 * The annotations are ACSL: contracts for Frama-C's WP (`make proof`). For every input of every length no function
 * behaves in an undefined way, reads outside the window, or runs for ever.
 */
#ifndef STREAMCKPT_H
#define STREAMCKPT_H

#include <stddef.h>
#include <stdint.h>

enum {
    SC_MAX_PARTS = 512,         /* KEY-3 */
    SC_MAX_PATH_BYTES = 65535,  /* KEY-4 */
    SC_MAX_DIMENSIONS = 64,     /* LEAF-3 */
    SC_MAX_PADDING = 4095,      /* ALIGN-2 */
    SC_MAX_META_BYTES = 1 << 24,        /* META-3 ... */
    SC_MAX_META_VALUES = 65536,         /* ... how many values it has ... */
    SC_MAX_META_DEPTH = 64,             /* ... and how deep they are nested */
    SC_MARK_BYTES = 5,          /* SEAL-1 */
    SC_FOOTER_BYTES = 40,       /* SEAL-4 */
    SC_SEAL_HEADER = 5,         /* SEAL-3: the bytes before the index ... */
    SC_MAX_INDEX_BYTES = INT32_MAX - SC_FOOTER_BYTES - 1,       /* ... and how many it has at most */
    SC_LONGEST_TAG = 18,        /* DTYPE-1 */
    SC_WINDOW = 1 << 18         /* more than SC_MAX_PATH_BYTES */
};
#define SC_MARKER "__msgpack_chunked_array__"   /* LEAF-10 */
#define SC_MARK "\xdd\0\0\0\2"                    /* SEAL-1 */
#define SC_UNKNOWN UINT64_MAX   /* the size of a pipe; a count of elements that is too large */

enum sc_result { SC_ITEM, SC_END, SC_MORE, SC_CUT, SC_REFUSED };

enum {                          /* types of MessagePack, as bits of a set */
    SC_NIL = 1, SC_BOOL = 2, SC_INT = 4, SC_FLOAT = 8, SC_STR = 16, SC_BIN = 32,
    SC_EXT = 64, SC_ARRAY = 128, SC_MAP = 256, SC_NEGATIVE = 512, SC_ALL = 511
};

/* ---- Chapter 01: headers, numbers and text ---- */

/*
 * The table of chapter 01: the first bytes of a header, how many bytes of a number follow, and the type. Without such
 * bytes the number lies in the first byte. Those of one type stand in the order of their size, as a writer looks for
 * one (WIRE-1). SC_NEGATIVE are the ints that have a sign; to a reader they are ints.
 */
static const struct sc_form {
    unsigned char first, last, more;
    unsigned short type;
} sc_forms[] = {
    {0x00, 0x7f, 0, SC_INT}, {0xcc, 0xcc, 1, SC_INT}, {0xcd, 0xcd, 2, SC_INT}, {0xce, 0xce, 4, SC_INT},
    {0xcf, 0xcf, 8, SC_INT}, {0xe0, 0xff, 0, SC_NEGATIVE}, {0xd0, 0xd0, 1, SC_NEGATIVE}, {0xd1, 0xd1, 2, SC_NEGATIVE},
    {0xd2, 0xd2, 4, SC_NEGATIVE}, {0xd3, 0xd3, 8, SC_NEGATIVE}, {0xc0, 0xc0, 0, SC_NIL}, {0xc2, 0xc3, 0, SC_BOOL},
    {0xca, 0xca, 4, SC_FLOAT}, {0xcb, 0xcb, 8, SC_FLOAT},
    {0xa0, 0xbf, 0, SC_STR}, {0xd9, 0xd9, 1, SC_STR}, {0xda, 0xda, 2, SC_STR}, {0xdb, 0xdb, 4, SC_STR},
    {0xc4, 0xc4, 1, SC_BIN}, {0xc5, 0xc5, 2, SC_BIN}, {0xc6, 0xc6, 4, SC_BIN},
    {0xd4, 0xd8, 0, SC_EXT}, {0xc7, 0xc7, 1, SC_EXT}, {0xc8, 0xc8, 2, SC_EXT}, {0xc9, 0xc9, 4, SC_EXT},
    {0x90, 0x9f, 0, SC_ARRAY}, {0xdc, 0xdc, 2, SC_ARRAY}, {0xdd, 0xdd, 4, SC_ARRAY},
    {0x80, 0x8f, 0, SC_MAP}, {0xde, 0xde, 2, SC_MAP}, {0xdf, 0xdf, 4, SC_MAP}
};
enum { SC_FORMS = sizeof sc_forms / sizeof *sc_forms };

/* A number as a file has it (SUM-1, SEAL-4), the highest byte first. */
//@ requires \valid_read(p + (0 .. width - 1)); assigns \nothing;
static inline uint64_t sc_number(const unsigned char *p, unsigned width) {
    uint64_t number = 0;
    //@ loop invariant 0 <= i <= width; loop assigns i, number; loop variant width - i;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | p[i];
    return number;
}

/* LEAF-8: a float 32 as the bits of a float 64; a NaN is made quiet, and keeps its sign and its payload. */
//@ assigns \nothing;
static inline uint64_t sc_widen(uint32_t bits) {
    uint64_t sign = (uint64_t)(bits >> 31) << 63, fraction = bits & 0x7fffff;
    unsigned exponent = bits >> 23 & 0xff;
    if (exponent == 0xff)
        return sign | (uint64_t)(fraction ? 0xfff : 0xffe) << 51 | fraction << 29;
    if (!exponent && fraction) {        /* a subnormal one, which is normal as a float 64 */
        exponent = 1;
        //@ loop invariant 0 < fraction <= 0xffffff; loop assigns exponent, fraction; loop variant 0xffffff - fraction;
        for (; fraction < 0x800000; fraction *= 2)
            exponent--;
    } else if (!exponent) {
        return sign;
    }
    return sign | (uint64_t)(exponent + 896) << 52 | (fraction & 0x7fffff) << 29;
}

/* The place of the form of a header that begins with this byte, or SC_FORMS. */
//@ assigns \nothing; ensures \result <= SC_FORMS;
static inline unsigned sc_find_form(unsigned char first) {
    unsigned i = 0;
    //@ loop invariant i <= SC_FORMS; loop assigns i; loop variant SC_FORMS - i;
    while (i < SC_FORMS && (first < sc_forms[i].first || first > sc_forms[i].last))
        i++;
    return i;
}

/* Whether the header of this form can hold the number. */
//@ requires form < SC_FORMS; assigns \nothing;
static inline int sc_holds(unsigned form, uint64_t n) {
    unsigned type = sc_forms[form].type, more = sc_forms[form].more;
    uint64_t most = more >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * more) - 1;
    if (type == SC_NEGATIVE)            /* as its two's complement */
        return n >= (more ? ~(most >> 1) : (uint64_t)-32);
    if (type == SC_FLOAT)               /* LEAF-7, LEAF-8 */
        return more == 8;
    if (type == SC_EXT && !more)
        return n && n <= 16 && !(n & (n - 1));
    return n <= (more ? most : (uint64_t)sc_forms[form].last - sc_forms[form].first);
}

/* WIRE-1: the form of the shortest header of this type that holds a length, count, int, bool or float, or SC_FORMS. */
//@ assigns \nothing; ensures \result <= SC_FORMS;
static inline unsigned sc_shortest_form(unsigned type, uint64_t n) {
    unsigned i = 0;
    //@ loop invariant i <= SC_FORMS; loop assigns i; loop variant SC_FORMS - i;
    while (i < SC_FORMS && (sc_forms[i].type != type || !sc_holds(i, n)))
        i++;
    return i;
}

/* A check of UTF-8 that can be given the text in pieces. */
struct sc_utf8 {
    unsigned due;               /* continuation bytes still due */
    unsigned char low, high;    /* between which the next one lies */
};

/* WIRE-5: the forms of RFC 3629, section 4. */
//@ requires \valid(u) && \valid_read(p + (0 .. n - 1)) && \separated(u, p + (0 .. n - 1)); assigns *u;
static inline int sc_utf8_add(struct sc_utf8 *u, const unsigned char *p, size_t n) {
    //@ loop invariant 0 <= i <= n; loop assigns i, *u; loop variant n - i;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = p[i];
        if (u->due) {
            if (c < u->low || c > u->high)
                return 0;
            u->due--;
            u->low = 0x80, u->high = 0xbf;
        } else if (c >= 0xc2 && c <= 0xf4) {
            u->due = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        } else if (c >= 0x80) {
            return 0;
        }
    }
    return 1;
}

//@ requires \valid_read(text + (0 .. length - 1)); assigns \nothing;
static inline int sc_utf8_valid(const unsigned char *text, size_t length) {
    struct sc_utf8 u = {0, 0, 0};
    return sc_utf8_add(&u, text, length) && !u.due;
}

/* ---- Chapters 02 and 12: keys ---- */

static const char sc_words[][28] = {"__part_", "_of_", "__"};

/* Where a text goes on behind a word that stands at `at`, or 0. */
/*@ requires \valid_read(text + (0 .. length - 1)) && at <= length && word < 3;
  @ assigns \nothing;
  @ ensures \result == 0 || at <= \result <= length; */
static inline size_t sc_skip(const unsigned char *text, size_t length, size_t at, unsigned word) {
    size_t i = 0;
    //@ loop invariant 0 <= i <= 27 && at + i <= length; loop assigns i; loop variant 27 - i;
    for (; i < 27 && sc_words[word][i]; i++)
        if (at + i >= length || text[at + i] != (unsigned char)sc_words[word][i])
            return 0;
    return at + i;
}

/* Where digits end that begin at `at` and have no leading zeros, or 0. */
/*@ requires \valid_read(text + (0 .. length - 1)) && at <= length;
  @ assigns \nothing;
  @ ensures \result == 0 || at < \result <= length; */
static inline size_t sc_digits(const unsigned char *text, size_t length, size_t at) {
    size_t end = at;
    //@ loop invariant at <= end <= length; loop assigns end; loop variant length - end;
    while (end < length && text[end] >= '0' && text[end] <= '9')
        end++;
    return end == at || (end > at + 1 && text[at] == '0') ? 0 : end;
}

/* The number of at most 19 digits that stand between two places; that of more is 0. */
//@ requires \valid_read(text + (0 .. end - 1)) && at <= end; assigns \nothing;
static inline uint64_t sc_decimal(const unsigned char *text, size_t at, size_t end) {
    uint64_t number = 0;
    if (end - at > 19)
        return 0;
    //@ loop invariant at <= i <= end; loop assigns i, number; loop variant end - i;
    for (size_t i = at; i < end; i++)
        number = number * 10 + (uint64_t)text[i] - '0';
    return number;
}

/* LEAF-11, LEAF-12: whether a key is this number in decimal. */
//@ requires \valid_read(text + (0 .. length - 1)); assigns \nothing;
static inline int sc_is_decimal(const unsigned char *text, size_t length, uint64_t number) {
    return length && length <= 19 && sc_digits(text, length, 0) == length && sc_decimal(text, 0, length) == number;
}

/*
 * PART-3: whether a key has the form `__part_I_of_N__`, I being less than N, and the two numbers. No array has as many
 * parts as a number of more than 18 digits says: such numbers are 0 here.
 */
/*@ requires \valid_read(text + (0 .. length - 1)) && \valid(part) && \valid(parts);
  @ requires \separated(part, parts, text + (0 .. length - 1));
  @ assigns *part, *parts; */
static inline int sc_part_key(const unsigned char *text, size_t length, uint64_t *part, uint64_t *parts) {
    size_t a = sc_skip(text, length, 0, 0), a_end = a ? sc_digits(text, length, a) : 0;
    size_t b = a_end ? sc_skip(text, length, a_end, 1) : 0, b_end = b ? sc_digits(text, length, b) : 0;
    if (!b_end || sc_skip(text, length, b_end, 2) != length)
        return 0;
    size_t i = 0, digits = b_end - b;
    int known = digits <= 18;
    //@ loop invariant 0 <= i <= digits; loop assigns i; loop variant digits - i;
    while (a_end - a == digits && i < digits && text[a + i] == text[b + i])
        i++;
    if (a_end - a > digits || i == digits || (a_end - a == digits && text[a + i] > text[b + i]))
        return 0;
    *part = known ? sc_decimal(text, a, a_end) : 0;
    *parts = known ? sc_decimal(text, b, b_end) : 0;
    return 1;
}

/* KEY-3, KEY-4, WIRE-5: what forbids a key behind so many others of so many bytes, or NULL. */
/*@ requires bytes <= SC_MAX_PATH_BYTES;
  @ requires length <= SC_MAX_PATH_BYTES ==> \valid_read(text + (0 .. length - 1));
  @ assigns \nothing;
  @ ensures \result == \null ==> keys < SC_MAX_PARTS && bytes + length <= SC_MAX_PATH_BYTES; */
static inline const char *sc_key_fault(unsigned keys, unsigned bytes, const unsigned char *text, uint64_t length) {
    if (keys >= SC_MAX_PARTS)
        return "KEY-3";
    if (length > SC_MAX_PATH_BYTES - bytes)
        return "KEY-4";
    return sc_utf8_valid(text, (size_t)length) ? NULL : "WIRE-5";
}

/* ---- Chapters 03 and 04: dtypes and shapes ---- */

static const struct sc_dtype {
    char tag[SC_LONGEST_TAG + 2];
    unsigned char width;        /* bytes of an element */
    unsigned char word;         /* bytes of a part of it that has a byte order (DTYPE-6) */
    unsigned char mask;         /* bits that carry meaning (DTYPE-4); 0: all as one (DTYPE-5) */
} sc_dtypes[] = {               /* DTYPE-1 */
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
enum { SC_DTYPES = sizeof sc_dtypes / sizeof *sc_dtypes };

/* Whether a text is this word. */
//@ requires \valid_read(text + (0 .. length - 1)) && \valid_read(word + (0 .. size - 1)); assigns \nothing;
static inline int sc_is(const unsigned char *text, uint64_t length, const char *word, size_t size) {
    size_t i = 0;
    //@ loop invariant 0 <= i <= size && i <= length; loop assigns i; loop variant size - i;
    while (i < size && i < length && word[i] && text[i] == (unsigned char)word[i])
        i++;
    return i == length && i < size && !word[i];
}

/* The place of a tag in the table, or SC_DTYPES. The comparison is exact. */
//@ requires \valid_read(tag + (0 .. length - 1)); assigns \nothing; ensures \result <= SC_DTYPES;
static inline unsigned sc_find_dtype(const unsigned char *tag, uint64_t length) {
    unsigned i = 0;
    //@ loop invariant i <= SC_DTYPES; loop assigns i; loop variant SC_DTYPES - i;
    while (i < SC_DTYPES && !sc_is(tag, length, sc_dtypes[i].tag, sizeof sc_dtypes[i].tag))
        i++;
    return i;
}

/* LEAF-4: a product with one more factor, of which 0 is left out; SC_UNKNOWN where it exceeds 2^63 - 1. */
//@ assigns \nothing;
static inline uint64_t sc_times(uint64_t product, uint64_t factor) {
    return !factor ? product : product <= INT64_MAX / factor ? product * factor : SC_UNKNOWN;
}

/* ---- Chapters 05, 11 and 15: what stands where ---- */

enum sc_state {                 /* what the next value is; where nothing else is said, the one below follows it */
    SC_RECORD, SC_PATH, SC_KEY, SC_BLOB, SC_LEAF, SC_MARKED, SC_TRUE, SC_PAD_KEY, SC_PAD, SC_SHAPE_KEY, SC_AXES,
    SC_AXIS, SC_LENGTH, SC_CHUNKS_KEY, SC_CHUNKS, SC_CHUNK_KEY, SC_CHUNK,
    SC_NDARRAY, SC_SCALAR, SC_SHAPE, SC_DIMENSION, SC_TAG, SC_PAYLOAD, SC_COMPLEX, SC_PART, /* in an ext ... */
    SC_CLOSE,                                           /* ... and no value: the end of a record, leaf or index */
    SC_INDEX, SC_ALIGNMENT_KEY, SC_ALIGNMENT, SC_CHECKSUM_KEY, SC_CHECKSUM, SC_ENTRIES_KEY, SC_ENTRIES,
    SC_ENTRY, SC_ENTRY_PATH, SC_ENTRY_KEY, SC_ENTRY_KIND, SC_ENTRY_DTYPE, SC_ENTRY_SHAPE, SC_ENTRY_DIMENSION,
    SC_ENTRY_RECORDS, SC_ENTRY_RECORD, SC_SIZE, SC_PLACE, SC_SUMS,
    SC_METADATA_KEY, SC_METADATA, SC_META_KEY, SC_META_VALUE, SC_DIGESTS_KEY, SC_DIGESTS, SC_STATES,
    SC_PART_KEY                 /* an SC_KEY that is the last one of a part (PART-3) */
};

static const struct sc_rule {
    unsigned short allowed, number;     /* types; the only count, if there is one */
    const char *clause;                 /* which else is broken */
    char text[28];                      /* the only text, if there is one */
} sc_rules[SC_STATES] = {
    [SC_RECORD] = {SC_ARRAY, 2, "REC-1", ""}, [SC_PATH] = {SC_ARRAY, 0, "KEY-1", ""},
    [SC_KEY] = {SC_STR, 0, "KEY-1", ""}, [SC_BLOB] = {SC_BIN, 0, "REC-2", ""},
    [SC_LEAF] = {SC_ALL & ~SC_ARRAY, 0, "LEAF-1", ""}, [SC_MARKED] = {SC_ALL, 0, "LEAF-1", SC_MARKER},
    [SC_TRUE] = {SC_BOOL, 1, "LEAF-10", ""}, [SC_PAD_KEY] = {SC_STR, 0, "ALIGN-1", "pad"},
    [SC_PAD] = {SC_BIN, 0, "ALIGN-2", ""}, [SC_SHAPE_KEY] = {SC_STR, 0, "LEAF-10", "shape"},
    [SC_AXES] = {SC_MAP, 0, "LEAF-11", ""}, [SC_AXIS] = {SC_STR, 0, "LEAF-11", ""},
    [SC_LENGTH] = {SC_INT, 0, "LEAF-3", ""}, [SC_CHUNKS_KEY] = {SC_STR, 0, "LEAF-10", "chunks"},
    [SC_CHUNKS] = {SC_MAP, 0, "LEAF-12", ""}, [SC_CHUNK_KEY] = {SC_STR, 0, "LEAF-12", ""},
    [SC_CHUNK] = {SC_EXT, 0, "LEAF-12", ""}, [SC_NDARRAY] = {SC_ARRAY, 3, "LEAF-2", ""},
    [SC_SCALAR] = {SC_ARRAY, 3, "LEAF-6", ""}, [SC_SHAPE] = {SC_ARRAY, 0, "LEAF-3", ""},
    [SC_DIMENSION] = {SC_INT, 0, "LEAF-3", ""}, [SC_TAG] = {SC_STR | SC_BIN, 0, "DTYPE-2", ""},
    [SC_PAYLOAD] = {SC_BIN, 0, "LEAF-5", ""}, [SC_COMPLEX] = {SC_ARRAY, 2, "LEAF-7", ""},
    [SC_PART] = {SC_FLOAT, 0, "LEAF-7", ""},
    [SC_INDEX] = {SC_MAP, 0, "INDEX-1", ""}, [SC_ALIGNMENT_KEY] = {SC_STR, 0, "INDEX-5", "alignment"},
    [SC_ALIGNMENT] = {SC_INT, 0, "INDEX-1", ""}, [SC_CHECKSUM_KEY] = {SC_STR, 0, "INDEX-5", "checksum"},
    [SC_CHECKSUM] = {SC_BIN, 4, "INDEX-1", ""}, [SC_ENTRIES_KEY] = {SC_STR, 0, "INDEX-5", "leaves"},
    [SC_ENTRIES] = {SC_ARRAY, 0, "INDEX-1", ""}, [SC_ENTRY] = {SC_ARRAY, 5, "INDEX-2", ""},
    [SC_ENTRY_PATH] = {SC_ARRAY, 0, "KEY-1", ""}, [SC_ENTRY_KEY] = {SC_STR, 0, "KEY-1", ""},
    [SC_ENTRY_KIND] = {SC_STR, 0, "INDEX-2", ""}, [SC_ENTRY_DTYPE] = {SC_STR | SC_NIL, 0, "INDEX-2", ""},
    [SC_ENTRY_SHAPE] = {SC_ARRAY | SC_NIL, 0, "INDEX-2", ""}, [SC_ENTRY_DIMENSION] = {SC_INT, 0, "LEAF-3", ""},
    [SC_ENTRY_RECORDS] = {SC_ARRAY, 0, "INDEX-2", ""}, [SC_ENTRY_RECORD] = {SC_ARRAY, 3, "INDEX-3", ""},
    [SC_SIZE] = {SC_INT, 0, "INDEX-3", ""}, [SC_PLACE] = {SC_INT | SC_NIL, 0, "INDEX-3", ""},
    [SC_SUMS] = {SC_BIN, 0, "INDEX-3", ""}, [SC_METADATA_KEY] = {SC_STR, 0, "INDEX-5", "metadata"},
    [SC_METADATA] = {SC_MAP, 0, "META-1", ""}, [SC_META_KEY] = {SC_STR, 0, "META-1", ""},
    [SC_META_VALUE] = {SC_ALL & ~SC_EXT, 0, "META-1", ""},
    [SC_DIGESTS_KEY] = {SC_STR, 0, "INDEX-5", "digests"}, [SC_DIGESTS] = {SC_BIN, 0, "INDEX-1", ""}
};

struct sc_reader {
    uint64_t position;          /* of the next value */
    uint64_t end;               /* of the input, or of the records in it */
    unsigned depth;             /* 0: we are in no body; 1: in that of a bin or ext; 2: in an ext in that of a bin */
    uint64_t limit, outer;      /* where what we are in ends, and at depth 2 where the bin around it does */
    unsigned state;
    int sealed, detached;       /* this is a sealed stream; the index of a detached seal */
    const char *clause;         /* SC_REFUSED: which is broken ... */
    uint64_t offset;            /* ... and where */
    size_t need;                /* SC_MORE: so many bytes of the window */
    uint64_t top;               /* SC_CUT: the last value that began in no other; in a sealed stream the record */
    uint64_t record, path, leaf, shape, whole_shape, chunks, metadata;  /* offsets */
    uint64_t left;              /* keys or dimensions still to come */
    unsigned keys, bytes;       /* of the key path */
    uint64_t part, parts;       /* PART-3: which of how many parts of an array a record is; of none where parts is 0 */
    uint64_t entries;           /* of a chunked array, as a map; of an index */
    unsigned kind, dtype;       /* SC_NDARRAY, SC_SCALAR, SC_COMPLEX, SC_MARKED, or SC_CLOSE; in sc_dtypes */
    uint64_t axis, chunk, count;        /* of an array or chunk: which dimension, which chunk, of how many */
    uint64_t product, whole;    /* of the dimensions that are not 0, of an array or chunk, and of a chunked array ... */
    int none, whole_none;       /* ... and whether one is 0 */
    uint64_t elements;          /* of all chunks so far */
    uint64_t records;           /* of an entry of the index, still to come */
    int digests, typed;         /* the index has digests; the entry has a dtype */
    uint64_t values;            /* of metadata */
    unsigned levels;            /* in how many of its lists and maps we are ... */
    uint16_t counts[SC_MAX_META_DEPTH]; /* ... and at each level how many values are still to come, ... */
    unsigned char maps[SC_MAX_META_DEPTH];      /* ... and whether each has a key */
};

struct sc_item {
    unsigned state, type;       /* what it is */
    uint64_t offset;            /* of its header */
    uint64_t number;            /* length, count, bool, int (as its two's complement), or the bits of a float 64 */
    int negative;               /* an int below 0 */
    unsigned char ext;          /* the type of an ext */
    size_t text, used;          /* bytes of the header; of header and text */
    uint64_t body;              /* bytes of a str, bin or ext behind these, which are the caller's */
};

/*@ predicate sc_bounded(struct sc_reader *r) = r->position <= r->limit <= r->end && r->depth <= 2 &&
  @     (r->depth == 0 ==> r->limit == r->end) && (r->depth == 2 ==> r->limit <= r->outer <= r->end);
  @ predicate sc_stands(unsigned state, unsigned depth) = state < SC_STATES && (state <= SC_BLOB ==> depth == 0) &&
  @     (SC_NDARRAY <= state < SC_CLOSE ==> 1 <= depth) && (state < SC_NDARRAY || SC_CLOSE <= state ==> depth <= 1);
  @ predicate sc_sound(struct sc_reader *r) = sc_bounded(r) && sc_stands(r->state, r->depth) &&
  @     r->bytes <= SC_MAX_PATH_BYTES && r->levels <= SC_MAX_META_DEPTH && r->dtype < SC_DTYPES;
  @ predicate sc_ready(struct sc_reader *r, struct sc_item *v) = sc_sound(r) && v->offset == r->position &&
  @     v->text <= v->used && v->offset + v->used + v->body <= r->limit; */

/* Each of these ends a step. */
/*@ requires \valid(r); assigns r->clause, r->offset; ensures \result == SC_REFUSED; */
static inline int sc_refuse(struct sc_reader *r, const char *clause, uint64_t offset) {
    r->clause = clause;
    r->offset = offset;
    return SC_REFUSED;
}
#define SC_REQUIRE(holds, clause, offset) do { if (!(holds)) return sc_refuse(r, clause, offset); } while (0)

/*@ requires \valid(r); assigns r->need; ensures \result == SC_MORE; */
static inline int sc_more(struct sc_reader *r, uint64_t need) {
    r->need = need < SC_WINDOW ? (size_t)need : (size_t)SC_WINDOW;
    return SC_MORE;
}

/* The input ends too early, or else this clause is broken by a value that reaches out of a body. */
/*@ requires \valid(r); assigns r->clause, r->offset; ensures \result == SC_REFUSED || \result == SC_CUT; */
static inline int sc_short(struct sc_reader *r, const char *clause, uint64_t offset) {
    return r->depth ? sc_refuse(r, clause, offset) : SC_CUT;
}

/* What the header of this form that stands at `p` says of a value. WIRE-2: however many bytes it was written in. */
/*@ requires form < SC_FORMS && \valid(v);
  @ requires \valid_read(p + (0 .. sc_forms[form].more + (sc_forms[form].type == SC_EXT ? 1 : 0)));
  @ requires \separated(v, p + (0 .. sc_forms[form].more + (sc_forms[form].type == SC_EXT ? 1 : 0)));
  @ assigns *v;
  @ ensures v->offset == \old(v->offset) && v->text == v->used;
  @ ensures v->body == 0 || (v->type != SC_ARRAY && v->type != SC_MAP);
  @ ensures v->used == 1 + sc_forms[form].more + (sc_forms[form].type == SC_EXT ? 1 : 0); */
static inline void sc_header(const unsigned char *p, unsigned form, struct sc_item *v) {
    const unsigned type = sc_forms[form].type, more = sc_forms[form].more;
    uint64_t number = more ? sc_number(p + 1, more) : (uint64_t)p[0] - sc_forms[form].first;
    if (type == SC_EXT && !more)
        number = UINT64_C(1) << (number < 4 ? number : 4);
    if (type == SC_FLOAT && more == 4)
        number = sc_widen((uint32_t)number);
    if (type == SC_NEGATIVE && !more)
        number += (uint64_t)-32;
    else if (type == SC_NEGATIVE && more < 8 && p[1] & 0x80)
        number |= UINT64_MAX << 8 * more;
    v->type = type == SC_NEGATIVE ? SC_INT : type;
    v->number = number;
    v->negative = type == SC_NEGATIVE && number > INT64_MAX;
    v->ext = type == SC_EXT ? p[1 + more] : 0;
    v->text = v->used = 1u + more + (type == SC_EXT);
    v->body = type == SC_STR || type == SC_BIN || type == SC_EXT ? number : 0;
}

/*
 * The header of the next value. CONF-8: first its type has to be one of `allowed`, or else `clause` is broken; then what
 * it announces has to fit. In a pipe this is known as far as the window reaches.
 */
/*@ requires \valid(r) && \valid(v) && \valid_read(p + (0 .. n - 1)) && \separated(r, v, p + (0 .. n - 1));
  @ requires sc_bounded(r);
  @ assigns *v, r->top, r->clause, r->offset, r->need;
  @ ensures \result == SC_ITEM ==> v->offset == r->position && 1 <= v->used == v->text <= n &&
  @     v->offset + v->used + v->body <= r->limit;
  @ ensures SC_ITEM <= \result <= SC_REFUSED && \result != SC_END; */
static inline int sc_value(struct sc_reader *r, const unsigned char *p, size_t n, unsigned allowed, const char *clause,
                           struct sc_item *v) {
    const uint64_t left = r->limit - r->position, at = r->position;
    if (!r->depth && (!r->sealed || r->state == SC_RECORD))
        r->top = at;
    if (!left)
        return sc_short(r, "WIRE-6", at);
    if (!n)
        return sc_more(r, 1);
    const unsigned form = sc_find_form(p[0]);
    SC_REQUIRE(form < SC_FORMS, "WIRE-4", at);
    const unsigned type = sc_forms[form].type == SC_NEGATIVE ? SC_INT : sc_forms[form].type;
    SC_REQUIRE(type & allowed, clause, at);
    const unsigned size = 1u + sc_forms[form].more + (type == SC_EXT);
    if (left < size)
        return sc_short(r, "WIRE-3", at);
    if (n < size)
        return sc_more(r, size);
    v->state = r->state;
    v->offset = at;
    sc_header(p, form, v);
    const uint64_t announced = v->type == SC_MAP ? 2 * v->number : v->type == SC_ARRAY ? v->number : v->body;
    if (left - size < announced)                                        /* WIRE-3, CONF-4 */
        return sc_short(r, "WIRE-3", at);
    if (r->limit == SC_UNKNOWN && n < SC_WINDOW && n - size < announced)
        return sc_more(r, size + announced);
    if (r->state >= SC_INDEX)                                           /* INDEX-5, META-2 */
        SC_REQUIRE(form == sc_shortest_form(v->negative ? SC_NEGATIVE : type, v->number),
                   r->state < SC_METADATA || r->state > SC_META_VALUE ? "INDEX-5" :
                   type == SC_FLOAT ? "META-1" : "META-2", at);
    return SC_ITEM;
}

/* How many bytes of text a value has at most that belongs to the format; 0 where it has none. */
/*@ requires state < SC_STATES;
  @ assigns \nothing;
  @ ensures \result <= SC_MAX_PATH_BYTES && (state == SC_KEY ==> \result == SC_MAX_PATH_BYTES); */
static inline unsigned sc_longest(unsigned state) {
    return state == SC_KEY ? SC_MAX_PATH_BYTES : state == SC_PAD ? SC_MAX_PADDING : state == SC_TAG ? SC_LONGEST_TAG :
           state == SC_AXIS || state == SC_CHUNK_KEY || state == SC_CHECKSUM ? 20 :
           sc_rules[state].text[0] ? sizeof sc_rules[state].text : 0;
}

/* Whether it is the only text that can stand here, if there is one. */
/*@ requires state < SC_STATES && \valid_read(text + (0 .. length - 1));
  @ assigns \nothing; */
static inline int sc_is_text(unsigned state, const unsigned char *text, size_t length) {
    return !sc_rules[state].text[0] || sc_is(text, length, sc_rules[state].text, sizeof sc_rules[state].text);
}

/* The text of a str or bin that belongs to the format; the only count or text that can stand here. */
/*@ requires \valid(r) && \valid(v) && \valid_read(p + (0 .. n - 1)) && \separated(r, v, p + (0 .. n - 1));
  @ requires sc_ready(r, v) && 1 <= v->used == v->text <= n;
  @ assigns v->used, v->body, r->clause, r->offset, r->need;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v) && 1 <= v->used <= n;
  @ ensures \result == SC_ITEM && r->state == SC_KEY ==>
  @     v->body == 0 || (v->used == v->text && v->body > SC_MAX_PATH_BYTES);
  @ ensures SC_ITEM <= \result <= SC_REFUSED && \result != SC_END; */
static inline int sc_text(struct sc_reader *r, const unsigned char *p, size_t n, struct sc_item *v) {
    const unsigned state = r->state, longest = sc_longest(state);
    const size_t start = v->text;
    const uint64_t at = state == SC_MARKED ? r->leaf : v->offset, length = v->body;
    const char *clause = sc_rules[state].clause;
    SC_REQUIRE(!sc_rules[state].number || v->number == sc_rules[state].number, clause, at);
    SC_REQUIRE(!sc_rules[state].text[0] || v->type == SC_STR, clause, at);
    if (!longest || (state == SC_KEY && length > longest))      /* KEY-4: refused for its length alone */
        return SC_ITEM;
    SC_REQUIRE(length <= longest, state == SC_TAG ? "DTYPE-1" : clause, at);
    if (n - start < length)
        return sc_more(r, start + length);
    SC_REQUIRE(sc_is_text(state, p + start, (size_t)length), clause, at);
    v->used = start + (size_t)length;
    v->body = 0;
    return SC_ITEM;
}

/* Into the body of a bin or ext, and out of one, which has to end at this place. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && r->depth <= 1 && sc_bounded(r);
  @ requires r->position <= v->offset && v->offset + v->used + v->body <= r->limit;
  @ assigns r->depth, r->limit, r->outer, v->body;
  @ ensures sc_bounded(r) && r->depth == \old(r->depth) + 1 && v->body == 0 && v->offset + v->used <= r->limit; */
static inline void sc_enter(struct sc_reader *r, struct sc_item *v) {
    r->outer = r->limit;
    r->limit = v->offset + v->used + v->body;
    r->depth++;
    v->body = 0;
}

/*@ requires \valid(r) && 1 <= r->depth && sc_bounded(r);
  @ assigns r->depth, r->limit, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_bounded(r) && r->depth == \old(r->depth) - 1 && at <= r->limit; */
static inline int sc_leave(struct sc_reader *r, uint64_t at) {
    SC_REQUIRE(at == r->limit, "WIRE-6", at);
    r->limit = r->depth == 2 ? r->outer : r->end;
    r->depth--;
    return SC_ITEM;
}

/* KEY-1, KEY-3: a key path of so many keys. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v) && r->state == SC_PATH;
  @ assigns r->path, r->left, r->keys, r->bytes, r->part, r->parts, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_path(struct sc_reader *r, const struct sc_item *v) {
    SC_REQUIRE(v->number, "KEY-1", v->offset);
    SC_REQUIRE(v->number <= SC_MAX_PARTS + (uint64_t)(r->sealed != 0), "KEY-3", v->offset);
    r->path = v->offset;
    r->left = v->number;
    r->keys = r->bytes = 0;
    r->part = r->parts = 0;
    r->state = SC_KEY;
    return SC_ITEM;
}

/* KEY-3, KEY-4, WIRE-5, PART-3: a key, or that of a part. */
/*@ requires \valid(r) && \valid(v) && \valid_read(text + (0 .. v->used - v->text - 1));
  @ requires \separated(r, v, text + (0 .. v->used - v->text - 1)) && sc_ready(r, v) && r->state == SC_KEY;
  @ requires v->body == 0 || (v->used == v->text && v->body > SC_MAX_PATH_BYTES);
  @ assigns r->part, r->parts, r->keys, r->bytes, r->left, r->state, r->clause, r->offset, v->state;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_key(struct sc_reader *r, const unsigned char *text, struct sc_item *v) {
    const size_t length = v->used - v->text;
    if (r->sealed && !v->body && sc_part_key(text, length, &r->part, &r->parts)) {
        SC_REQUIRE(r->keys && r->left == 1, "PART-3", r->record);
        SC_REQUIRE(r->parts, "PART-2", r->record);
        v->state = SC_PART_KEY;
    } else {
        const uint64_t size = length + v->body;
        const int fits = r->keys < SC_MAX_PARTS && size <= SC_MAX_PATH_BYTES - r->bytes;
        const char *fault = sc_key_fault(r->keys, r->bytes, text, size);
        SC_REQUIRE(!fault, fault, fits ? v->offset : r->path);
        r->keys++;
        r->bytes += (unsigned)size;
    }
    r->state = --r->left ? SC_KEY : SC_BLOB;
    return SC_ITEM;
}

/* LEAF-1: the leaf that a value begins; a map is an empty one or is chunked. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_bounded(r) && r->depth <= 1 && v->text <= v->used;
  @ requires r->position <= v->offset && v->offset + v->used + v->body <= r->limit;
  @ assigns r->leaf, r->entries, r->chunk, r->count, r->kind, r->state, r->depth, r->limit, r->outer, r->clause, r->offset;
  @ assigns v->body;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_bounded(r) && sc_stands(r->state, r->depth) &&
  @     v->offset + v->used + v->body <= r->limit; */
static inline int sc_leaf(struct sc_reader *r, struct sc_item *v) {
    SC_REQUIRE(v->type != SC_ARRAY && (v->type != SC_EXT || (v->ext >= 1 && v->ext <= 3)), "LEAF-1", v->offset);
    r->leaf = v->offset;
    r->entries = v->number;
    r->chunk = r->count = 0;
    r->state = v->type == SC_EXT ? (v->ext == 1 ? SC_NDARRAY : v->ext == 2 ? SC_COMPLEX : SC_SCALAR) :
               v->type == SC_MAP && v->number ? SC_MARKED : SC_CLOSE;
    r->kind = r->state;
    if (v->type == SC_EXT)
        sc_enter(r, v);
    return SC_ITEM;
}

/* LEAF-10: a chunked array, behind its marker. */
/*@ requires \valid(r) && r->depth <= 1;
  @ assigns r->state, r->clause, r->offset;
  @ ensures \result == SC_REFUSED || \result == SC_ITEM;
  @ ensures \result == SC_ITEM ==> r->state == SC_TRUE; */
static inline int sc_marked(struct sc_reader *r) {
    SC_REQUIRE(r->entries == 3 || (r->entries == 4 && r->sealed), "LEAF-10", r->leaf);
    r->state = SC_TRUE;
    return SC_ITEM;
}

/* LEAF-3, LEAF-6, LEAF-11: the shape of an array or chunk, or of a chunked array. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v);
  @ requires r->state == SC_AXES || r->state == SC_SHAPE;
  @ assigns r->shape, r->left, r->axis, r->product, r->none, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_shape(struct sc_reader *r, const struct sc_item *v) {
    const int axes = r->state == SC_AXES;
    SC_REQUIRE(v->number <= SC_MAX_DIMENSIONS, "LEAF-3", v->offset);
    SC_REQUIRE(axes || r->kind != SC_SCALAR || !v->number, "LEAF-6", v->offset);
    SC_REQUIRE(axes || r->kind != SC_MARKED || v->number == 1, "LEAF-12", v->offset);
    r->shape = v->offset;
    r->left = v->number;
    r->axis = 0;
    r->product = 1;
    r->none = 0;
    r->state = v->number ? r->state + 1 : axes ? SC_CHUNKS_KEY : SC_TAG;
    return SC_ITEM;
}

/* LEAF-3: a dimension of either. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v);
  @ requires r->state == SC_LENGTH || r->state == SC_DIMENSION;
  @ assigns r->left, r->product, r->none, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_dimension(struct sc_reader *r, const struct sc_item *v) {
    SC_REQUIRE(!v->negative, "LEAF-3", v->offset);
    r->none = r->none || !v->number;
    r->product = sc_times(r->product, v->number);
    r->state = !--r->left ? r->state + 1 : r->state == SC_LENGTH ? SC_AXIS : SC_DIMENSION;
    return SC_ITEM;
}

/* LEAF-12: so many chunks, of which each is an ndarray. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v) && r->state == SC_CHUNKS;
  @ assigns r->chunks, r->count, r->elements, r->whole, r->whole_none, r->whole_shape, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_chunks(struct sc_reader *r, const struct sc_item *v) {
    SC_REQUIRE(v->number, "LEAF-12", v->offset);
    r->chunks = v->offset;
    r->count = v->number;
    r->elements = 0;
    r->whole = r->product;
    r->whole_none = r->none;
    r->whole_shape = r->shape;
    r->state = SC_CHUNK_KEY;
    return SC_ITEM;
}

/* DTYPE-1, LEAF-4, LEAF-12: the tag of a dtype. */
/*@ requires \valid(r) && \valid(v) && \valid_read(text + (0 .. v->used - v->text - 1));
  @ requires \separated(r, v, text + (0 .. v->used - v->text - 1)) && sc_ready(r, v) && r->state == SC_TAG;
  @ assigns r->dtype, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_tag(struct sc_reader *r, const unsigned char *text, const struct sc_item *v) {
    const unsigned dtype = sc_find_dtype(text, v->used - v->text);
    SC_REQUIRE(dtype < SC_DTYPES, "DTYPE-1", v->offset);
    SC_REQUIRE(!r->chunk || dtype == r->dtype, "LEAF-12", v->offset);
    SC_REQUIRE(sc_times(r->product, sc_dtypes[dtype].width) != SC_UNKNOWN, "LEAF-4", r->shape);
    r->dtype = dtype;
    r->state = SC_PAYLOAD;
    return SC_ITEM;
}

/* LEAF-2 to LEAF-6, LEAF-12: the payload of an array, or of a chunk. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v) && r->state == SC_PAYLOAD;
  @ assigns r->depth, r->limit, r->elements, r->chunk, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_payload(struct sc_reader *r, const struct sc_item *v) {
    const uint64_t elements = r->none ? 0 : r->product, width = sc_dtypes[r->dtype].width;
    SC_REQUIRE(v->number == elements * width, "LEAF-5", v->offset);
    if (sc_leave(r, v->offset + v->used + v->body) != SC_ITEM)
        return SC_REFUSED;
    r->elements += elements;
    if (r->count && !r->chunk++)
        SC_REQUIRE(sc_times(r->whole, width) != SC_UNKNOWN, "LEAF-4", r->whole_shape);
    if (r->chunk == r->count && r->count)
        SC_REQUIRE(r->elements == (r->whole_none ? 0 : r->whole), "LEAF-12", r->chunks);
    r->state = r->chunk < r->count ? SC_CHUNK_KEY : SC_CLOSE;
    return SC_ITEM;
}

/* LEAF-7: a part of a complex number, of which the last one ends the ext. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v) && r->state == SC_PART;
  @ assigns r->left, r->depth, r->limit, r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_part(struct sc_reader *r, const struct sc_item *v) {
    if (--r->left)
        return SC_ITEM;
    r->state = SC_CLOSE;
    return sc_leave(r, v->offset + v->used + v->body);
}

/* ALIGN-2: the padding. */
//@ requires \valid_read(text + (0 .. length - 1)); assigns \nothing;
static inline int sc_is_zero(const unsigned char *text, size_t length) {
    size_t i = 0;
    //@ loop invariant 0 <= i <= length; loop assigns i; loop variant length - i;
    while (i < length && !text[i])
        i++;
    return i == length;
}

/* What a value of a record means whose header and text have been read; `text` is the latter. */
/*@ requires \valid(r) && \valid(v) && \valid_read(text + (0 .. v->used - v->text - 1));
  @ requires \separated(r, v, text + (0 .. v->used - v->text - 1)) && sc_ready(r, v) && r->state < SC_CLOSE;
  @ requires r->state == SC_KEY ==> v->body == 0 || (v->used == v->text && v->body > SC_MAX_PATH_BYTES);
  @ assigns r->record, r->path, r->left, r->keys, r->bytes, r->part, r->parts, r->leaf, r->entries, r->kind, r->dtype;
  @ assigns r->axis, r->chunk, r->count, r->shape, r->product, r->none, r->chunks, r->elements, r->whole, r->whole_none;
  @ assigns r->whole_shape, r->state, r->depth, r->limit, r->outer, r->clause, r->offset, v->state, v->body;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_record(struct sc_reader *r, const unsigned char *text, struct sc_item *v) {
    const size_t length = v->used - v->text;
    switch (r->state) {
    case SC_PATH:
        return sc_on_path(r, v);
    case SC_KEY:
        return sc_on_key(r, text, v);
    case SC_LEAF:
        return sc_leaf(r, v);
    case SC_MARKED:
        return sc_marked(r);
    case SC_AXES:
    case SC_SHAPE:
        return sc_on_shape(r, v);
    case SC_LENGTH:
    case SC_DIMENSION:
        return sc_on_dimension(r, v);
    case SC_CHUNKS:
        return sc_on_chunks(r, v);
    case SC_TAG:
        return sc_on_tag(r, text, v);
    case SC_PAYLOAD:
        return sc_payload(r, v);
    case SC_PART:
        return sc_on_part(r, v);
    case SC_RECORD:
        r->record = v->offset;
        break;
    case SC_BLOB:
        sc_enter(r, v);
        break;
    case SC_TRUE:
        r->state = r->entries == 4 ? SC_PAD_KEY : SC_SHAPE_KEY;
        return SC_ITEM;
    case SC_PAD:
        SC_REQUIRE(sc_is_zero(text, length), "ALIGN-2", v->offset);
        break;
    case SC_AXIS:
        SC_REQUIRE(sc_is_decimal(text, length, r->axis), "LEAF-11", v->offset);
        r->axis++;
        break;
    case SC_CHUNK_KEY:
        SC_REQUIRE(sc_is_decimal(text, length, r->chunk), "LEAF-12", v->offset);
        break;
    case SC_CHUNK:
        SC_REQUIRE(v->ext == 1, "LEAF-12", v->offset);
        sc_enter(r, v);
        break;
    case SC_NDARRAY:
        r->state = SC_SHAPE;
        return SC_ITEM;
    case SC_COMPLEX:
        r->left = 2;
        break;
    default:
        break;
    }
    r->state++;
    return SC_ITEM;
}

/* ALIGN-5 */
//@ assigns \nothing;
static inline int sc_is_alignment(uint64_t n) {
    return n >= 64 && n <= 4096 && !(n & (n - 1));
}

/* META-3: a value of the metadata has ended, and with it each list and map of which it is the last. */
/*@ requires \valid(r) && r->levels <= SC_MAX_META_DEPTH;
  @ assigns r->levels, r->counts[0 .. SC_MAX_META_DEPTH - 1];
  @ ensures r->levels <= \old(r->levels); */
static inline void sc_end_value(struct sc_reader *r) {
    unsigned levels = r->levels;
    /*@ loop invariant levels <= r->levels <= SC_MAX_META_DEPTH;
      @ loop assigns levels, r->counts[0 .. SC_MAX_META_DEPTH - 1];
      @ loop variant levels; */
    while (levels && !--r->counts[levels - 1])
        levels--;
    r->levels = levels;
}

/* META-1, META-3: what a key or value of the metadata means, or all of it, which is a map. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v);
  @ requires SC_METADATA <= r->state <= SC_META_VALUE;
  @ assigns r->metadata, r->values, r->levels, r->counts[0 .. SC_MAX_META_DEPTH - 1], r->maps[0 .. SC_MAX_META_DEPTH - 1];
  @ assigns r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_metadata(struct sc_reader *r, const struct sc_item *v) {
    const int nests = r->state != SC_META_KEY && v->type & (SC_ARRAY | SC_MAP);
    if (r->state == SC_METADATA) {
        r->metadata = v->offset;
        r->values = 1;
        r->levels = 0;
    }
    SC_REQUIRE(!nests || r->levels < SC_MAX_META_DEPTH, "META-3", v->offset);
    r->values += nests ? v->number : 0;
    SC_REQUIRE(r->values <= SC_MAX_META_VALUES, "META-3", v->offset);
    SC_REQUIRE(v->offset + v->used + v->body - r->metadata <= SC_MAX_META_BYTES, "META-3", r->metadata);
    if (r->state == SC_META_KEY) {
        r->state = SC_META_VALUE;
        return SC_ITEM;
    }
    if (nests && v->number) {
        r->counts[r->levels] = (uint16_t)v->number;     /* META-3: this is no more than SC_MAX_META_VALUES - 1 */
        r->maps[r->levels] = v->type == SC_MAP;
        r->levels++;
    } else {
        sc_end_value(r);
    }
    r->state = !r->levels ? (r->digests ? SC_DIGESTS_KEY : SC_CLOSE) :
               r->maps[r->levels - 1] ? SC_META_KEY : SC_META_VALUE;
    return SC_ITEM;
}

/* INDEX-1 to INDEX-3: what a value of the index means. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_ready(r, v) && SC_INDEX <= r->state;
  @ assigns r->digests, r->entries, r->left, r->typed, r->records, r->metadata, r->values, r->levels;
  @ assigns r->counts[0 .. SC_MAX_META_DEPTH - 1], r->maps[0 .. SC_MAX_META_DEPTH - 1], r->state, r->clause, r->offset;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v); */
static inline int sc_on_index(struct sc_reader *r, const struct sc_item *v) {
    const uint64_t number = v->number, at = v->offset;
    unsigned next = r->state + 1;
    switch (r->state) {
    case SC_INDEX:
        SC_REQUIRE(number == 4 || number == 5, "INDEX-1", at);
        r->digests = number == 5;
        break;
    case SC_ALIGNMENT:
        SC_REQUIRE(!r->detached || number == 1, "DETACHED-4", at);
        SC_REQUIRE(r->detached || sc_is_alignment(number), "ALIGN-5", at);
        break;
    case SC_ENTRIES:
        SC_REQUIRE(number, "INDEX-1", at);
        r->entries = number;
        break;
    case SC_ENTRY_PATH:
        r->left = number;
        next = number ? next : SC_ENTRY_KIND;
        break;
    case SC_ENTRY_KEY:
        next = --r->left ? SC_ENTRY_KEY : next;
        break;
    case SC_ENTRY_DTYPE:
        r->typed = v->type == SC_STR;
        break;
    case SC_ENTRY_SHAPE:
        SC_REQUIRE(r->typed == (v->type == SC_ARRAY), "INDEX-2", at);
        SC_REQUIRE(number <= SC_MAX_DIMENSIONS, "LEAF-3", at);
        r->left = number;
        next = number ? next : SC_ENTRY_RECORDS;
        break;
    case SC_ENTRY_DIMENSION:
        SC_REQUIRE(!v->negative, "LEAF-3", at);
        next = --r->left ? SC_ENTRY_DIMENSION : next;
        break;
    case SC_ENTRY_RECORDS:
        SC_REQUIRE(number, "INDEX-2", at);
        r->records = number;
        break;
    case SC_SUMS:
        next = --r->records ? SC_ENTRY_RECORD : --r->entries ? SC_ENTRY : SC_METADATA_KEY;
        break;
    case SC_METADATA:
    case SC_META_KEY:
    case SC_META_VALUE:
        return sc_on_metadata(r, v);
    case SC_DIGESTS:
        next = SC_CLOSE;
        break;
    default:
        break;
    }
    r->state = next;
    return SC_ITEM;
}

/* The end of a record or index that has been read whole, in which there are no bytes. */
/*@ requires \valid(r) && \valid(v) && \separated(r, v) && sc_sound(r) && r->state == SC_CLOSE;
  @ assigns r->depth, r->limit, r->state, r->clause, r->offset, *v;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_sound(r) && r->state == SC_RECORD;
  @ ensures v->text == 0 && v->used == 0 && v->body == 0; */
static inline int sc_close(struct sc_reader *r, struct sc_item *v) {
    v->state = SC_CLOSE;
    v->type = 0;
    v->offset = r->position;
    v->number = v->body = 0;
    v->negative = v->ext = 0;
    v->text = v->used = 0;
    if (r->depth && sc_leave(r, r->position) != SC_ITEM)
        return SC_REFUSED;
    r->state = SC_RECORD;
    return SC_ITEM;
}

/* The next value: its header, its text, and what they mean where they stand. */
/*@ requires \valid(r) && \valid(v) && \valid_read(p + (0 .. n - 1)) && \separated(r, v, p + (0 .. n - 1));
  @ requires sc_sound(r) && r->state != SC_CLOSE;
  @ assigns *r, *v;
  @ ensures r->end == \old(r->end) && r->position == \old(r->position) && SC_ITEM <= \result <= SC_REFUSED;
  @ ensures \result != SC_END;
  @ ensures \result == SC_ITEM ==> sc_ready(r, v);
  @ ensures \result == SC_ITEM ==> v->offset == r->position && 1 <= v->used <= n; */
static inline int sc_read(struct sc_reader *r, const unsigned char *p, size_t n, struct sc_item *v) {
    const unsigned state = r->state;
    int result = sc_value(r, p, n, sc_rules[state].allowed, sc_rules[state].clause, v);
    if (result == SC_ITEM)
        result = sc_text(r, p, n, v);
    if (result != SC_ITEM)
        return result;
    return state < SC_INDEX ? sc_on_record(r, p + v->text, v) : sc_on_index(r, v);
}

/* The next value, or the end of a record or index. */
/*@ requires \valid(r) && \valid(v) && \valid_read(p + (0 .. n - 1)) && \separated(r, v, p + (0 .. n - 1));
  @ requires sc_sound(r);
  @ assigns *r, *v;
  @ ensures r->end == \old(r->end) && SC_ITEM <= \result <= SC_REFUSED;
  @ ensures \result == SC_ITEM || \result == SC_END ==> sc_sound(r);
  @ ensures \result == SC_ITEM ==> v->text <= v->used <= n;
  @ ensures \result == SC_ITEM ==> r->position == \old(r->position) + v->used + v->body;
  @ ensures \result == SC_ITEM ==> 1 <= v->used || (\old(r->state) == SC_CLOSE && r->state == SC_RECORD); */
static inline int sc_step(struct sc_reader *r, const unsigned char *p, size_t n, struct sc_item *v) {
    if (r->state == SC_CLOSE)
        return sc_close(r, v);
    if (r->state == SC_RECORD && r->position == r->end)
        return SC_END;
    SC_REQUIRE(r->state != SC_RECORD || !r->sealed || !r->position || !n || p[0] == 0x92, "SEAL-1", r->position);
    const int result = sc_read(r, p, n, v);
    if (result == SC_ITEM)
        r->position += v->used + v->body;
    return result;
}

/* The input, or the records in it, end at this place: to be said where a reader is in no body. */
/*@ requires \valid(r) && r->depth == 0 && r->position <= end;
  @ assigns r->end, r->limit;
  @ ensures r->end == end && sc_bounded(r); */
static inline void sc_bound(struct sc_reader *r, uint64_t end) {
    r->end = r->limit = end;
}

/* A stream, or the file of a detached seal, of this size, or of SC_UNKNOWN. */
/*@ requires \valid(r);
  @ assigns *r;
  @ ensures sc_sound(r) && r->end == size && r->position == 0 && r->state == SC_RECORD && !r->detached; */
static inline void sc_begin(struct sc_reader *r, uint64_t size) {
    *r = (struct sc_reader){0};
    r->state = SC_RECORD;
    r->position = r->depth = r->bytes = r->levels = r->dtype = 0;       /* said once more for the proof */
    r->detached = 0;
    sc_bound(r, size);
}

/* The index, which has this length and stands at r->position. */
/*@ requires \valid(r) && r->position + length <= r->end;
  @ requires r->bytes <= SC_MAX_PATH_BYTES && r->levels <= SC_MAX_META_DEPTH && r->dtype < SC_DTYPES;
  @ assigns r->limit, r->depth, r->state;
  @ ensures sc_sound(r); */
static inline void sc_begin_index(struct sc_reader *r, uint64_t length) {
    r->limit = r->position + length;
    r->depth = 1;
    r->state = SC_INDEX;
}

/* ---- Chapters 13 and 16: checksums, the seal and its footer ---- */

/* SUM-1: the checksum (CRC-32C) of bytes, that of the bytes before them being `sum`. */
//@ requires \valid_read(p + (0 .. n - 1)); assigns \nothing;
static inline uint32_t sc_crc32c(uint32_t sum, const unsigned char *p, size_t n) {
    sum = ~sum;
    //@ loop invariant 0 <= i <= n; loop assigns i, sum; loop variant n - i;
    for (size_t i = 0; i < n; i++) {
        sum ^= p[i];
        //@ loop invariant 0 <= bit <= 8; loop assigns bit, sum; loop variant 8 - bit;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~sum;
}

static const char sc_seal_magic[17] = "streamckpt-seal\n";             /* SEAL-4 */

/* SEAL-4: the offset of the seal, how many bytes the index has, its checksum, and the version. */
struct sc_footer {
    uint64_t seal, index;
    uint32_t checksum;
    unsigned major, minor;
};

/* SEAL-3: how many bytes the index has by the header before it, or SC_UNKNOWN. */
/*@ requires \valid_read(p + (0 .. 4));
  @ assigns \nothing;
  @ ensures \result <= SC_MAX_INDEX_BYTES || \result == SC_UNKNOWN; */
static inline uint64_t sc_seal_length(const unsigned char *p) {
    const uint64_t length = sc_number(p + 1, 4) - SC_FOOTER_BYTES - 1;
    return p[0] == 0xc6 && length <= SC_MAX_INDEX_BYTES ? length : SC_UNKNOWN;
}

/* SEAL-4 to SEAL-6, in the order of SEAL-9: a footer, which stands at `p` and `offset` and ends the file. */
/*@ requires \valid(r) && \valid(f) && \valid_read(p + (0 .. 39)) && \separated(r, f, p + (0 .. 39));
  @ assigns *f, r->clause, r->offset;
  @ ensures \result == SC_REFUSED || \result == SC_ITEM;
  @ ensures \result == SC_ITEM && !r->detached ==> f->seal + SC_SEAL_HEADER + f->index == offset; */
static inline int sc_read_footer(struct sc_reader *r, const unsigned char *p, uint64_t offset, struct sc_footer *f) {
    f->seal = sc_number(p, 8);
    f->index = sc_number(p + 8, 4);
    f->checksum = (uint32_t)sc_number(p + 12, 4);
    f->major = (unsigned)sc_number(p + 16, 2);
    f->minor = (unsigned)sc_number(p + 18, 2);
    const uint64_t seal = r->detached ? 0 : f->seal, header = r->detached ? 0 : SC_SEAL_HEADER;
    SC_REQUIRE(sc_is(p + 24, 16, sc_seal_magic, sizeof sc_seal_magic), "SEAL-5", offset + SC_FOOTER_BYTES);
    SC_REQUIRE(sc_number(p + 20, 4) == sc_crc32c(0, p, 20), "SEAL-4", offset);
    SC_REQUIRE(f->major == 2 && f->minor == 0, "SEAL-6", offset);
    SC_REQUIRE(seal <= offset && header <= offset - seal && f->index == offset - seal - header, "SEAL-4", offset);
    return SC_ITEM;
}

/* ---- Chapter 06: a stream that is in memory ---- */

/* Goes from where the reader is to the end of the records, or of the index. */
/*@ requires \valid(r) && sc_sound(r) && \valid_read(p + (0 .. r->end - 1));
  @ requires \separated(r, p + (0 .. r->end - 1));
  @ assigns *r;
  @ ensures r->end == \old(r->end) && SC_ITEM <= \result <= SC_REFUSED;
  @ ensures \result == SC_END ==> sc_sound(r); */
static inline int sc_pass(struct sc_reader *r, const unsigned char *p) {
    const int index = r->state == SC_INDEX;
    struct sc_item v;
    /*@ loop invariant sc_sound(r) && r->end == \at(r->end, Pre);
      @ loop assigns v, *r;
      @ loop variant 2 * (r->end - r->position) + (r->state == SC_CLOSE ? 1 : 0); */
    for (;;) {
        const unsigned char *at = p + r->position;
        int result = sc_step(r, at, r->end - r->position, &v);
        if (result != SC_ITEM)
            return result;
        if (v.state == SC_CLOSE && index)
            return SC_END;
        SC_REQUIRE(v.type != SC_STR || sc_utf8_valid(at + v.used, v.body), "WIRE-5", v.offset);
    }
}

/* Begins a stream that is in memory, plain or sealed; of a sealed one the footer and the sum of the index are checked. */
/*@ requires \valid(r) && \valid_read(p + (0 .. n - 1)) && \separated(r, p + (0 .. n - 1));
  @ assigns *r;
  @ ensures \result == SC_ITEM || \result == SC_REFUSED;
  @ ensures \result == SC_ITEM ==> sc_sound(r) && r->position == 0 && r->end <= n && r->state == SC_RECORD;
  @ ensures \result == SC_ITEM && r->sealed ==> r->end + SC_SEAL_HEADER + SC_FOOTER_BYTES <= n; */
static inline int sc_open(struct sc_reader *r, const unsigned char *p, size_t n) {
    struct sc_footer f;
    sc_begin(r, n);
    SC_REQUIRE(n, "STREAM-3", 0);
    r->sealed = n >= SC_MARK_BYTES && p[0] == 0xdd && sc_number(p + 1, 4) == 2;
    if (!r->sealed)
        return SC_ITEM;
    SC_REQUIRE(n >= SC_FOOTER_BYTES, "SEAL-5", n);
    if (sc_read_footer(r, p + (n - SC_FOOTER_BYTES), n - SC_FOOTER_BYTES, &f) != SC_ITEM)
        return SC_REFUSED;
    SC_REQUIRE(sc_seal_length(p + f.seal) == f.index, "SEAL-3", f.seal);
    const uint64_t start = f.seal + SC_SEAL_HEADER;
    SC_REQUIRE(sc_crc32c(0, p + start, f.index) == f.checksum, "SEAL-4", start);
    sc_bound(r, f.seal);
    return SC_ITEM;
}

/* Goes through a whole stream that is in memory, to SC_END; of an index it sees that it is whole and well formed. */
/*@ requires \valid(r) && \valid_read(p + (0 .. n - 1)) && \separated(r, p + (0 .. n - 1));
  @ assigns *r;
  @ ensures SC_ITEM <= \result <= SC_REFUSED; */
static inline int sc_check(struct sc_reader *r, const unsigned char *p, size_t n) {
    int result = sc_open(r, p, n);
    if (result != SC_ITEM)
        return result;
    const int sealed = r->sealed;
    result = sc_pass(r, p);
    if (!sealed || result != SC_END)
        return result;
    r->position = r->end + SC_SEAL_HEADER;
    r->end = n - SC_FOOTER_BYTES;
    sc_begin_index(r, r->end - r->position);
    return sc_pass(r, p);
}

#endif
