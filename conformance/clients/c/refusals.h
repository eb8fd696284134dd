/* CONF-5: what is said of a file that is refused. */

static const char *const reasons[][2] = {
    {"WIRE-1", "no header can hold the length"},
    {"WIRE-3", "a value reaches beyond the end of what encloses it"},
    {"WIRE-4", "found the byte c1 where a value is to begin"},
    {"WIRE-5", "a text is not valid UTF-8"},
    {"WIRE-6", "a body is not used up by what it holds exactly"},
    {"KEY-1", "a key path is an array of one or more str"},
    {"KEY-3", "the key path has more than 512 parts"},
    {"KEY-4", "the key path has more than 65535 bytes"},
    {"KEY-6", "a backslash in the key path has no meaning"},
    {"DTYPE-1", "the dtype tag is not in the table"},
    {"DTYPE-2", "the dtype tag is not a str"},
    {"DTYPE-7", "there is no dtype tag for the type of the array"},
    {"LEAF-1", "this is not a leaf, or none that can be written"},
    {"LEAF-2", "an ndarray holds a shape, a dtype tag and a payload"},
    {"LEAF-3", "a shape has 0 to 64 dimensions, each an integer of 0 or more"},
    {"LEAF-4", "the shape is too large"},
    {"LEAF-5", "the payload is not a bin of the length that shape and dtype give"},
    {"LEAF-6", "a scalar holds a shape of 0 dimensions, a dtype tag and a payload"},
    {"LEAF-7", "a complex is two floats"},
    {"LEAF-8", "a float is 16 hexadecimal digits"},
    {"LEAF-10", "a chunked array has the marker, which is true, a shape and chunks"},
    {"LEAF-11", "the dimensions of a chunked array have the keys 0, 1, ..."},
    {"LEAF-12", "the chunks have the keys 0, 1, ..., one dimension and dtype, and make up the shape"},
    {"REC-1", "a record is an array of two elements"},
    {"REC-2", "the leaf of a record is a bin"},
    {"REC-3", "the leaf is larger than a record can hold"},
    {"STREAM-2", "the input ends inside a record"},
    {"STREAM-3", "there is no record"},
    {"STREAM-4", "the key path occurred before"},
    {"STREAM-5", "one key path is the beginning of another"},
    {"TREE-3", "a key is neither text nor integer, or gives the text of another"},
    {"FLAX-1", "a flax file is one map of one or more entries"},
    {"FLAX-2", "a key is not a str"},
    {"FLAX-3", "the marker of chunked arrays is where none can be"},
    {"FLAX-4", "a value is an array"},
    {"FLAX-5", "the key occurs in the map already"},
    {"FLAX-6", "the input ends inside the map"},
    {"FLAX-8", "the key paths are too long for the size of the file"},
    {"ALIGN-1", "the second of four entries of a chunked array is the padding"},
    {"ALIGN-2", "padding is a bin of at most 4095 zero bytes"},
    {"ALIGN-5", "the alignment is a power of two from 64 to 4096, and padded payloads begin at multiples of it"},
    {"PART-1", "only an ndarray of more than 2^31 - 2^17 bytes is written in parts"},
    {"PART-2", "the parts of the array have another number, order, shape or dtype than they must"},
    {"PART-3", "a key names a part of an array where there is none"},
    {"SUM-3", "a block of 4 MiB, or what is left of one, differs from its checksum"},
    {"META-1", "metadata is a map from texts to nil, bools, ints, floats, texts, bytes, lists and maps"},
    {"META-2", "metadata has one form: shortest headers, keys in ascending order, none twice"},
    {"META-3", "metadata has at most 2^24 bytes and 65,536 values, and is nested at most 64 deep"},
    {"INDEX-1", "the index is a map of alignment, checksum, leaves, metadata and perhaps digests"},
    {"INDEX-2", "a leaf in the index is a list of key path, kind, dtype, shape and records"},
    {"INDEX-3", "a record in the index is a list of size, payload and checksums"},
    {"INDEX-4", "the index has another number of leaves, bytes or checksums than the records"},
    {"INDEX-5", "the index is not in the one form in which it can be written"},
    {"INDEX-7", "the record is not what the index says"},
    {"INDEX-8", "the checksum of all records differs from the one in the index"},
    {"INDEX-9", "the digests in the index are not those of the leaves and of the tree, 32 bytes each"},
    {"SEAL-1", "a record of a sealed stream begins with 92"},
    {"SEAL-2", "there is something behind the seal"},
    {"SEAL-3", "a seal begins with c6 and a length, one more than the bytes of index and footer"},
    {"SEAL-4", "the footer or the index is damaged, or does not fit the file"},
    {"SEAL-5", "a sealed stream ends with a footer: this one has been cut off"},
    {"SEAL-6", "the seal has another version than 2.0"},
    {"DETACHED-2", "the detached seal belongs to a stream of another size"},
    {"DETACHED-4", "the alignment of a detached seal is 1"}
};

/* CONF-5: names the clause, the offset and the key path, and ends the run. */
static _Noreturn void refuse(const struct job *j, const char *clause, uint64_t offset) {
    size_t i = 0;
    while (strcmp(reasons[i][0], clause))
        i++;
    fprintf(stderr, "{\"rejected\": \"%s", reasons[i][1]);
    if (!strcmp(clause, "SEAL-6"))
        fprintf(stderr, ": it is %s", j->version);
    if (j->in_seal)             /* DETACHED-1 */
        fputs(", in the file of the detached seal", stderr);
    if (j->here != ROOT) {
        fputs(", at ", stderr);
        print_path(stderr, j, j->here, true);
    }
    fprintf(stderr, "\", \"clause\": \"%s\"", clause);
    if (offset != SC_UNKNOWN)
        fprintf(stderr, ", \"offset\": \"%" PRIu64 "\"", offset);
    if (j->here != ROOT) {
        fputs(", \"path\": [\"", stderr);
        print_path(stderr, j, j->here, false);
        fputs("\"]", stderr);
    }
    fputs("}\n", stderr);
    end_run(1);
}

static void require(const struct job *j, bool holds, const char *clause, uint64_t offset) {
    if (!holds)
        refuse(j, clause, offset);
}
