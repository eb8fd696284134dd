/* The tree, and all else that a run holds in memory. */

/* LEAF-1. Those up to SCALAR have a dtype, those up to BIN a payload. */
enum kind { NDARRAY, SCALAR, STR, BIN, COMPLEX, NIL, BOOL, INT, FLOAT, EMPTY, KIND_COUNT };
static const struct { const char *name; unsigned short type; unsigned char ext; } kinds[KIND_COUNT] = {
    {"ndarray", SC_EXT, 1}, {"scalar", SC_EXT, 3}, {"str", SC_STR, 0}, {"bin", SC_BIN, 0}, {"complex", SC_EXT, 2},
    {"nil", SC_NIL, 0}, {"bool", SC_BOOL, 0}, {"int", SC_INT, 0}, {"float", SC_FLOAT, 0}, {"empty", SC_MAP, 0}
};

struct leaf {
    uint32_t node;
    unsigned char kind, dtype, rank;
    uint16_t cycle;             /* how many bytes of the payload there are, in an encoder, where they are repeated, or 0 */
    unsigned char turned;       /* then, how many bytes of it stand in reverse, where they are big-endian, or 1 */
    bool negative;              /* an int below 0, as its two's complement */
    bool parts;                 /* an array that stands in parts (PART-1) ... */
    size_t ranges;              /* ... in a decoder: the first of the ranges of its payload */
    uint64_t number[2];         /* bool, int; the bits of a float; those of a complex */
    size_t dimensions;          /* where they begin in the list of all */
    uint64_t size;              /* of the payload of an array or scalar, or of a str or bin */
    union {
        unsigned char digest[32];       /* of the same, in a decoder */
        const unsigned char *payload;   /* the same, in an encoder */
    };
    uint64_t start;             /* where the payload of a part begins in that of its array, in an encoder */
    size_t record, records;     /* where a seal is read or written: its first record in the list of all, and how many */
};

/* What the index says of a record (INDEX-3). */
struct record {
    uint64_t offset, size;
    uint64_t payload;           /* bytes of the record before the first one of a payload, or SC_UNKNOWN */
    bool pieces;                /* the payload stands in several chunks */
    bool padded;                /* ALIGN-1 */
    unsigned char rank;         /* of an array, or of a part of one ... */
    size_t dimensions;          /* ... and where its dimensions begin */
    size_t sums;                /* where its checksums begin in the list of all */
};

/* Bytes of the input. */
struct range { uint64_t offset, size; };

/* PART-3: which of how many parts of an array a record is; of none where `count` is 0. */
struct array_part { uint64_t number, count; };

/*
 * A node of the tree of keys (TREE-1). They are numbered in the order in which they were added; 0 is the root, and
 * stands for none where a child or leaf is named.
 */
struct node {
    uint32_t parent;
    uint32_t leaf;              /* 1 + the place in the list of leaves */
    uint32_t children;          /* the top of the search tree of its children ... */
    uint32_t branch[4];         /* ... and what lies below this node in its parent's */
    uint32_t first, next;       /* child and sibling to be written, in the order of TREE-5 */
    uint32_t text;              /* where the text of its key begins in the list of texts */
    uint16_t length;
    uint16_t depth, path_bytes; /* KEY-3, KEY-4 */
    bool number;                /* an integer key, turned into text (TREE-3) */
};

enum { ROOT = 0 };
enum part { DECODE, FLAX_DECODE, ENCODE, FLAX_ENCODE };

/* A run of this program. All memory that it takes is held here. */
struct job {
    bool flax;
    bool sealed;                /* what is written is a sealed stream */
    FILE *in, *out;
    off_t start;                /* where the input begins in its file ... */
    bool seekable;              /* ... which can be read twice */
    bool in_seal;               /* what is read is the file of a detached seal */
    FILE *seal;                 /* the file of a detached seal beside the input, or NULL ... */
    uint64_t seal_size;         /* ... and its size */

    LIST(struct node) nodes;
    LIST(struct leaf) leaves;
    LIST(uint64_t) dimensions;
    struct bytes texts;
    uint32_t here;              /* the node that a refusal names; ROOT: none */
    uint64_t path_cost;         /* FLAX-8 */

    unsigned char buffer[BUFFER_SIZE];      /* a decoder's input */
    size_t at, end;             /* what is read, but not used yet, lies between these */
    uint64_t position;          /* in the input, of buffer[at] */
    struct sc_reader core;      /* knows what stands where */
    const unsigned char *text;  /* of the value that has been read last */
    const char *cut;            /* the clause of an input that ends too early */
    struct sha256 sha;          /* of the leaf that is being read */

    LIST(struct record) records;
    LIST(uint32_t) sums;        /* checksums of blocks */
    uint32_t block, in_block;   /* the checksum of the block that has begun, and how many bytes that is of */
    uint32_t all;               /* the checksum of all blocks before it */
    bool summing;               /* what passes goes into these */
    size_t summed;              /* what has passed, but not yet gone into them, lies between this and `at` */
    struct array_part part;     /* the next part of the array that is being read */
    struct bytes *keep;         /* where a decoder keeps the bytes that it uses up, or NULL */
    uint64_t alignment;
    uint32_t checksum;          /* of all records */
    char version[16];           /* of the seal */
    struct bytes metadata;
    uint64_t metadata_values;   /* in an encoder, as the counts of its lists and maps say, and the outermost map */
    bool with_digests;          /* INDEX-9: the index has digests, or may have some */
    struct sha256 digest;       /* of the leaf that is being read or written */
    bool digesting;             /* a payload that passes goes into it */
    struct bytes digests;       /* of all leaves, and of the tree */
    LIST(struct range) ranges;  /* where the payloads of parts stand in the input */

    LIST(uint32_t) order;       /* the leaves, as places in their list, in the order in which they are written */
    LIST(struct json *) pairs;  /* of a map of metadata that is being sorted */
    struct bytes request;       /* an encoder's input */
    LIST(struct json) values;
    unsigned char *cursor;
    bool keep_empty;
};
