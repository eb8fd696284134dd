/* Chapters 04 and 11: arrays, whole, chunked and padded, read and written. */

/* LEAF-4, LEAF-5: how many elements a leaf has by its shape, which begins at `offset`. */
static uint64_t count_elements(const struct job *j, const struct leaf *leaf, uint64_t offset) {
    const uint64_t width = sc_dtypes[leaf->dtype].width;
    uint64_t product = width;
    bool none = false;
    for (unsigned i = 0; i < leaf->rank; i++) {
        uint64_t dimension = j->dimensions.at[leaf->dimensions + i];
        none = none || !dimension;
        product = sc_times(product, dimension);
    }
    require(j, product != SC_UNKNOWN, "LEAF-4", offset);
    return none ? 0 : product / width;
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
    bool turned = leaf->turned > 1;
    size_t whole = turned ? sizeof piece : sizeof piece / leaf->cycle * leaf->cycle;
    for (uint64_t at = start, end = start + size; at < end; at += whole) {
        for (size_t i = 0; i < whole && (turned || at == start); i++) {
            uint64_t place = at + i, within = place % leaf->turned;
            piece[i] = leaf->payload[(place - within + leaf->turned - 1 - within) % leaf->cycle];
        }
        put(s, piece, end - at < whole ? (size_t)(end - at) : whole);
    }
}

/* LEAF-2, LEAF-6: an array, or a chunk of one, whose body is counted first and then written. */
static void put_array(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions,
                      unsigned rank, uint64_t start, uint64_t size) {
    struct sink counter = {.j = s->j};
    for (struct sink *to = &counter; ; to = s) {
        put_header(to, SC_ARRAY, 3);
        put_dimensions(to, dimensions, rank);
        put_str(to, sc_dtypes[leaf->dtype].tag);
        put_header(to, SC_BIN, size);
        put_payload(to, leaf, start, size);
        if (to == s)
            return;
        put_ext_header(s, leaf->kind, counter.count);
    }
}

/* LEAF-10, LEAF-11: a chunked array as far as its chunks; ALIGN-1: with padding, unless `padding` is -1. */
static void put_chunks(struct sink *s, const uint64_t *dimensions, unsigned rank, int padding, uint64_t chunks) {
    static const unsigned char zeros[SC_MAX_PADDING];
    char text[24];
    put_header(s, SC_MAP, padding < 0 ? 3 : 4);
    put_str(s, SC_MARKER);
    put_header(s, SC_BOOL, 1);
    if (padding >= 0) {
        put_str(s, "pad");
        put_form(s, 0xc5, 2, (uint64_t)padding);
        put(s, zeros, (uint64_t)padding);
    }
    put_str(s, "shape");
    put_header(s, SC_MAP, rank);
    for (unsigned i = 0; i < rank; i++) {
        put_str(s, decimal(text, i));
        put_header(s, SC_INT, dimensions[i]);
    }
    put_str(s, "chunks");
    put_header(s, SC_MAP, chunks);
}

/* LEAF-12, LEAF-13 */
static void put_chunked(struct sink *s, const struct leaf *leaf, const uint64_t *dimensions) {
    uint64_t width = sc_dtypes[leaf->dtype].width, chunk = CHUNK_BYTES / width * width;
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
    uint64_t elements = leaf->size / sc_dtypes[leaf->dtype].width;
    struct sink counter = {.j = s->j};
    put_chunks(s, dimensions, leaf->rank, (int)padding, 1);
    put_str(s, "0");
    for (struct sink *to = &counter; ; to = s) {
        put_header(to, SC_ARRAY, 3);
        put_dimensions(to, &elements, 1);
        put_str(to, sc_dtypes[leaf->dtype].tag);
        put_form(to, 0xc6, 4, leaf->size);
        put_payload(to, leaf, 0, leaf->size);
        if (to == s)
            return;
        put_form(s, 0xc9, 4, counter.count);
        put(s, &kinds[NDARRAY].ext, 1);
    }
}

static void add_dimension(struct job *j, struct leaf *leaf, uint64_t dimension) {
    ADD(&j->dimensions, dimension);
    leaf->rank++;
}

/* LEAF-5: the payload of an array, scalar or chunk, which goes into the hash; `first` of all chunks. */
static void read_payload(struct job *j, const struct sc_item *payload, struct leaf *leaf, bool first) {
    leaf->dtype = (unsigned char)j->core.dtype;
    struct record *record = noted(j);
    if (record && first)
        record->payload = j->position - record->offset;
    if (first && j->digesting)
        begin_digest(j, leaf);
    if (leaf->parts && payload->body)
        ADD(&j->ranges, ((struct range){j->position, payload->body}));
    pass_body(j, payload, true);
}

/* LEAF-2, LEAF-6, LEAF-10 to LEAF-12, ALIGN-1: an array or scalar, whose ext or marker has been read. */
static void read_array(struct job *j, struct leaf *leaf) {
    const bool chunked = j->core.kind == SC_MARKED;
    for (bool first = true; j->core.state != SC_CLOSE; ) {
        struct sc_item item = read_next(j);
        if (item.state == SC_LENGTH || (item.state == SC_DIMENSION && !chunked))
            add_dimension(j, leaf, item.number);
        if (item.state == SC_PAD)
            noted(j)->padded = true;
        if (item.state == SC_PAYLOAD) {
            read_payload(j, &item, leaf, first);
            first = false;
        }
    }
    if (noted(j))
        noted(j)->pieces = j->core.count > 1;
}
