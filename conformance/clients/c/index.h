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
    stated.size = count_elements(j, &stated, shape.offset) * dtypes[leaf->dtype].width;     /* LEAF-4 */

    const uint64_t *dimensions = j->dimensions.at + stated.dimensions;
    struct boxes b = {.axis = 0, .rows = UNKNOWN, .range = 1, .count = 1};      /* of an array that is not in parts */
    if (leaf->parts) {
        b = cut_array(dimensions, stated.rank, dtypes[leaf->dtype].width);
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
        require_of_record(j, get_number(bytes + 4 * i, 4) == j->sums.at[record->sums + i], "SUM-3",
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

/* ALIGN-5 */
static bool is_alignment(uint64_t n) {
    return n >= 64 && n <= 4096 && !(n & (n - 1));
}

/* INDEX-9: compares the digests with those of the leaves. On a pipe that of an array in parts is taken as it is. */
static void read_digests(struct job *j) {
    read_fixed_key(j, "digests", "INDEX-5");
    struct value digests = read_value(j, T_BIN, "INDEX-1");
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

    if (index.number == 5)
        read_digests(j);
    else
        j->digests.count = 0;
    j->strict = false;
    leave_body(j, outer);
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
