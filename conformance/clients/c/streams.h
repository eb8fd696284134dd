/* Chapters 05 and 06: records, read and written. */

/*
 * Reads a key and goes to its node. KEY-3, KEY-4, WIRE-5: a limit is passed by what begins at `path_offset`, a text
 * that is not UTF-8 is at fault itself.
 */
static uint32_t read_key(struct job *j, uint32_t parent, const struct value *key, uint64_t path_offset) {
    bool fits = key->number <= MAX_PATH_BYTES;  /* if not, it is refused for its length alone */
    const unsigned char *text = fits ? take(j, (size_t)key->number) : NULL;
    const char *fault = go_to_child(j, &parent, text, key->number, false);
    if (fault)
        refuse(j, fault, !strcmp(fault, "WIRE-5") ? key->offset : path_offset);
    return parent;
}

/* KEY-1: reads a key path and goes to its node. PART-3: that of a part to the node of its leaf. */
static uint32_t read_path(struct job *j, struct array_part *part, uint64_t record_offset) {
    uint32_t node = ROOT;
    struct value path = read_value(j, T_ARRAY, "KEY-1");
    require(j, path.number, "KEY-1", path.offset);
    require(j, path.number <= MAX_PARTS + (uint64_t)j->sealed, "KEY-3", path.offset);
    for (uint64_t i = 0; i < path.number; i++) {
        struct value key = read_value(j, T_STR, "KEY-1");
        if (j->sealed && key.number <= MAX_PATH_BYTES &&
            is_part_key(peek(j, (size_t)key.number), (size_t)key.number, part)) {
            require(j, i && i == path.number - 1, "PART-3", record_offset);
            require(j, part->count, "PART-2", record_offset);
            take(j, (size_t)key.number);
        } else {
            node = read_key(j, node, &key, path.offset);
        }
    }
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
        ADD(&j->records, ((struct record){.offset = j->position, .payload = UNKNOWN, .sums = j->sums.count}));
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
    struct array_part part = {0, 0};
    j->here = ROOT;             /* the key path is not known before it has been read */
    if (j->sealed)
        j->top = j->position;
    require(j, !j->sealed || !j->position || *peek(j, 1) == 0x92, "SEAL-1", j->position);
    begin_record(j);
    struct value record = read_value(j, T_ARRAY, "REC-1");
    require(j, record.number == 2, "REC-1", record.offset);
    uint32_t node = j->here = read_path(j, &part, record.offset);
    follow_parts(j, node, &part, record.offset);
    const char *clash = part.number ? NULL : find_clash(j, node);
    require(j, !clash, clash, record.offset);

    struct value blob = read_value(j, T_BIN, "REC-2");
    uint64_t outer = enter_body(j, &blob);
    struct value v = read_value(j, T_ALL & ~T_ARRAY, "LEAF-1");
    if (v.type == T_MAP && v.number) {
        struct value key = read_value(j, T_ALL, "LEAF-1");
        require(j, is_str(j, &key, MARKER), "LEAF-1", v.offset);
    }
    read_leaf(j, &v, node, &part);
    leave_body(j, outer);
    end_record(j);
}

/* REC-1 to REC-4: a record, of an array in parts one part. */
static void put_record(struct sink *s, const struct node *n, const struct leaf *leaf, const uint64_t *dimensions,
                       const struct array_part *part) {
    struct job *j = s->j;
    struct record record = {.offset = s->count, .sums = j->sums.count};
    if (j->sealed && !s->count)
        put(s, MARK, MARK_BYTES);
    else
        put_header(s, T_ARRAY, 2);
    put_path(s, n, part);

    require(j, leaf->size <= UINT32_MAX, "REC-3", UNKNOWN);
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
        require(j, blob.count <= UINT32_MAX, "REC-3", UNKNOWN);
        if (blob.count > INT32_MAX && s->file)
            fprintf(stderr, "client: warning: a leaf of more than 2^31 - 1 bytes, which some loaders refuse\n");
        put_header(s, T_BIN, blob.count);
        put_leaf(s, leaf, dimensions);
    }

    if (!j->sealed)
        return;
    end_block(j);
    record.size = s->count - record.offset;
    record.payload = leaf->kind <= SCALAR ? s->payload - record.offset : UNKNOWN;
    ADD(&j->records, record);
}

/* PART-1, PART-2: the record of a leaf, or those of the parts of an array. */
static void put_records(struct sink *s, const struct node *n, const struct leaf *leaf) {
    const uint64_t *dimensions = s->j->dimensions.at + leaf->dimensions;
    if (!s->j->sealed || leaf->kind != NDARRAY || leaf->size <= WHOLE_BYTES) {
        put_record(s, n, leaf, dimensions, NULL);
        return;
    }
    require(s->j, leaf->size / BLOCK_BYTES * 4 <= MAX_INDEX_BYTES, "SEAL-3", UNKNOWN);
    struct boxes b = cut_array(dimensions, leaf->rank, dtypes[leaf->dtype].width);
    struct leaf box = *leaf;
    for (struct array_part part = {0, b.count}; part.number < part.count; part.number++) {
        uint64_t shape[MAX_DIMENSIONS];
        box.size = dtypes[leaf->dtype].width;
        for (unsigned i = 0; i < leaf->rank; i++)
            box.size *= shape[i] = box_dimension(&b, dimensions, part.number, i);
        put_record(s, n, &box, shape, &part);
        box.start += box.size;
    }
}
