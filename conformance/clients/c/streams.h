/* Chapters 05 and 06: records, read and written. */

/* KEY-1: reads a key path and goes to its node. PART-3: that of a part to the node of its leaf. */
static uint32_t read_path(struct job *j) {
    uint32_t node = ROOT;
    read_next(j);
    do {
        struct sc_item key = read_next(j);
        if (key.state == SC_KEY)
            go_to_child(j, &node, j->text, key.number, false);
    } while (j->core.left);
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
        ADD(&j->records, ((struct record){.offset = j->position, .payload = SC_UNKNOWN, .sums = j->sums.count}));
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
    j->here = ROOT;             /* the key path is not known before it has been read */
    begin_record(j);
    read_next(j);
    uint32_t node = j->here = read_path(j);
    struct array_part part = {j->core.part, j->core.parts};
    follow_parts(j, node, &part, j->core.record);
    const char *clash = part.number ? NULL : find_clash(j, node);
    require(j, !clash, clash, j->core.record);
    read_next(j);
    struct sc_item leaf = read_next(j);
    read_leaf(j, &leaf, node, &part);
    end_record(j);
}

/* REC-1 to REC-4: a record, of an array in parts one part. */
static void put_record(struct sink *s, const struct node *n, const struct leaf *leaf, const uint64_t *dimensions,
                       const struct array_part *part) {
    struct job *j = s->j;
    struct record record = {.offset = s->count, .sums = j->sums.count};
    if (j->sealed && !s->count)
        put(s, SC_MARK, SC_MARK_BYTES);
    else
        put_header(s, SC_ARRAY, 2);
    put_path(s, n, part);

    require(j, leaf->size <= UINT32_MAX, "REC-3", SC_UNKNOWN);
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
        require(j, blob.count <= UINT32_MAX, "REC-3", SC_UNKNOWN);
        if (blob.count > INT32_MAX && s->file)
            fprintf(stderr, "client: warning: a leaf of more than 2^31 - 1 bytes, which some loaders refuse\n");
        put_header(s, SC_BIN, blob.count);
        put_leaf(s, leaf, dimensions);
    }

    if (!j->sealed)
        return;
    end_block(j);
    record.size = s->count - record.offset;
    record.payload = leaf->kind <= SCALAR ? s->payload - record.offset : SC_UNKNOWN;
    ADD(&j->records, record);
}

/* PART-1, PART-2: the record of a leaf, or those of the parts of an array. */
static void put_records(struct sink *s, const struct node *n, const struct leaf *leaf) {
    const uint64_t *dimensions = s->j->dimensions.at + leaf->dimensions;
    if (!s->j->sealed || leaf->kind != NDARRAY || leaf->size <= WHOLE_BYTES) {
        put_record(s, n, leaf, dimensions, NULL);
        return;
    }
    require(s->j, leaf->size / BLOCK_BYTES * 4 <= SC_MAX_INDEX_BYTES, "SEAL-3", SC_UNKNOWN);
    struct boxes b = cut_array(dimensions, leaf->rank, sc_dtypes[leaf->dtype].width);
    struct leaf box = *leaf;
    for (struct array_part part = {0, b.count}; part.number < part.count; part.number++) {
        uint64_t shape[SC_MAX_DIMENSIONS];
        box.size = sc_dtypes[leaf->dtype].width;
        for (unsigned i = 0; i < leaf->rank; i++)
            box.size *= shape[i] = box_dimension(&b, dimensions, part.number, i);
        put_record(s, n, &box, shape, &part);
        box.start += box.size;
    }
}
