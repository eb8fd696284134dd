/* What every other file needs: limits of a writer, failures, memory, text, numbers. */

enum {
    MAX_JSON_DEPTH = 1000,    /* more than three for each level of metadata */
    BLOCK_BYTES = 1 << 22,    /* SUM-2 */
    BUFFER_SIZE = SC_WINDOW
};
#define CHUNK_BYTES (UINT64_C(1) << 30)              /* LEAF-13 */
#define WHOLE_BYTES ((UINT64_C(1) << 31) - (1 << 17))   /* PART-1: what is larger is written in parts ... */
#define BOX_BYTES (UINT64_C(1) << 30)                /* PART-2: ... of no more than this */
#define PADDED_FROM 4096                             /* ALIGN-3 */

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
