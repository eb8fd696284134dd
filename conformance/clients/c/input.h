/* The input, through one buffer; the checksums of what passes. */

/* SUM-2: ends a block, which may be shorter than others where the record ends. */
static void end_block(struct job *j) {
    if (!j->in_block)
        return;
    ADD(&j->sums, j->block);
    j->all = crc_join(j->all, j->block, j->in_block);
    j->block = j->in_block = 0;
}

static void sum_bytes(struct job *j, const unsigned char *p, size_t n) {
    while (n) {
        size_t piece = BLOCK_BYTES - j->in_block < n ? BLOCK_BYTES - j->in_block : n;
        j->block = crc_add(j->block, p, piece);
        j->in_block += (uint32_t)piece;
        if (j->in_block == BLOCK_BYTES)
            end_block(j);
        p += piece;
        n -= piece;
    }
}

/* Brings the checksums up to what a decoder has used up of its input. */
static void sum_passed(struct job *j) {
    if (j->summing)
        sum_bytes(j, j->buffer + j->summed, j->at - j->summed);
    j->summed = j->at;
}

static size_t count_blocks(uint64_t size) {
    return (size_t)((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
}

/* Reads on until `wanted` bytes (at most BUFFER_SIZE) are there; returns whether they are. */
static bool fill_buffer(struct job *j, size_t wanted) {
    if (j->end - j->at >= wanted)
        return true;
    sum_passed(j);
    memmove(j->buffer, j->buffer + j->at, j->end - j->at);
    j->end -= j->at;
    j->at = j->summed = 0;
    j->end += fread(j->buffer + j->end, 1, BUFFER_SIZE - j->end, j->in);
    if (ferror(j->in))
        fail(3, strerror(errno));
    return j->end >= wanted;
}

/*
 * Whether `size` more bytes lie before the end of the input, or of the records. The end of a pipe is seen no further ahead than the buffer reaches;
 * beyond that it is noticed on the way.
 */
static bool has(struct job *j, uint64_t size) {
    if (j->core.end != SC_UNKNOWN)
        return size <= j->core.end - j->position;
    return fill_buffer(j, size < BUFFER_SIZE ? (size_t)size : BUFFER_SIZE);
}

/* The input ends within a value (STREAM-2, FLAX-6), the seal begins within a record, or there is no seal (SEAL-5). */
static _Noreturn void refuse_cut(const struct job *j) {
    uint64_t end = j->position + (j->end - j->at);
    refuse(j, j->cut, strcmp(j->cut, "SEAL-5") ? j->core.top : end);
}

/* The next `size` bytes (at most BUFFER_SIZE), which stay where they are. */
static const unsigned char *peek(struct job *j, size_t size) {
    if (!fill_buffer(j, size))
        refuse_cut(j);
    return j->buffer + j->at;
}

static const unsigned char *take(struct job *j, size_t size) {
    const unsigned char *bytes = peek(j, size);
    if (j->keep) {
        MAKE_ROOM(j->keep, size);
        memcpy(j->keep->at + j->keep->count, bytes, size);
        j->keep->count += size;
    }
    j->at += size;
    j->position += size;
    return bytes;
}

/* The record that is being read, where what the index says of it is noted, or NULL. */
static struct record *noted(struct job *j) {
    return j->summing ? &j->records.at[j->records.count - 1] : NULL;
}

#define FILE_HAS_CHANGED "the file cannot be read at any offset, or has changed"

static void read_at(FILE *file, off_t offset, unsigned char *to, size_t size) {
    if (fseeko(file, offset, SEEK_SET) || fread(to, 1, size, file) != size)
        fail(3, FILE_HAS_CHANGED);
}
