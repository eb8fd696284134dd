/* Chapter 01: MessagePack, read and written. */

/* What a step has gone over is taken; returns whether it has to be made again, with more bytes. */
static bool again(struct job *j, int result, const struct sc_item *item) {
    if (result == SC_REFUSED)
        refuse(j, j->core.clause, j->core.offset);
    if (result != SC_ITEM && (result != SC_MORE || !fill_buffer(j, j->core.need)))
        refuse_cut(j);
    if (result == SC_ITEM)
        j->text = take(j, item->used) + item->text;
    return result != SC_ITEM;
}

/* Reads what comes next in a record or index, but for its body; its text is at j->text. */
static struct sc_item read_next(struct job *j) {
    struct sc_item item = {0};
    while (again(j, sc_step(&j->core, j->buffer + j->at, j->end - j->at, &item), &item))
        continue;
    return item;
}

/* Reads the header of a value of one of these types where there is no record (CONF-8); else `clause` is broken. */
static struct sc_item read_value(struct job *j, unsigned allowed, const char *clause) {
    struct sc_item item = {0};
    while (again(j, sc_value(&j->core, j->buffer + j->at, j->end - j->at, allowed, clause, &item), &item))
        continue;
    j->core.position += item.used;
    return item;
}

/* Takes the body of such a value, of at most BUFFER_SIZE bytes. */
static const unsigned char *take_body(struct job *j, const struct sc_item *v) {
    j->core.position += v->body;
    return take(j, (size_t)v->body);
}

/* Goes over the body of a bin or str, piece by piece, and hashes it where it is the payload of a leaf. */
static void pass_body(struct job *j, const struct sc_item *v, bool payload) {
    struct sc_utf8 check = {0, 0, 0};
    bool valid = true;
    for (uint64_t left = v->body; left; ) {
        peek(j, 1);
        size_t piece = j->end - j->at < left ? j->end - j->at : (size_t)left;
        const unsigned char *bytes = take(j, piece);
        if (payload)
            sha_add(&j->sha, bytes, piece);
        if (payload && j->digesting)
            sha_add(&j->digest, bytes, piece);
        valid = valid && (v->type != SC_STR || sc_utf8_add(&check, bytes, piece));
        left -= piece;
    }
    require(j, valid && !check.due, "WIRE-5", v->offset);
}

/* Where bytes are written to: any of a file, a hash and a list, or none, where they are only counted. */
struct sink {
    struct job *j;
    FILE *file;
    struct sha256 *sha;
    struct bytes *list;         /* of metadata, which has at most SC_MAX_META_BYTES */
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
        require(s->j, s->count <= SC_MAX_META_BYTES, "META-3", SC_UNKNOWN);
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
    const unsigned place = sc_shortest_form(type, n);
    require(s->j, place < SC_FORMS, "WIRE-1", SC_UNKNOWN);
    const struct sc_form *form = &sc_forms[place];
    unsigned char first = form->first;
    if (type == SC_EXT && !form->more)
        while (n >>= 1)
            first++;
    else if (!form->more)
        first = (unsigned char)(type == SC_NEGATIVE ? n : form->first + n);
    put_form(s, first, form->more, n);
}

static void put_ext_header(struct sink *s, unsigned kind, uint64_t n) {
    put_header(s, SC_EXT, n);
    put(s, &kinds[kind].ext, 1);
}

static void put_bin(struct sink *s, const void *data, uint64_t n) {
    put_header(s, SC_BIN, n);
    put(s, data, n);
}

static void put_str(struct sink *s, const char *text) {
    put_header(s, SC_STR, strlen(text));
    put(s, text, strlen(text));
}

static void put_dimensions(struct sink *s, const uint64_t *dimensions, unsigned rank) {
    put_header(s, SC_ARRAY, rank);
    for (unsigned i = 0; i < rank; i++)
        put_header(s, SC_INT, dimensions[i]);
}
