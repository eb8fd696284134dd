/* Chapter 04: leaves, read and written. */

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
        put_header(s, SC_ARRAY, 2);
        put_header(s, SC_FLOAT, leaf->number[0]);
        put_header(s, SC_FLOAT, leaf->number[1]);
    } else {
        put_header(s, leaf->negative ? SC_NEGATIVE : kinds[leaf->kind].type, leaf->number[0]);
    }
}

/*
 * Adds a leaf that has been read and begins at `offset`. PART-4: a part of an array that is not the first one continues
 * the leaf that has been added last.
 */
static void end_leaf(struct job *j, const struct leaf *leaf, const struct array_part *part, uint64_t offset) {
    require(j, !leaf->parts || leaf->kind == NDARRAY, "PART-1", offset);
    if (!part->number) {
        add_leaf(j, leaf);
        if (j->with_digests)    /* that of an array in parts is made later, and takes this place */
            add_digest(j);
    }
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

/* DELTA-6: the digest of a leaf without a dtype as far as the body of a str or bin, in its canonical encoding. */
static void digest_value(struct job *j, const struct leaf *leaf) {
    struct sink s = {.j = j, .sha = &j->digest};
    if (!j->digesting)
        return;
    begin_digest(j, leaf);
    if (leaf->kind <= BIN)
        put_header(&s, kinds[leaf->kind].type, leaf->size);
    else
        put_leaf(&s, leaf, NULL);
}

/* LEAF-1: reads the leaf, or the part of one, that a value begins; a map is an empty one or is chunked. */
static void read_leaf(struct job *j, const struct sc_item *v, uint32_t node, const struct array_part *part) {
    struct leaf leaf = {.node = node, .dtype = SC_DTYPES, .number = {v->number}, .negative = v->negative,
                        .dimensions = j->dimensions.count, .size = v->number,
                        .parts = part->count, .ranges = j->ranges.count};
    while (kinds[leaf.kind].type != v->type || kinds[leaf.kind].ext != v->ext)
        leaf.kind++;
    if (j->core.kind == SC_MARKED)
        leaf.kind = NDARRAY;
    if (!part->number)
        sha_begin(&j->sha);
    j->digesting = j->with_digests && !leaf.parts;
    if (leaf.kind <= SCALAR) {
        read_array(j, &leaf);
    } else if (leaf.kind <= BIN) {
        digest_value(j, &leaf);
        pass_body(j, v, true);
    } else {
        if (leaf.kind == COMPLEX) {             /* LEAF-7 */
            read_next(j);
            leaf.number[0] = read_next(j).number;
            leaf.number[1] = read_next(j).number;
        }
        digest_value(j, &leaf);
    }
    end_leaf(j, &leaf, part, v->offset);
    read_next(j);                                    /* WIRE-6: nothing is left of the record */
}

/* DELTA-4, DELTA-6 */
static void digest_leaf(struct job *j, const struct leaf *leaf) {
    struct sink s = {.j = j, .sha = &j->digest};
    begin_digest(j, leaf);
    if (leaf->kind <= SCALAR)
        put_payload(&s, leaf, 0, leaf->size);
    else
        put_leaf(&s, leaf, NULL);
    add_digest(j);
}
