/* Chapter 08: standard flax files, read. */

static void read_flax_leaf(struct job *j, const struct sc_item *v, uint32_t node) {
    read_leaf(j, v, node, &(struct array_part){0, 0});
    j->path_cost += j->nodes.at[node].path_bytes + 8u * j->nodes.at[node].depth;
    require(j, !paths_too_long(j, j->core.end), "FLAX-8", v->offset);
}

/* FLAX-2, FLAX-3: the key of an entry; false where it is the marker of a chunked array. */
static bool read_flax_key(struct job *j, uint32_t *node, bool marker_allowed) {
    struct sc_item key = read_value(j, SC_STR, "FLAX-2");
    bool fits = key.number <= SC_MAX_PATH_BYTES;        /* if not, it is refused for its length alone */
    const unsigned char *text = fits ? take_body(j, &key) : NULL;
    if (text && text_is(text, (size_t)key.number, SC_MARKER)) {
        require(j, marker_allowed, "FLAX-3", key.offset);
        return false;
    }
    size_t known = j->nodes.count;
    const char *fault = go_to_checked(j, node, text, key.number, false);
    require(j, !fault, fault, key.offset);
    j->here = *node;
    require(j, *node >= known, "FLAX-5", key.offset);
    return true;
}

/*
 * FLAX-4, FLAX-5: the entries of a map that has some, or the chunked array that it is. It calls itself no deeper
 * than SC_MAX_PARTS (KEY-3).
 */
static void read_flax_map(struct job *j, const struct sc_item *map, uint32_t parent) {
    for (uint64_t i = 0; i < map->number; i++) {
        uint32_t node = parent;
        if (!read_flax_key(j, &node, !i && parent != ROOT)) {
            if (sc_marked(&j->core) != SC_ITEM)         /* LEAF-10 */
                refuse(j, j->core.clause, j->core.offset);
            read_flax_leaf(j, map, parent);
            return;
        }
        struct sc_item v = read_value(j, SC_ALL & ~SC_ARRAY, "FLAX-4");
        if (sc_leaf(&j->core, &v) != SC_ITEM)           /* LEAF-1 */
            refuse(j, j->core.clause, j->core.offset);
        j->core.position += v.body;
        if (v.type == SC_MAP && v.number)
            read_flax_map(j, &v, node);
        else
            read_flax_leaf(j, &v, node);
        j->here = parent;
    }
}
