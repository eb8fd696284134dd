/* Chapter 12: how an array is cut into parts, and what their keys are. */

/* How many of these bytes make a number without leading zeros; 0 where they begin with none. */
static size_t count_digits(const unsigned char *p, size_t length) {
    size_t count = 0;
    while (count < length && p[count] >= '0' && p[count] <= '9')
        count++;
    return count > 1 && *p == '0' ? 0 : count;
}

/* Takes a word off the beginning of a text, if it is there. */
static bool skip_word(const unsigned char **p, size_t *length, const char *word) {
    size_t n = strlen(word);
    bool there = *length >= n && !memcmp(*p, word, n);
    *p += there ? n : 0;
    *length -= there ? n : 0;
    return there;
}

/*
 * PART-3: whether a key has the form `__part_I_of_N__`, I being less than N, and the two numbers. No array has as many
 * parts as a number of more than 18 digits says: such numbers are 0 here.
 */
static bool is_part_key(const unsigned char *text, size_t length, struct array_part *part) {
    const unsigned char *digits[2];
    size_t counts[2];
    for (int i = 0; i < 2; i++) {
        if (!skip_word(&text, &length, i ? "_of_" : "__part_"))
            return false;
        digits[i] = text;
        counts[i] = count_digits(text, length);
        if (!counts[i])
            return false;
        text += counts[i];
        length -= counts[i];
    }
    bool less = counts[0] < counts[1] || (counts[0] == counts[1] && memcmp(digits[0], digits[1], counts[0]) < 0);
    if (!skip_word(&text, &length, "__") || length || !less)
        return false;
    uint64_t numbers[2] = {0, 0};
    for (int i = 0; i < 2 && counts[1] <= 18; i++)
        for (size_t k = 0; k < counts[i]; k++)
            numbers[i] = numbers[i] * 10 + (digits[i][k] - '0');
    *part = (struct array_part){numbers[0], numbers[1]};
    return true;
}

/* PART-2: how an array is cut into boxes; `count` is 0 where it cannot be. */
struct boxes {
    unsigned axis;              /* the dimension that is cut */
    uint64_t rows;              /* how many a box has, but for the last of a range ... */
    uint64_t range;             /* ... of so many boxes */
    uint64_t count;
};

static struct boxes cut_array(const uint64_t *dimensions, unsigned rank, unsigned width) {
    struct boxes b = {.count = rank != 0};
    for (unsigned i = 0; i < rank; i++)
        b.count = dimensions[i] ? b.count : 0;
    if (!b.count)               /* no element, or no dimension that could be cut */
        return b;
    uint64_t row = width;
    for (b.axis = rank - 1; b.axis && dimensions[b.axis] <= BOX_BYTES / row; b.axis--)
        row *= dimensions[b.axis];
    b.rows = BOX_BYTES / row;
    b.range = b.count = (dimensions[b.axis] - 1) / b.rows + 1;
    for (unsigned i = 0; i < b.axis; i++)
        b.count *= dimensions[i];
    return b;
}

/* The dimension `i` of the shape of a box. */
static uint64_t box_dimension(const struct boxes *b, const uint64_t *dimensions, uint64_t box, unsigned i) {
    uint64_t before = box % b->range * b->rows;         /* rows of the same range */
    if (i != b->axis)
        return i < b->axis ? 1 : dimensions[i];
    return dimensions[i] - before < b->rows ? dimensions[i] - before : b->rows;
}
