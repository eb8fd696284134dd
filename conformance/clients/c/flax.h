/* Chapter 08: standard flax files, read. */

static void read_flax_leaf(struct job *j, const struct value *v, uint32_t node) {
    read_leaf(j, v, node, &(struct array_part){0, 0});
    j->path_cost += j->nodes.at[node].path_bytes + 8u * j->nodes.at[node].depth;
    require(j, !paths_too_long(j, j->limit), "FLAX-8", v->offset);
}

/*
 * FLAX-2 to FLAX-5: the entries of a map that has some, or the chunked array that it is. It calls itself no deeper
 * than MAX_PARTS (KEY-3).
 */
static void read_flax_map(struct job *j, const struct value *map, uint32_t parent) {
    for (uint64_t i = 0; i < map->number; i++) {
        struct value key = read_value(j, T_STR, "FLAX-2");
        if (is_str(j, &key, MARKER)) {
            require(j, !i && parent != ROOT, "FLAX-3", key.offset);
            read_flax_leaf(j, map, parent);
            return;
        }
        size_t known = j->nodes.count;
        uint32_t node = j->here = read_key(j, parent, &key, key.offset);
        require(j, node >= known, "FLAX-5", key.offset);
        struct value v = read_value(j, T_ALL & ~T_ARRAY, "FLAX-4");
        if (v.type == T_MAP && v.number)
            read_flax_map(j, &v, node);
        else
            read_flax_leaf(j, &v, node);
        j->here = parent;
    }
}
