/* Chapter 03: the table of dtype tags. */

static const struct dtype {
    const char *tag;
    unsigned char width;        /* bytes of an element */
    unsigned char word;         /* bytes of a part of it that has a byte order (DTYPE-6) */
    unsigned char mask;         /* bits that carry meaning (DTYPE-4); 0: all as one (DTYPE-5) */
} dtypes[] = {                  /* DTYPE-1 */
    {"bool", 1, 1, 0x00}, {"int8", 1, 1, 0xff}, {"uint8", 1, 1, 0xff}, {"int16", 2, 2, 0xff}, {"uint16", 2, 2, 0xff},
    {"int32", 4, 4, 0xff}, {"uint32", 4, 4, 0xff}, {"int64", 8, 8, 0xff}, {"uint64", 8, 8, 0xff},
    {"float16", 2, 2, 0xff}, {"bfloat16", 2, 2, 0xff}, {"float32", 4, 4, 0xff}, {"float64", 8, 8, 0xff},
    {"complex64", 8, 4, 0xff}, {"complex128", 16, 8, 0xff}, {"complex32", 4, 2, 0xff}, {"bcomplex32", 4, 2, 0xff},
    {"float8_e3m4", 1, 1, 0xff}, {"float8_e4m3", 1, 1, 0xff}, {"float8_e4m3b11fnuz", 1, 1, 0xff},
    {"float8_e4m3fn", 1, 1, 0xff}, {"float8_e4m3fnuz", 1, 1, 0xff}, {"float8_e5m2", 1, 1, 0xff},
    {"float8_e5m2fnuz", 1, 1, 0xff}, {"float8_e8m0fnu", 1, 1, 0xff},
    {"float6_e2m3fn", 1, 1, 0x3f}, {"float6_e3m2fn", 1, 1, 0x3f}, {"float4_e2m1fn", 1, 1, 0x0f},
    {"int4", 1, 1, 0x0f}, {"uint4", 1, 1, 0x0f}, {"int2", 1, 1, 0x03}, {"uint2", 1, 1, 0x03},
    {"int1", 1, 1, 0x01}, {"uint1", 1, 1, 0x01}
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes, LONGEST_TAG = 18 };

/* The place of a tag in the table, or -1. The comparison is exact. */
static int find_dtype(const unsigned char *tag, size_t length) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (text_is(tag, length, dtypes[i].tag))
            return i;
    return -1;
}
