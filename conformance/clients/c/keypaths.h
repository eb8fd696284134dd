/* Chapter 02: key paths as nodes of a tree, and their display form. */

/*
 * Goes from *at to its child with this key, which is added where there is none. Returns NULL, or the clause that
 * forbids the key. It has been checked otherwise (KEY-3, KEY-4, WIRE-5).
 *
 * The children of a node form a search tree in which the SHA-256 of the key says where to turn, two bits at a time.
 * No choice of keys makes it deep: keys that share the first bits of their digests have to be looked for, and each
 * bit more doubles the work.
 */
static const char *go_to_child(struct job *j, uint32_t *at, const unsigned char *text, uint64_t length, bool number) {
    struct node *parent = &j->nodes.at[*at];
    unsigned char digest[32];
    uint32_t *link = &parent->children;
    for (unsigned bit = 0; *link; bit = (bit + 2) % 256) {
        struct node *n = &j->nodes.at[*link];
        if (n->length == length && !memcmp(j->texts.at + n->text, text, length)) {      /* KEY-2 */
            *at = *link;
            return n->number == number ? NULL : "TREE-3";   /* the keys 1 and "1" */
        }
        if (bit == 0) {         /* the first child is found, or added, without it */
            struct sha256 sha;
            sha_begin(&sha);
            sha_add(&sha, text, length);
            sha_end(&sha, digest);
        }
        link = &n->branch[digest[bit / 8] >> bit % 8 & 3];
    }

    if (j->nodes.count == UINT32_MAX || j->texts.count > UINT32_MAX)
        fail(3, "more keys than this program can hold");
    struct node fresh = {.parent = *at, .text = (uint32_t)j->texts.count, .length = (uint16_t)length,
                         .depth = parent->depth + 1, .number = number,
                         .path_bytes = (uint16_t)(parent->path_bytes + length)};
    *at = *link = (uint32_t)j->nodes.count;
    ADD(&j->nodes, fresh);
    MAKE_ROOM(&j->texts, length);
    memcpy(j->texts.at + j->texts.count, text, length);
    j->texts.count += length;
    return NULL;
}

/* The same for a key that has not been checked. */
static const char *go_to_checked(struct job *j, uint32_t *at, const unsigned char *text, uint64_t length, bool number) {
    const char *fault = sc_key_fault(j->nodes.at[*at].depth, j->nodes.at[*at].path_bytes, text, length);
    return fault ? fault : go_to_child(j, at, text, length, number);
}

/* STREAM-4, STREAM-5: the clause that forbids a leaf at a node, or NULL. */
static const char *find_clash(const struct job *j, uint32_t node) {
    const struct node *n = &j->nodes.at[node];
    const char *clash = n->leaf ? "STREAM-4" : n->children ? "STREAM-5" : NULL;
    for (; node != ROOT && !clash; node = j->nodes.at[node].parent)
        clash = j->nodes.at[node].leaf ? "STREAM-5" : NULL;
    return clash;
}

static void add_leaf(struct job *j, const struct leaf *leaf) {
    struct node *n = &j->nodes.at[leaf->node];
    ADD(&j->leaves, *leaf);
    n->leaf = (uint32_t)j->leaves.count;
}

/* FLAX-8: whether the paths of all leaves are too long for a file of this size. */
static bool paths_too_long(const struct job *j, uint64_t size) {
    return size < UINT64_MAX / 128 && j->path_cost > (UINT64_C(1) << 20) + 64 * size;
}

/* KEY-5: characters that are shown as \u and four digits. */
static bool is_escaped(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* A valid text inside a JSON string, as it is or (KEY-5) in display form. */
static void print_text(FILE *out, const unsigned char *p, size_t length, bool display) {
    size_t taken;
    for (const unsigned char *end = p + length; p < end; p += taken) {
        uint32_t c = utf8_first(p, &taken);
        const char *escape = c == '\\' ? (display ? "\\\\\\\\" : "\\\\") : c == '"' ? "\\\""
                           : c == '/' && display ? "\\\\/" : NULL;
        if (is_escaped(c))
            fprintf(out, "%s\\u%04x", display ? "\\" : "", (unsigned)c);
        else if (escape)
            fputs(escape, out);
        else
            for (size_t i = 0; i < taken; i++)
                putc_unlocked(p[i], out);
    }
}

/* The key path of a node, no deeper than SC_MAX_PARTS: in display form, or as a list of strings. */
static void print_path(FILE *out, const struct job *j, uint32_t node, bool display) {
    const struct node *n = &j->nodes.at[node];
    if (n->parent != ROOT) {
        print_path(out, j, n->parent, display);
        fputs(display ? "/" : "\", \"", out);
    }
    print_text(out, j->texts.at + n->text, n->length, display);
}
