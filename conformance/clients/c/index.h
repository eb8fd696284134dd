/* Chapter 15: the index, read and written. */

/* Refuses what stands in a record, and not in the seal (DETACHED-1). */
static void require_of_record(struct job *j, bool holds, const char *clause, uint64_t offset) {
    j->in_seal = j->in_seal && holds;
    require(j, holds, clause, offset);
}

/* INDEX-7: what the index says of a leaf has to be what its records say. */
static void agree(struct job *j, bool agrees, size_t record) {
    require_of_record(j, agrees, "INDEX-7", j->records.at[record].offset);
}

static void agree_on_text(struct job *j, const struct sc_item *v, const void *text, size_t length, size_t record) {
    agree(j, v->number == length && !memcmp(peek(j, length), text, length), record);
    take(j, length);
}

/* INDEX-6: a key path that is that of the record, which has been checked, needs no further check. */
static void read_indexed_keys(struct job *j, const struct node *n, size_t record) {
    if (n->parent != ROOT)
        read_indexed_keys(j, &j->nodes.at[n->parent], record);
    struct sc_item key = read_next(j);
    agree_on_text(j, &key, j->texts.at + n->text, n->length, record);
}

/* INDEX-2: dtype and shape. Those of an array in parts are known only now (PART-2). */
static void read_indexed_array(struct job *j, struct leaf *leaf) {
    struct sc_item tag = read_next(j);
    require(j, tag.type == SC_STR, "INDEX-2", tag.offset);
    agree_on_text(j, &tag, sc_dtypes[leaf->dtype].tag, strlen(sc_dtypes[leaf->dtype].tag), leaf->record);
    struct sc_item shape = read_next(j);
    struct leaf stated = {.dtype = leaf->dtype, .dimensions = j->dimensions.count};
    for (uint64_t i = 0; i < shape.number; i++)
        add_dimension(j, &stated, read_next(j).number);
    stated.size = count_elements(j, &stated, shape.offset) * sc_dtypes[leaf->dtype].width;     /* LEAF-4 */

    const uint64_t *dimensions = j->dimensions.at + stated.dimensions;
    struct boxes b = {.axis = 0, .rows = SC_UNKNOWN, .range = 1, .count = 1};      /* of an array that is not in parts */
    if (leaf->parts) {
        b = cut_array(dimensions, stated.rank, sc_dtypes[leaf->dtype].width);
        uint64_t first = j->records.at[leaf->record].offset;
        require(j, b.count == leaf->records, "PART-2", first);
        require(j, stated.size > WHOLE_BYTES, "PART-1", first);
    }
    for (size_t i = 0; i < leaf->records; i++) {
        const struct record *record = &j->records.at[leaf->record + i];
        bool same = record->rank == stated.rank;
        for (unsigned k = 0; same && k < stated.rank; k++)
            same = box_dimension(&b, dimensions, i, k) == j->dimensions.at[record->dimensions + k];
        require_of_record(j, same, leaf->parts ? "PART-2" : "INDEX-7", record->offset);
    }
    if (leaf->parts) {
        leaf->rank = stated.rank;
        leaf->dimensions = stated.dimensions;
        leaf->size = stated.size;
    } else {
        j->dimensions.count = stated.dimensions;
    }
}

/* INDEX-3, INDEX-4, SUM-3 */
static void read_indexed_record(struct job *j, size_t place) {
    const struct record *record = &j->records.at[place];
    read_next(j);
    struct sc_item size = read_next(j);
    agree(j, size.number == record->size && !size.negative, place);

    struct sc_item payload = read_next(j);
    bool whole = record->payload != SC_UNKNOWN && !record->pieces;
    agree(j, whole ? payload.type == SC_INT && payload.number == record->payload : payload.type == SC_NIL, place);
    require(j, !record->padded || (record->offset + record->payload) % j->alignment == 0, "ALIGN-5",
            record->offset + record->payload);

    struct sc_item sums = read_next(j);
    require(j, sums.number == 4 * count_blocks(record->size), "INDEX-4", sums.offset);
    const unsigned char *bytes = take(j, (size_t)sums.number);
    for (size_t i = 0; i < sums.number / 4; i++)
        require_of_record(j, sc_number(bytes + 4 * i, 4) == j->sums.at[record->sums + i], "SUM-3",
                          record->offset + i * BLOCK_BYTES);
}

/* INDEX-2 */
static void read_indexed_leaf(struct job *j, struct leaf *leaf) {
    j->here = leaf->node;
    read_next(j);
    struct sc_item path = read_next(j);
    agree(j, path.number == j->nodes.at[leaf->node].depth, leaf->record);
    read_indexed_keys(j, &j->nodes.at[leaf->node], leaf->record);
    struct sc_item kind = read_next(j);
    agree_on_text(j, &kind, kinds[leaf->kind].name, strlen(kinds[leaf->kind].name), leaf->record);
    if (leaf->kind <= SCALAR) {
        read_indexed_array(j, leaf);
    } else {
        struct sc_item dtype = read_next(j);
        require(j, dtype.type == SC_NIL, "INDEX-2", dtype.offset);
        read_next(j);
    }
    struct sc_item records = read_next(j);
    agree(j, records.number == leaf->records, leaf->record);
    for (size_t i = 0; i < leaf->records; i++)
        read_indexed_record(j, leaf->record + i);
    j->here = ROOT;
}

/* INDEX-9: compares the digests with those of the leaves. On a pipe that of an array in parts is taken as it is. */
static void read_digests(struct job *j) {
    read_next(j);
    struct sc_item digests = read_next(j);
    require(j, digests.number == 32 * ((uint64_t)j->leaves.count + 1), "INDEX-9", digests.offset);
    if (!j->with_digests)
        fail(3, FILE_HAS_CHANGED);
    for (size_t i = 0; i < j->leaves.count; i++) {
        const struct leaf *leaf = &j->leaves.at[i];
        unsigned char *digest = j->digests.at + 32 * i;
        const unsigned char *stated = take(j, 32);
        j->here = leaf->node;
        if (leaf->parts && j->seekable)
            digest_parts(j, leaf, digest);
        else if (leaf->parts)
            memcpy(digest, stated, 32);
        require(j, !memcmp(stated, digest, 32), "INDEX-9", digests.offset);
    }
    j->here = ROOT;
    digest_tree(j);
    require(j, !memcmp(take(j, 32), j->digests.at + 32 * j->leaves.count, 32), "INDEX-9", digests.offset);
}

/* INDEX-1: reads the index, which has this length, and compares it with what has been noted of the records. */
static void read_index(struct job *j, uint64_t length) {
    uint64_t start = j->position;
    j->core.position = start;
    sc_begin_index(&j->core, length);
    read_next(j);
    read_next(j);
    j->alignment = read_next(j).number;
    read_next(j);
    read_next(j);
    bool whole = sc_number(j->text, 4) == j->checksum;      /* compared after the blocks, which say where */

    read_next(j);
    struct sc_item leaves = read_next(j);
    require(j, leaves.number == j->leaves.count, "INDEX-4", leaves.offset);
    for (size_t i = 0; i < j->leaves.count; i++)
        read_indexed_leaf(j, &j->leaves.at[i]);
    require(j, whole, "INDEX-8", start);

    read_next(j);
    j->keep = &j->metadata;
    read_metadata(j);
    j->keep = NULL;

    if (j->core.digests)
        read_digests(j);
    else
        j->digests.count = 0;
    read_next(j);
}

/* INDEX-3 */
static void put_indexed_record(struct sink *s, const struct record *record) {
    size_t blocks = count_blocks(record->size);
    put_header(s, SC_ARRAY, 3);
    put_header(s, SC_INT, record->size);
    put_header(s, record->payload == SC_UNKNOWN ? SC_NIL : SC_INT, record->payload == SC_UNKNOWN ? 0 : record->payload);
    put_header(s, SC_BIN, 4 * blocks);
    for (size_t i = 0; i < blocks; i++)
        put_number(s, 4, only_counts(s) ? 0 : s->j->sums.at[record->sums + i]);
}

/* INDEX-1, INDEX-2 */
static void put_index(struct sink *s) {
    const struct job *j = s->j;
    put_header(s, SC_MAP, j->with_digests ? 5 : 4);
    put_str(s, "alignment");
    put_header(s, SC_INT, j->alignment);
    put_str(s, "checksum");
    put_header(s, SC_BIN, 4);
    put_number(s, 4, j->checksum);
    put_str(s, "leaves");
    put_header(s, SC_ARRAY, j->order.count);
    for (size_t i = 0; i < j->order.count; i++) {
        const struct leaf *leaf = &j->leaves.at[j->order.at[i]];
        put_header(s, SC_ARRAY, 5);
        put_path(s, &j->nodes.at[leaf->node], NULL);
        put_str(s, kinds[leaf->kind].name);
        if (leaf->kind <= SCALAR) {
            put_type(s, leaf);
        } else {
            put_header(s, SC_NIL, 0);
            put_header(s, SC_NIL, 0);
        }
        put_header(s, SC_ARRAY, leaf->records);
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
