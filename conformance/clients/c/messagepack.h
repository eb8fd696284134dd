/* Chapter 01: MessagePack, read and written. */

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

/* Goes over the body of a bin or str, piece by piece, and hashes it where it is the payload of a leaf. */
static void pass_body(struct job *j, const struct value *v, bool payload) {
    struct utf8 check = {0, 0, 0};
    bool valid = true;
    for (uint64_t left = v->number; left; ) {
        peek(j, 1);
        size_t piece = j->end - j->at < left ? j->end - j->at : (size_t)left;
        const unsigned char *bytes = take(j, piece);
        if (payload)
            sha_add(&j->sha, bytes, piece);
        if (payload && j->digesting)
            sha_add(&j->digest, bytes, piece);
        valid = valid && (v->type != T_STR || utf8_add(&check, bytes, piece));
        left -= piece;
    }
    require(j, valid && !check.due, "WIRE-5", v->offset);
}

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
