/* Chapters 02 and 10: key paths, dtypes and shapes as they are written, and the digests that begin with them. */

/* INDEX-2, DELTA-4: dtype and shape of an array or scalar. */
static void put_type(struct sink *s, const struct leaf *leaf) {
    put_str(s, sc_dtypes[leaf->dtype].tag);
    put_dimensions(s, s->j->dimensions.at + leaf->dimensions, leaf->rank);
}

static void put_key(struct sink *s, const struct node *n) {
    put_header(s, SC_STR, n->length);
    put(s, s->j->texts.at + n->text, n->length);
}

/* The keys on the way to a node, no deeper than SC_MAX_PARTS. */
static void put_keys(struct sink *s, const struct node *n) {
    if (n->parent != ROOT)
        put_keys(s, &s->j->nodes.at[n->parent]);
    put_key(s, n);
}

/* KEY-1; PART-3: that of a part has one key more, or else `part` is NULL. */
static void put_path(struct sink *s, const struct node *n, const struct array_part *part) {
    char text[64];
    put_header(s, SC_ARRAY, n->depth + (part ? 1u : 0u));
    put_keys(s, n);
    if (!part)
        return;
    snprintf(text, sizeof text, "__part_%" PRIu64 "_of_%" PRIu64 "__", part->number, part->count);
    put_str(s, text);
}

/* DELTA-4: begins the digest of a leaf with all that stands before its content. */
static void begin_digest(struct job *j, const struct leaf *leaf) {
    struct sink s = {.j = j, .sha = &j->digest};
    sha_begin(&j->digest);
    put_path(&s, &j->nodes.at[leaf->node], NULL);
    put_str(&s, kinds[leaf->kind].name);
    if (leaf->kind <= SCALAR)
        put_type(&s, leaf);
}

/* Adds the digest that has been begun to the list of all. */
static void add_digest(struct job *j) {
    MAKE_ROOM(&j->digests, 32);
    sha_end(&j->digest, j->digests.at + j->digests.count);
    j->digests.count += 32;
}

static int compare_digests(const void *a, const void *b) {
    return memcmp(a, b, 32);
}

/* DELTA-5: adds the digest of the tree to those of its leaves. */
static void digest_tree(struct job *j) {
    size_t size = j->digests.count;
    struct sha256 sha;
    MAKE_ROOM(&j->digests, size + 32);
    unsigned char *sorted = j->digests.at + size;
    memcpy(sorted, j->digests.at, size);
    qsort(sorted, size / 32, 32, compare_digests);
    sha_begin(&sha);
    sha_add(&sha, sorted, size);
    sha_end(&sha, sorted);
    j->digests.count += 32;
}

/*
 * DELTA-4: the digest of an array in parts, whose shape has become known behind them. Where the input is a file its
 * payload is read once more.
 */
static void digest_parts(struct job *j, const struct leaf *leaf, unsigned char digest[32]) {
    unsigned char bytes[1 << 16];
    off_t back = ftello(j->in);
    begin_digest(j, leaf);
    uint64_t left = leaf->size;
    for (const struct range *range = j->ranges.at + leaf->ranges; left; range++)
        for (uint64_t done = 0, piece; done < range->size; done += piece, left -= piece) {
            piece = range->size - done < sizeof bytes ? range->size - done : sizeof bytes;
            read_at(j->in, j->start + (off_t)(range->offset + done), bytes, (size_t)piece);
            sha_add(&j->digest, bytes, (size_t)piece);
        }
    sha_end(&j->digest, digest);
    if (fseeko(j->in, back, SEEK_SET))
        fail(3, strerror(errno));
}
