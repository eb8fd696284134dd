/* What every other file needs: limits of the format, failures, memory, text, numbers. */

enum {
    MAX_PARTS = 512,          /* KEY-3 */
    MAX_PATH_BYTES = 65535,   /* KEY-4 */
    MAX_DIMENSIONS = 64,      /* LEAF-3 */
    MAX_PADDING = 4095,       /* ALIGN-2 */
    MAX_META_BYTES = 1 << 24, /* META-3 ... */
    MAX_META_VALUES = 65536,  /* ... how many values it has ... */
    MAX_META_DEPTH = 64,      /* ... and how deep they are nested */
    MAX_JSON_DEPTH = 1000,    /* more than three for each level of metadata */
    BLOCK_BYTES = 1 << 22,    /* SUM-2 */
    MARK_BYTES = 5,           /* SEAL-1 */
    FOOTER_BYTES = 40,        /* SEAL-4 */
    SEAL_HEADER = 5,          /* SEAL-3: the bytes before the index ... */
    MAX_INDEX_BYTES = INT32_MAX - FOOTER_BYTES - 1,     /* ... and how many it has at most */
    BUFFER_SIZE = 1 << 18     /* more than MAX_PATH_BYTES */
};
#define CHUNK_BYTES (UINT64_C(1) << 30)              /* LEAF-13 */
#define WHOLE_BYTES ((UINT64_C(1) << 31) - (1 << 17))   /* PART-1: what is larger is written in parts ... */
#define BOX_BYTES (UINT64_C(1) << 30)                /* PART-2: ... of no more than this */
#define PADDED_FROM 4096                             /* ALIGN-3 */
#define MARKER "__msgpack_chunked_array__"           /* LEAF-10 */
#define MARK "\xdd\0\0\0\2"                            /* SEAL-1 */
#define SEAL_MAGIC "streamckpt-seal\n"               /* SEAL-4 */
#define UNKNOWN UINT64_MAX    /* the size of a pipe; an offset where there is none */

static jmp_buf run_end;       /* where a run goes on that is over before its end ... */
static int run_status;        /* ... and its exit status */

static _Noreturn void end_run(int status) {
    run_status = status;
    longjmp(run_end, 1);
}

/* The end of a run that has neither accepted nor refused (CONF-2). */
static _Noreturn void fail(int status, const char *message) {
    fprintf(stderr, "client: %s\n", message);
    end_run(status);
}

/* Makes room for `need` elements of `size` bytes in an array that has room for *room. */
static void *grow(void *array, size_t *room, size_t need, size_t size) {
    if (need <= *room)
        return array;
    size_t wanted = *room + *room / 4 + 64;
    if (wanted < need)
        wanted = need;
    void *larger = wanted <= SIZE_MAX / size ? realloc(array, wanted * size) : NULL;
    if (!larger)
        fail(3, "out of memory");
    *room = wanted;
    return larger;
}

/* An array that grows at its end, and makes room there for `more` elements. */
#define LIST(type) struct { type *at; size_t count, room; }
#define MAKE_ROOM(list, more) \
    ((list)->at = grow((list)->at, &(list)->room, (list)->count + (more), sizeof *(list)->at))
#define ADD(list, element) (MAKE_ROOM(list, 1), (list)->at[(list)->count++] = (element))

struct bytes { unsigned char *at; size_t count, room; };        /* one of bytes, where it needs a name */

/* A number as a file has it (SUM-1, SEAL-4), the highest byte first. */
static uint64_t get_number(const unsigned char *p, unsigned width) {
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | p[i];
    return number;
}

/* A check of UTF-8 that can be given the text in pieces. */
struct utf8 {
    unsigned due;               /* continuation bytes still due */
    unsigned char low, high;    /* between which the next one lies */
};

/* WIRE-5: the forms of RFC 3629, section 4. */
static bool utf8_add(struct utf8 *u, const unsigned char *p, size_t n) {
    for (const unsigned char *end = p + n; p < end; p++) {
        unsigned char c = *p;
        if (u->due) {
            if (c < u->low || c > u->high)
                return false;
            u->due--;
            u->low = 0x80, u->high = 0xbf;
        } else if (c >= 0xc2 && c <= 0xf4) {
            u->due = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        } else if (c >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool utf8_valid(const unsigned char *text, size_t length) {
    struct utf8 u = {0, 0, 0};
    return utf8_add(&u, text, length) && !u.due;
}

/* The first character of a valid text, and how many bytes it takes. */
static uint32_t utf8_first(const unsigned char *p, size_t *taken) {
    uint32_t c = p[0];
    *taken = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (*taken > 1)
        c &= 0x7fu >> *taken;
    for (size_t i = 1; i < *taken; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* Writes a character, a surrogate too, and returns how many bytes it takes. */
static size_t utf8_put(unsigned char *p, uint32_t c) {
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i; i--, c >>= 6)
        p[i] = (unsigned char)(0x80 | (c & 0x3f));
    p[0] = (unsigned char)(lead[more] | c);
    return more + 1;
}

static int hex_digit(unsigned char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that four hexadecimal digits stand for, or -1. */
static int32_t hex_four(const unsigned char *p) {
    int32_t number = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        number = number * 16 + digit;
    }
    return number;
}

/* LEAF-11, LEAF-12: a number as the text of a key. */
static const char *decimal(char text[24], uint64_t number) {
    snprintf(text, 24, "%" PRIu64, number);
    return text;
}

static bool text_is(const unsigned char *text, size_t length, const char *word) {
    return length == strlen(word) && !memcmp(text, word, length);
}
