/* What an encoder is to write. */

/* KEY-6: goes along a key path in display form, whose parts are decoded over themselves. */
static const char *go_along_display(struct job *j, uint32_t *node, const struct json *path) {
    unsigned char *p = path->text, *end = p + path->length, *part = p, *to = p;
    for (;;) {
        if (p == end || *p == '/') {
            const char *fault = go_to_checked(j, node, part, (size_t)(to - part), false);
            if (fault || p == end)
                return fault;
            part = to = ++p;
        } else if (*p != '\\') {
            *to++ = *p++;
        } else if (end - p >= 2 && (p[1] == '\\' || p[1] == '/')) {
            *to++ = p[1];
            p += 2;
        } else {
            int32_t c = end - p >= 6 && p[1] == 'u' ? hex_four(p + 2) : -1;
            if (c < 0 || (c >= 0xd800 && c < 0xe000))
                return "KEY-6";
            to += utf8_put(to, (uint32_t)c);
            p += 6;
        }
    }
}

/* TREE-2, TREE-3: goes along a list of keys, each a text or an integer. */
static const char *go_along_list(struct job *j, uint32_t *node, const struct json *path) {
    const char *fault = NULL;
    for (const struct json *key = path + 1; !fault && key < path + path->count; key += key->count) {
        uint64_t number;
        bool negative = !key->type && *key->text == '-';
        if (key->type == '"')
            fault = go_to_checked(j, node, key->text, key->length, false);
        else if (key->type || !parse_decimal(key->text + negative, key->length - negative, &number))
            return "TREE-3";
        else if (negative && !number)   /* -0 is 0 */
            fault = go_to_checked(j, node, key->text + 1, 1, true);
        else
            fault = go_to_checked(j, node, key->text, key->length, true);
    }
    return fault;
}

/* The node at the end of a record's key path, where no leaf stands in the way. */
static uint32_t parse_path(struct job *j, const struct json *path) {
    uint32_t node = ROOT;
    const char *fault = !path ? "KEY-1" : path->type == '"' ? go_along_display(j, &node, path)
                      : path->type == '[' ? go_along_list(j, &node, path) : "KEY-1";
    require(j, !fault, fault, SC_UNKNOWN);
    require(j, node != ROOT, "KEY-1", SC_UNKNOWN);
    j->here = node;
    fault = find_clash(j, node);
    require(j, !fault, fault, SC_UNKNOWN);
    return node;
}

/* The dtype and the shape, which a scalar need not have, and from them the size. */
static void parse_array(struct job *j, struct json *record, struct leaf *leaf) {
    const struct json *tag = member(record, "dtype", '"'), *shape = member(record, "shape", '[');
    const unsigned dtype = tag ? sc_find_dtype(tag->text, tag->length) : SC_DTYPES;
    require(j, dtype < SC_DTYPES, "DTYPE-7", SC_UNKNOWN);
    leaf->dtype = (unsigned char)dtype;
    require(j, shape || leaf->kind == SCALAR, "LEAF-3", SC_UNKNOWN);
    for (const struct json *d = shape ? shape + 1 : NULL; d && d < shape + shape->count; d += d->count) {
        uint64_t dimension = 0;
        require(j, leaf->rank < SC_MAX_DIMENSIONS && d->type == '"' &&
                parse_decimal(d->text, d->length, &dimension), "LEAF-3", SC_UNKNOWN);
        ADD(&j->dimensions, dimension);
        leaf->rank++;
    }
    require(j, leaf->kind == NDARRAY || !leaf->rank, "LEAF-6", SC_UNKNOWN);
    leaf->size = count_elements(j, leaf, SC_UNKNOWN) * sc_dtypes[dtype].width;
}

/* DTYPE-4, DTYPE-5: an element of one byte without the bits that carry no meaning. */
static unsigned char clean_byte(unsigned char byte, unsigned dtype) {
    return sc_dtypes[dtype].mask ? byte & sc_dtypes[dtype].mask : byte != 0;
}

/* DTYPE-3 to DTYPE-6: turns the bytes of each word round where they are big-endian. */
static void normalise(unsigned char *p, const struct leaf *leaf, bool big) {
    unsigned word = sc_dtypes[leaf->dtype].word;
    for (uint64_t at = 0; word == 1 && at < leaf->size; at++)
        p[at] = clean_byte(p[at], leaf->dtype);
    for (uint64_t at = 0; big && at < leaf->size; at += word)
        for (unsigned i = 0; i < word / 2; i++) {
            unsigned char byte = p[at + i];
            p[at + i] = p[at + word - 1 - i];
            p[at + word - 1 - i] = byte;
        }
}

/* The payload of an array or scalar, whose size is known, or the value of a str or bin. */
static void parse_payload(struct job *j, struct json *record, struct leaf *leaf) {
    bool array = leaf->kind <= SCALAR;
    struct json *fill = member(record, "fill", 0);
    if (fill) {
        const struct json *bytes = member(record, "bytes", '"');
        require(j, parse_hex(fill) && fill->length && fill->length <= UINT16_MAX, "LEAF-5", SC_UNKNOWN);
        require(j, array || (bytes && parse_decimal(bytes->text, bytes->length, &leaf->size) == 1), "LEAF-1", SC_UNKNOWN);
        leaf->payload = fill->text;
        leaf->cycle = (uint16_t)fill->length;
        leaf->turned = 1;
        if (array && is_text(member(record, "byte_order", 0), "big"))
            leaf->turned = sc_dtypes[leaf->dtype].word;
        for (size_t i = 0; array && sc_dtypes[leaf->dtype].word == 1 && i < fill->length; i++)
            fill->text[i] = clean_byte(fill->text[i], leaf->dtype);
        /* Each time it begins with a character, so each time it has to end with one. */
        bool whole = leaf->size < fill->length || sc_utf8_valid(fill->text, fill->length);
        bool text = whole && sc_utf8_valid(fill->text, leaf->size % fill->length);
        require(j, leaf->kind != STR || text, "WIRE-5", SC_UNKNOWN);
        return;
    }
    struct json *payload = member(record, array ? "payload" : "value", '"');
    require(j, payload && (leaf->kind == STR || parse_hex(payload)), array ? "LEAF-5" : "LEAF-1", SC_UNKNOWN);
    require(j, !array || payload->length == leaf->size, "LEAF-5", SC_UNKNOWN);
    require(j, leaf->kind != STR || sc_utf8_valid(payload->text, payload->length), "WIRE-5", SC_UNKNOWN);
    leaf->payload = payload->text;
    leaf->size = payload->length;
    if (array)
        normalise(payload->text, leaf, is_text(member(record, "byte_order", 0), "big"));
}

/* The bits of a float, which is 16 hexadecimal digits. */
static bool parse_float(struct json *value, uint64_t *bits) {
    bool valid = parse_hex(value) && value->length == 8;
    for (int i = 0; valid && i < 8; i++)
        *bits = *bits << 8 | value->text[i];
    return valid;
}

/* The value of a leaf without a payload; false where it is none of this kind. */
static bool parse_value(struct json *value, struct leaf *leaf) {
    uint64_t *number = leaf->number;
    char type = value ? value->type : 'n';
    if (leaf->kind == BOOL) {
        *number = type == 't';
        return type == 't' || type == 'f';
    }
    if (leaf->kind == INT) {
        leaf->negative = type == '"' && *value->text == '-';
        if (type != '"' || parse_decimal(value->text + leaf->negative, value->length - leaf->negative, number) != 1)
            return false;
        *number = leaf->negative ? -*number : *number;
        return !leaf->negative || *number > INT64_MAX;          /* -2^63 to -1 */
    }
    if (leaf->kind == FLOAT)
        return parse_float(value, number);
    return leaf->kind != COMPLEX || (type == '[' && value->count == 3 && parse_float(value + 1, number) &&
                                     parse_float(value + 2, number + 1));
}

/* LEAF-1: reads a record and adds its leaf. */
static void parse_record(struct job *j, struct json *record) {
    j->here = ROOT;
    struct leaf leaf = {.node = parse_path(j, member(record, "path", 0)), .dimensions = j->dimensions.count};
    const struct json *kind = member(record, "kind", 0);
    while (leaf.kind < KIND_COUNT && !is_text(kind, kinds[leaf.kind].name))
        leaf.kind++;
    require(j, leaf.kind < KIND_COUNT, "LEAF-1", SC_UNKNOWN);
    if (leaf.kind <= SCALAR)
        parse_array(j, record, &leaf);
    if (leaf.kind <= BIN)
        parse_payload(j, record, &leaf);
    else
        require(j, parse_value(member(record, "value", 0), &leaf),
                leaf.kind == FLOAT ? "LEAF-8" : leaf.kind == COMPLEX ? "LEAF-7" : "LEAF-1", SC_UNKNOWN);
    add_leaf(j, &leaf);
}

static void read_request(struct job *j) {
    do {
        MAKE_ROOM(&j->request, BUFFER_SIZE);
        j->request.count += fread(j->request.at + j->request.count, 1, BUFFER_SIZE, j->in);
        if (ferror(j->in))
            fail(3, strerror(errno));
    } while (!feof(j->in));
    MAKE_ROOM(&j->request, 1);
    j->request.at[j->request.count] = 0;
    j->cursor = j->request.at;
    if (!sc_utf8_valid(j->request.at, j->request.count))
        fail_json();
    json_value(j, 0);
    if (json_peek(j) || j->cursor != j->request.at + j->request.count)
        fail_json();

    struct json *records = member(j->values.at, "records", '[');
    const struct json *empty_nodes = member(j->values.at, "empty_nodes", '"');
    j->keep_empty = is_text(empty_nodes, "keep");
    if (!records || (!j->keep_empty && !is_text(empty_nodes, "leave out")))
        fail_json();
    for (struct json *record = records + 1; record < records + records->count; record += record->count)
        parse_record(j, record);
}
