/* Chapter 14: metadata, read, printed and written. */

/* META-3: so many values more are not too many. */
static void limit_values(struct job *j, uint64_t more, uint64_t offset) {
    j->metadata_values += more;
    require(j, j->metadata_values <= SC_MAX_META_VALUES, "META-3", offset);
}

/* META-2: whether a text, of which both have been kept, comes before another one; `a` and `b` are their places. */
static bool in_order(const struct bytes *kept, size_t a, size_t a_length, size_t b, size_t b_length) {
    int order = memcmp(kept->at + a, kept->at + b, a_length < b_length ? a_length : b_length);
    return order < 0 || (!order && a_length < b_length);
}

/* META-1, META-2: reads a value of the metadata, and keeps its bytes. It calls itself no deeper than META-3 allows. */
static void read_metadata(struct job *j) {
    struct sc_item v = read_next(j);
    pass_body(j, &v, false);
    size_t before = 0, before_length = 0;       /* the key of the entry before */
    for (uint64_t i = 0; v.type & (SC_ARRAY | SC_MAP) && i < v.number; i++) {
        if (v.type == SC_MAP) {
            struct sc_item key = read_next(j);
            size_t text = j->metadata.count;
            pass_body(j, &key, false);
            require(j, !i || in_order(&j->metadata, before, before_length, text, (size_t)key.number),
                    "META-2", key.offset);
            before = text;
            before_length = (size_t)key.number;
        }
        read_metadata(j);
    }
}

/* A header that has been checked and stands at `p`; returns where it ends. */
static const unsigned char *parse_header(const unsigned char *p, struct sc_item *v) {
    const unsigned form = sc_find_form(*p);
    sc_header(p, form, v);
    return p + v->used;
}

/* Prints the value of metadata that stands at `p` and has been checked; returns where it ends. */
static const unsigned char *print_metadata(FILE *out, const unsigned char *p) {
    struct sc_item v, key;
    p = parse_header(p, &v);
    const char *kind = v.type == SC_ARRAY ? "list" : v.type == SC_MAP ? "map" : NULL;
    for (int i = 0; !kind; i++)
        kind = kinds[i].type == v.type ? kinds[i].name : NULL;
    fprintf(out, "{\"kind\": \"%s\"%s", kind, v.type == SC_NIL ? "" : ", \"value\": ");
    if (v.type == SC_BOOL)
        fputs(v.number ? "true" : "false", out);
    else if (v.type == SC_INT)
        print_int(out, v.number, v.negative);
    else if (v.type == SC_FLOAT)
        fprintf(out, "\"%016" PRIx64 "\"", v.number);
    else if (v.type == SC_STR)
        print_str(out, p, (size_t)v.number);
    else if (v.type == SC_BIN)
        print_hex(out, p, (size_t)v.number);
    if (v.type == SC_STR || v.type == SC_BIN)
        p += v.number;

    bool nests = v.type == SC_ARRAY || v.type == SC_MAP;
    fputs(nests ? "[" : "", out);
    for (uint64_t i = 0; nests && i < v.number; i++) {
        fputs(i ? ", " : "", out);
        if (v.type == SC_MAP) {
            p = parse_header(p, &key);
            putc('[', out);
            print_str(out, p, (size_t)key.number);
            fputs(", ", out);
            p += key.number;
        }
        p = print_metadata(out, p);
        fputs(v.type == SC_MAP ? "]" : "", out);
    }
    fputs(nests ? "]}" : "}", out);
    return p;
}

/* Whether an item of a map of metadata is a list of a text and a value. */
static bool is_pair(const struct json *item) {
    return item->type == '[' && item->count > 2 && item[1].type == '"' && item->count == 2 + item[2].count;
}

/* META-2 */
static int compare_pairs(const void *a, const void *b) {
    const struct json *x = *(struct json *const *)a + 1, *y = *(struct json *const *)b + 1;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* META-1 to META-3: writes a value of the metadata, the entries of a map in their order. */
static void put_metadata(struct sink *s, struct json *value, unsigned depth) {
    struct job *j = s->j;
    const struct json *kind = member(value, "kind", '"');
    struct json *content = member(value, "value", 0);
    bool map = is_text(kind, "map");
    if (map || is_text(kind, "list")) {
        require(j, (map || depth) && content && content->type == '[', "META-1", SC_UNKNOWN);
        require(j, depth < SC_MAX_META_DEPTH, "META-3", SC_UNKNOWN);
        size_t first = j->pairs.count, count = 0;
        for (struct json *item = content + 1; item < content + content->count; item += item->count) {
            require(j, !map || is_pair(item), "META-1", SC_UNKNOWN);
            require(j, !map || sc_utf8_valid(item[1].text, item[1].length), "WIRE-5", SC_UNKNOWN);
            ADD(&j->pairs, item);
            count++;
        }
        limit_values(j, (depth ? 0 : 1) + count, SC_UNKNOWN);
        if (map && count)
            qsort(j->pairs.at + first, count, sizeof *j->pairs.at, compare_pairs);
        put_header(s, map ? SC_MAP : SC_ARRAY, count);
        for (size_t i = first; i < first + count; i++) {
            struct json *item = j->pairs.at[i];
            if (map) {
                require(j, i == first || compare_pairs(&j->pairs.at[i - 1], &j->pairs.at[i]), "META-2", SC_UNKNOWN);
                put_header(s, SC_STR, item[1].length);
                put(s, item[1].text, item[1].length);
            }
            put_metadata(s, map ? item + 2 : item, depth + 1);
        }
        j->pairs.count = first;
        return;
    }

    static const unsigned char allowed[] = {NIL, BOOL, INT, FLOAT, STR, BIN};
    size_t i = 0;
    while (i < sizeof allowed && !is_text(kind, kinds[allowed[i]].name))
        i++;
    require(j, depth && i < sizeof allowed, "META-1", SC_UNKNOWN);
    struct leaf leaf = {.kind = allowed[i]};
    if (leaf.kind == STR || leaf.kind == BIN) {
        require(j, leaf.kind == STR ? content && content->type == '"' : parse_hex(content), "META-1", SC_UNKNOWN);
        require(j, leaf.kind == BIN || sc_utf8_valid(content->text, content->length), "WIRE-5", SC_UNKNOWN);
        leaf.payload = content->text;
        leaf.size = content->length;
    } else {
        require(j, parse_value(content, &leaf), "META-1", SC_UNKNOWN);
    }
    put_leaf(s, &leaf, NULL);
}
