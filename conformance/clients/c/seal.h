/* Chapters 16 and 17: the seal and its footer, attached and detached. */

/* SEAL-4 to SEAL-6: a footer, which begins at `offset` and ends the file. */
static struct sc_footer read_footer(struct job *j, const unsigned char *p, uint64_t offset) {
    struct sc_footer f;
    int result = sc_read_footer(&j->core, p, offset, &f);
    snprintf(j->version, sizeof j->version, "%u.%u", f.major, f.minor);
    if (result != SC_ITEM)
        refuse(j, j->core.clause, j->core.offset);
    return f;
}

/*
 * SEAL-8: looks at the end of a file of this size, which begins at `start`, before it is read from the front, and
 * returns the offset of the seal. All of this is checked again when the seal is reached. Looked at first, it tells at
 * once that a file has been cut off, and that an index is damaged rather than wrong.
 */
static uint64_t look_at_end(struct job *j, FILE *file, off_t start, uint64_t size) {
    unsigned char bytes[1 << 12];
    require(j, size >= SC_FOOTER_BYTES, "SEAL-5", size);
    read_at(file, start + (off_t)size - SC_FOOTER_BYTES, bytes, SC_FOOTER_BYTES);
    struct sc_footer f = read_footer(j, bytes, size - SC_FOOTER_BYTES);
    if (!j->core.detached) {
        read_at(file, start + (off_t)f.seal, bytes, SC_SEAL_HEADER);
        require(j, sc_seal_length(bytes) == f.index, "SEAL-3", f.seal);
    }
    uint64_t at = size - SC_FOOTER_BYTES - f.index;
    uint32_t checksum = 0;
    for (uint64_t done = 0, piece; done < f.index; done += piece) {
        piece = f.index - done < sizeof bytes ? f.index - done : sizeof bytes;
        read_at(file, start + (off_t)(at + done), bytes, (size_t)piece);
        checksum = crc_add(checksum, bytes, (size_t)piece);
        if (!done)
            j->with_digests = *bytes != 0x84;       /* INDEX-1: a map of four has none */
    }
    require(j, checksum == f.checksum, "SEAL-4", at);
    return f.seal;
}

/* SEAL-2, SEAL-3: what stands behind the last record, or in the file of a detached seal. */
static void read_seal(struct job *j, uint64_t stream_size) {
    j->checksum = j->all;
    j->all = 0;
    j->summing = false;
    uint64_t length = j->core.detached ? j->core.end - SC_FOOTER_BYTES : sc_seal_length(take(j, SC_SEAL_HEADER));
    require(j, length <= j->core.end - j->position, "SEAL-3", stream_size);

    uint64_t start = j->position;
    j->summed = j->at;
    j->summing = true;
    read_index(j, length);
    sum_passed(j);
    end_block(j);
    j->summing = false;

    uint64_t offset = j->position;
    struct sc_footer f = read_footer(j, take(j, SC_FOOTER_BYTES), offset);
    require(j, f.seal == stream_size, j->core.detached ? "DETACHED-2" : "SEAL-4", offset);
    require(j, f.checksum == j->all, "SEAL-4", start);
    require(j, !has(j, 1), "SEAL-2", j->position);
}

static void print_seal(const struct job *j) {
    fprintf(j->out, ", \"seal\": {\"version\": \"%s\", \"alignment\": \"%" PRIu64 "\", \"checksum\": \"%08" PRIx32
            "\", \"metadata\": ", j->version, j->alignment, j->checksum);
    print_metadata(j->out, j->metadata.at);
    fputs(", \"digests\": ", j->out);
    if (j->digests.count)
        print_hex(j->out, j->digests.at, j->digests.count);
    else
        fputs("null", j->out);
    putc('}', j->out);
}

/* SEAL-3, SEAL-4 */
static void put_seal(struct sink *s) {
    struct job *j = s->j;
    struct sink counter = {.j = j};
    uint64_t offset = s->count;
    put_index(&counter);
    require(j, counter.count <= SC_MAX_INDEX_BYTES, "SEAL-3", SC_UNKNOWN);
    j->checksum = j->all;
    j->summing = false;
    if (s->file && j->with_digests)
        digest_tree(j);
    put_form(s, 0xc6, 4, counter.count + SC_FOOTER_BYTES + 1);

    j->all = 0;
    j->summing = true;
    put_index(s);
    end_block(j);
    uint32_t checksum = j->all;

    j->all = 0;
    put_number(s, 8, offset);
    put_number(s, 4, counter.count);
    put_number(s, 4, checksum);
    put_number(s, 2, 2);
    put_number(s, 2, 0);
    end_block(j);
    put_number(s, 4, j->all);
    put(s, sc_seal_magic, 16);
}
