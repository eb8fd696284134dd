/*
 * client.c - reads and writes streaming checkpoints, plain ones (version 1.0 of the
 * specification) and sealed ones (version 2.0), and standard flax files, as the
 * client protocol asks.
 *
 *     client decode [PATH]        a stream       -> JSON on standard output
 *     client flax-decode [PATH]   a flax file    -> JSON on standard output
 *     client encode               JSON on standard input -> a stream
 *     client flax-encode          JSON on standard input -> a flax file
 *
 * Without a PATH, or with "-", a decoder reads standard input. Where PATH is a plain
 * stream and a file PATH.seal stands beside it, that is its detached seal.
 *
 * Build:  cc -std=c11 -O2 -Wall -Wextra -Wpedantic -o client client.c
 *
 * Written from the text of the specification alone (chapters 01 to 08, 11 to 17, and
 * of chapter 10 the digests); the comments name the clause that a line holds. Standard
 * C and POSIX, nothing else. What a chapter says stands in a file of the folder c; this
 * is one program for the compiler all the same.
 *
 * Exit status: 0 accepted; 1 refused, the last line of standard error being the
 * JSON that says why; 2 wrong usage; 3 out of memory, or an error of input or output.
 *
 * How it works. Between what is read and what is written stands one tree, in
 * memory (`struct job`). A decoder goes through the input once, forwards, with a
 * buffer of fixed size, so files and pipes are read alike and payloads are hashed
 * as they pass; it prints the tree when the whole input has been checked. An
 * encoder puts the leaves into the tree and runs its writer twice: first only to
 * count, where whatever can be refused is refused, then onto the output.
 *
 * A sealed stream is read in the same way, record by record. What the index has to say
 * is noted on the way: sizes, places of payloads, checksums, digests. The index stands
 * behind the records and is compared with these notes as it passes. Where the input is a
 * file, its end is looked at first, so that a file that was cut off is refused at once.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_SHA_NI 1
#ifdef __x86_64__
#define HAVE_CRC32 1
#endif
#include <cpuid.h>
#include <immintrin.h>
#endif

/* In the order in which they need one another. */
#include "c/streamckpt.h"
#include "c/common.h"
#include "c/sha256.h"
#include "c/crc32c.h"
#include "c/job.h"
#include "c/keypaths.h"
#include "c/refusals.h"
#include "c/input.h"
#include "c/messagepack.h"
#include "c/digests.h"
#include "c/arrays.h"
#include "c/leaves.h"
#include "c/parts.h"
#include "c/streams.h"
#include "c/flax.h"
#include "c/printing.h"
#include "c/json.h"
#include "c/request.h"
#include "c/metadata.h"
#include "c/index.h"
#include "c/seal.h"
#include "c/trees.h"

/* SEAL-8: a sealed stream from its mark to its end. On a pipe the seal is known by its first byte. */
static void decode_sealed(struct job *j) {
    uint64_t size = j->core.end;
    j->seekable = size != SC_UNKNOWN;
    j->core.sealed = j->summing = j->with_digests = true;
    j->cut = "SEAL-5";
    if (j->seekable) {
        sc_bound(&j->core, look_at_end(j, j->in, j->start, size));    /* of the records */
        j->cut = "INDEX-7";
        if (fseeko(j->in, j->start + (off_t)j->end, SEEK_SET))
            fail(3, strerror(errno));
    }
    while (!j->seekable ? *peek(j, 1) != 0xc6 : has(j, 1))
        read_record(j);
    require(j, j->part.number == j->part.count, "PART-2", j->position);
    sc_bound(&j->core, size);
    read_seal(j, j->position);
}

/* A plain stream with a detached seal (DETACHED-2), in which `seal` is read after the stream. */
static void decode_detached(struct job *j) {
    uint64_t size = j->core.end;
    j->core.detached = j->summing = j->in_seal = true;
    uint64_t stated = look_at_end(j, j->seal, 0, j->seal_size);
    require(j, size == SC_UNKNOWN || size == stated, "DETACHED-2", j->seal_size - SC_FOOTER_BYTES);
    j->in_seal = false;
    while (has(j, 1))
        read_record(j);
    size = j->position;
    j->in_seal = true;
    j->in = j->seal;
    rewind(j->in);
    j->at = j->end = j->position = 0;
    sc_bound(&j->core, j->seal_size);
    read_seal(j, size);
}

/* CONF-9 */
static void decode_stream(struct job *j) {
    j->start = ftello(j->in);
    require(j, has(j, 1), "STREAM-3", 0);
    if (has(j, SC_MARK_BYTES) && !memcmp(peek(j, SC_MARK_BYTES), SC_MARK, SC_MARK_BYTES)) {
        decode_sealed(j);
    } else if (j->seal) {
        decode_detached(j);
    } else {
        while (has(j, 1))
            read_record(j);
    }
}

static void decode_flax(struct job *j) {
    require(j, has(j, 1), "FLAX-1", 0);
    struct sc_item map = read_value(j, SC_MAP, "FLAX-1");
    require(j, map.number, "FLAX-1", map.offset);
    read_flax_map(j, &map, ROOT);
    require(j, !has(j, 1), "FLAX-1", j->position);
    require(j, !paths_too_long(j, j->position), "FLAX-8", 0);   /* of a pipe, known only now */
}

static void decode(struct job *j) {
    if (j->flax)
        decode_flax(j);
    else
        decode_stream(j);
    /* CONF-3: nothing has been printed until now, when nothing can be refused any more. */
    fputs("{\"records\": [", j->out);
    for (size_t i = 0; i < j->leaves.count; i++) {
        fputs(i ? ",\n" : "\n", j->out);
        print_leaf(j, &j->leaves.at[i]);
    }
    fputs("\n]", j->out);
    if (j->core.sealed || j->core.detached)
        print_seal(j);
    fputs("}\n", j->out);
}

/* What the request says of a sealed stream. */
static void parse_settings(struct job *j) {
    struct json *request = j->values.at, *metadata = member(request, "metadata", 0);
    const struct json *format = member(request, "format", 0), *alignment = member(request, "alignment", 0);
    struct sink encoded = {.j = j, .list = &j->metadata};
    j->sealed = is_text(format, "2.0");
    if (!j->sealed && format && !is_text(format, "1.0"))
        fail_json();
    if (!j->sealed)
        return;
    j->alignment = 64;          /* ALIGN-5: where nobody asks for another */
    if (alignment)
        require(j, alignment->type == '"' && parse_decimal(alignment->text, alignment->length, &j->alignment) &&
                sc_is_alignment(j->alignment), "ALIGN-5", SC_UNKNOWN);
    j->with_digests = member(request, "digests", 't');
    if (metadata)
        put_metadata(&encoded, metadata, 0);
    else
        put_header(&encoded, SC_MAP, 0);
}

static void encode(struct job *j) {
    read_request(j);
    if (!j->flax)
        parse_settings(j);
    link_tree(j);
    j->here = ROOT;
    require(j, j->nodes.at[ROOT].first, j->flax ? "FLAX-1" : "STREAM-3", SC_UNKNOWN);
    uint64_t size = put_tree(j, NULL);  /* CONF-7: refuses what cannot be held before anything is written */
    require(j, !j->flax || !paths_too_long(j, size), "FLAX-8", SC_UNKNOWN);
    put_tree(j, j->out);
}

/*
 * Plays a part from one file to another; `size` is that of the input, or SC_UNKNOWN; `seal` is a detached seal of the
 * input, or NULL. Returns the exit status.
 */
static int run_with_seal(enum part part, FILE *in, uint64_t size, FILE *seal, uint64_t seal_size, FILE *out) {
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return 3;
    run_status = 0;
    if (!setjmp(run_end)) {
        crc_prepare();
        j->flax = part == FLAX_DECODE || part == FLAX_ENCODE;
        j->cut = j->flax ? "FLAX-6" : "STREAM-2";
        j->in = in;
        j->out = out;
        sc_begin(&j->core, size);
        j->seal = seal;
        j->seal_size = seal_size;
        ADD(&j->nodes, (struct node){0});
        MAKE_ROOM(&j->texts, 1);        /* so that not even the place of nothing is NULL */
        MAKE_ROOM(&j->dimensions, 1);
        if (part < ENCODE)
            decode(j);
        else
            encode(j);
        if (out && (fflush(out) || ferror(out)))
            fail(3, strerror(errno));
    }
    free(j->nodes.at);
    free(j->order.at);
    free(j->pairs.at);
    free(j->records.at);
    free(j->sums.at);
    free(j->metadata.at);
    free(j->digests.at);
    free(j->ranges.at);
    free(j->leaves.at);
    free(j->dimensions.at);
    free(j->texts.at);
    free(j->request.at);
    free(j->values.at);
    free(j);
    return run_status;
}

/* The same without a detached seal. */
static int run(enum part part, FILE *in, uint64_t size, FILE *out) {
    return run_with_seal(part, in, size, NULL, 0, out);
}

/* How many bytes a file has from its place on, or SC_UNKNOWN where it has no places, or no bytes. */
static uint64_t measure(FILE *file) {
    off_t start = ftello(file), end = start >= 0 && !fseeko(file, 0, SEEK_END) ? ftello(file) : -1;
    return end > start && !fseeko(file, start, SEEK_SET) ? (uint64_t)(end - start) : SC_UNKNOWN;
}

/* DETACHED-1: the file beside that of a stream, or NULL. */
static FILE *open_detached(const char *path) {
    static const char suffix[] = ".seal";
    char *name = malloc(strlen(path) + sizeof suffix);
    if (!name)
        return NULL;
    strcat(strcpy(name, path), suffix);
    FILE *seal = fopen(name, "rb");
    free(name);
    return seal;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"decode", "flax-decode", "encode", "flax-encode"};
    int part = 0;
    while (part < 4 && (argc < 2 || strcmp(argv[1], names[part])))
        part++;
    if (part == 4 || argc > (part < ENCODE ? 3 : 2)) {
        fputs("usage: client decode [PATH] | flax-decode [PATH] | encode | flax-encode\n", stderr);
        return 2;
    }
    const char *path = argc > 2 && strcmp(argv[2], "-") ? argv[2] : NULL;
    FILE *in = path ? fopen(path, "rb") : stdin;
    if (!in) {
        perror(path);
        return 3;
    }
    FILE *seal = path && part == DECODE ? open_detached(path) : NULL;
    uint64_t seal_size = seal ? measure(seal) : 0;
    int status = seal ? run_with_seal(DECODE, in, measure(in), seal, seal_size == SC_UNKNOWN ? 0 : seal_size, stdout)
                      : run((enum part)part, in, measure(in), stdout);
    if (seal)
        fclose(seal);
    fclose(in);
    return status;
}
