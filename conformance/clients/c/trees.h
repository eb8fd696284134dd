/* Chapter 07: a tree, written in its order. */

/* TREE-4, TREE-5: links the nodes that lead to a leaf which is to be written. */
static void link_tree(struct job *j) {
    /* A child has a higher number than its parent, and than the siblings before it. */
    for (uint32_t at = (uint32_t)j->nodes.count - 1; at > ROOT; at--) {
        struct node *n = &j->nodes.at[at], *parent = &j->nodes.at[n->parent];
        if (n->leaf ? j->leaves.at[n->leaf - 1].kind == EMPTY && !j->keep_empty : !n->first)
            continue;
        if (n->leaf)
            j->path_cost += n->path_bytes + 8u * n->depth;
        n->next = parent->first;
        parent->first = at;
    }
}

/*
 * TREE-5, FLAX-7: the leaves of a subtree, which is no deeper than SC_MAX_PARTS: each as a record, or all in a map.
 */
static void put_subtree(struct sink *s, uint32_t top) {
    struct job *j = s->j;
    uint64_t entries = 0;
    for (uint32_t child = j->nodes.at[top].first; child; child = j->nodes.at[child].next)
        entries++;
    if (j->flax)
        put_header(s, SC_MAP, entries);
    for (uint32_t child = j->nodes.at[top].first; child; child = j->nodes.at[child].next) {
        const struct node *n = &j->nodes.at[child];
        j->here = child;
        /* FLAX-3; TREE-4: not of an empty node that is left out, which is not in the file. */
        require(j, !j->flax || !text_is(j->texts.at + n->text, n->length, SC_MARKER), "FLAX-3", SC_UNKNOWN);
        uint64_t part, parts;
        require(j, !j->sealed || !sc_part_key(j->texts.at + n->text, n->length, &part, &parts), "PART-3", SC_UNKNOWN);
        if (j->flax)
            put_key(s, n);
        struct leaf *leaf = n->leaf ? &j->leaves.at[n->leaf - 1] : NULL;
        if (!leaf) {
            put_subtree(s, child);
        } else if (j->flax) {
            put_leaf(s, leaf, j->dimensions.at + leaf->dimensions);
        } else {
            size_t record = j->records.count;
            put_records(s, n, leaf);
            leaf->record = record;
            leaf->records = j->records.count - record;
            ADD(&j->order, n->leaf - 1);
            if (j->with_digests && s->file)
                digest_leaf(j, leaf);
        }
    }
    j->here = ROOT;
}

/* The whole tree, onto a file or only counted; returns how many bytes it takes. */
static uint64_t put_tree(struct job *j, FILE *file) {
    struct sink s = {.j = j, .file = file};
    j->records.count = j->order.count = 0;
    j->summing = j->sealed;
    put_subtree(&s, ROOT);
    if (j->sealed)
        put_seal(&s);
    return s.count;
}
