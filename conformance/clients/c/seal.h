/* Chapters 16 and 17: the seal and its footer, attached and detached. */

/* SEAL-4: the offset of the seal, how many bytes the index has, and its checksum. */
struct footer { uint64_t seal, index; uint32_t checksum; };

/* SEAL-4 to SEAL-6, in the order of SEAL-9: a footer, which begins at `offset` and ends the file. */
static struct footer read_footer(struct job *j, const unsigned char *p, uint64_t offset) {
    struct footer f = {get_number(p, 8), get_number(p + 8, 4), (uint32_t)get_number(p + 12, 4)};
    unsigned major = (unsigned)get_number(p + 16, 2), minor = (unsigned)get_number(p + 18, 2);
    require(j, !memcmp(p + 24, SEAL_MAGIC, 16), "SEAL-5", offset + FOOTER_BYTES);
    require(j, get_number(p + 20, 4) == crc_add(0, p, 20), "SEAL-4", offset);
    snprintf(j->version, sizeof j->version, "%u.%u", major, minor);
    require(j, major == 2 && minor == 0, "SEAL-6", offset);
    uint64_t before = j->detached ? 0 : f.seal + SEAL_HEADER;       /* bytes before the index */
    bool overflows = !j->detached && before < f.seal;
    require(j, !overflows && before <= offset && f.index == offset - before, "SEAL-4", offset);
    return f;
}

/*
 * SEAL-8: looks at the end of a file of this size, which begins at `start`, before it is read from the front, and
 * returns the offset of the seal. All of this is checked again when the seal is reached. Looked at first, it tells at
 * once that a file has been cut off, and that an index is damaged rather than wrong.
 */
static uint64_t look_at_end(struct job *j, FILE *file, off_t start, uint64_t size) {
    unsigned char bytes[1 << 12];
    require(j, size >= FOOTER_BYTES, "SEAL-5", size);
    read_at(file, start + (off_t)size - FOOTER_BYTES, bytes, FOOTER_BYTES);
    struct footer f = read_footer(j, bytes, size - FOOTER_BYTES);
    if (!j->detached) {
        read_at(file, start + (off_t)f.seal, bytes, SEAL_HEADER);
        require(j, *bytes == 0xc6 && get_number(bytes + 1, 4) == f.index + FOOTER_BYTES + 1 &&
                f.index <= MAX_INDEX_BYTES, "SEAL-3", f.seal);
    }
    uint64_t at = size - FOOTER_BYTES - f.index;
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
    uint64_t length = j->detached ? j->limit - FOOTER_BYTES : 0;
    j->checksum = j->all;
    j->all = 0;
    j->summing = false;
    if (!j->detached) {
        const unsigned char *header = take(j, SEAL_HEADER);
        length = get_number(header + 1, 4) - FOOTER_BYTES - 1;
        require(j, *header == 0xc6 && length <= MAX_INDEX_BYTES, "SEAL-3", stream_size);
    }

    uint64_t start = j->position;
    j->summed = j->at;
    j->summing = true;
    read_index(j, length);
    sum_passed(j);
    end_block(j);
    j->summing = false;

    uint64_t offset = j->position;
    struct footer f = read_footer(j, take(j, FOOTER_BYTES), offset);
    require(j, f.seal == stream_size, j->detached ? "DETACHED-2" : "SEAL-4", offset);
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
    require(j, counter.count <= MAX_INDEX_BYTES, "SEAL-3", UNKNOWN);
    j->checksum = j->all;
    j->summing = false;
    if (s->file && j->with_digests)
        digest_tree(j);
    put_form(s, 0xc6, 4, counter.count + FOOTER_BYTES + 1);

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
    put(s, SEAL_MAGIC, 16);
}
