/* The JSON that a decoder prints. */

/* The bytes in hexadecimal digits, between quotes. */
static void print_hex(FILE *out, const unsigned char *p, size_t n) {
    putc('"', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%02x", p[i]);
    putc('"', out);
}

/* A valid text as a JSON string. */
static void print_str(FILE *out, const unsigned char *p, size_t length) {
    putc('"', out);
    print_text(out, p, length, false);
    putc('"', out);
}

static void print_int(FILE *out, uint64_t number, bool negative) {
    fprintf(out, "\"%s%" PRIu64 "\"", negative ? "-" : "", negative ? -number : number);
}

static void print_leaf(const struct job *j, const struct leaf *leaf) {
    FILE *out = j->out;
    fputs("{\"path\": [\"", out);
    print_path(out, j, leaf->node, false);
    fputs("\"], \"display\": \"", out);
    print_path(out, j, leaf->node, true);
    fprintf(out, "\", \"kind\": \"%s\"", kinds[leaf->kind].name);
    const uint64_t *number = leaf->number;
    if (leaf->kind == BOOL) {
        fprintf(out, ", \"value\": %s", *number ? "true" : "false");
    } else if (leaf->kind == INT) {
        fputs(", \"value\": ", out);
        print_int(out, *number, leaf->negative);
    } else if (leaf->kind == FLOAT) {
        fprintf(out, ", \"value\": \"%016" PRIx64 "\"", *number);
    } else if (leaf->kind == COMPLEX) {
        fprintf(out, ", \"value\": [\"%016" PRIx64 "\", \"%016" PRIx64 "\"]", number[0], number[1]);
    }
    if (leaf->kind == NDARRAY) {
        fputs(", \"shape\": [", out);
        for (unsigned i = 0; i < leaf->rank; i++)
            fprintf(out, "%s\"%" PRIu64 "\"", i ? ", " : "", j->dimensions.at[leaf->dimensions + i]);
        putc(']', out);
    }
    if (leaf->kind <= SCALAR)
        fprintf(out, ", \"dtype\": \"%s\"", sc_dtypes[leaf->dtype].tag);
    else if (leaf->kind <= BIN)
        fprintf(out, ", \"bytes\": \"%" PRIu64 "\"", leaf->size);
    if (leaf->kind <= BIN) {
        fputs(", \"sha256\": ", out);
        print_hex(out, leaf->digest, 32);
    }
    for (size_t i = 0; i < leaf->records; i++) {
        const struct record *record = &j->records.at[leaf->record + i];
        for (size_t k = 0; k < count_blocks(record->size); k++)
            fprintf(out, "%s\"%08" PRIx32 "\"", i || k ? ", " : ", \"checksums\": [", j->sums.at[record->sums + k]);
    }
    fputs(leaf->records ? "]" : "", out);
    putc('}', out);
}
