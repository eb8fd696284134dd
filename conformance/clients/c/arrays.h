/* Chapters 04 and 11: arrays, whole, chunked and padded, read and written. */

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

/* LEAF-3 */
static void read_dimension(struct job *j, struct leaf *leaf) {
    struct value v = read_value(j, T_INT, "LEAF-3");
    require(j, !v.negative, "LEAF-3", v.offset);
    ADD(&j->dimensions, v.number);
    leaf->rank++;
}

/*
 * The body of an ext of type 1 or 3, `clause` being LEAF-2 or LEAF-6. A scalar or a chunk has to have `rank`
 * dimensions, or else `rank_clause` is broken. A chunk is one of `whole`, which gets its dtype from the first of them;
 * else `whole` is the leaf itself. Adds the payload to the hash; returns how many elements it has.
 */
static uint64_t read_array(struct job *j, const struct value *ext, struct leaf *leaf, struct leaf *whole,
                           const char *clause, const char *rank_clause, unsigned rank) {
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
    bool first = whole->dtype == DTYPE_COUNT;
    require(j, first || dtype == whole->dtype, "LEAF-12", tag.offset);
    leaf->dtype = whole->dtype = (unsigned char)dtype;

    uint64_t elements = count_elements(j, leaf, shape.offset);
    struct value payload = read_value(j, T_BIN, "LEAF-5");
    require(j, payload.number == elements * dtypes[dtype].width, "LEAF-5", payload.offset);
    struct record *record = noted(j);
    if (record && record->payload == UNKNOWN)
        record->payload = j->position - record->offset;
    if (first && j->digesting)
        begin_digest(j, whole);
    if (whole->parts && payload.number)
        ADD(&j->ranges, ((struct range){j->position, payload.number}));
    pass_body(j, &payload, true);
    leave_body(j, outer);
    return elements;
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
        elements += read_array(j, &ext, &chunk, leaf, "LEAF-2", "LEAF-12", 1);
        j->dimensions.count = chunk.dimensions;
        if (!i)
            count_elements(j, leaf, shape.offset);       /* LEAF-11: LEAF-4 holds */
    }
    require(j, elements == count_elements(j, leaf, shape.offset), "LEAF-12", chunks.offset);
    if (noted(j))
        noted(j)->pieces = chunks.number > 1;
}
