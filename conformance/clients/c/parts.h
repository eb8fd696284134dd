/* Chapter 12: how an array is cut into parts, and what their keys are. */

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
