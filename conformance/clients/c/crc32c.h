/* Chapter 13: CRC-32C, and how checksums of ranges are joined. */

/*
 * SUM-1. Bit 31 of a checksum stands for x^0 (the reflected form). crc_tables[0] is the checksum of each byte, and
 * crc_tables[i] that of the byte with i zero bytes behind it. crc_powers[i] is x^(8 * 2^i) modulo the polynomial.
 */
static uint32_t crc_tables[8][256], crc_powers[32];

/* The product of two polynomials modulo that of CRC-32C. */
static uint32_t crc_multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit; bit >>= 1) {
        product ^= a & bit ? b : 0;
        b = b >> 1 ^ (b & 1 ? 0x82f63b78 : 0);      /* times x */
    }
    return product;
}

static void crc_prepare(void) {
    for (int i = 0; i < 256; i++) {
        const unsigned char byte = (unsigned char)i;
        crc_tables[0][i] = ~sc_crc32c(UINT32_MAX, &byte, 1);
    }
    for (int i = 1; i < 8; i++)
        for (int byte = 0; byte < 256; byte++)
            crc_tables[i][byte] = crc_tables[i - 1][byte] >> 8 ^ crc_tables[0][crc_tables[i - 1][byte] & 0xff];
    crc_powers[0] = UINT32_C(1) << (31 - 8);
    for (int i = 1; i < 32; i++)
        crc_powers[i] = crc_multiply(crc_powers[i - 1], crc_powers[i - 1]);
}

static uint32_t crc_portable(uint32_t crc, const unsigned char *p, size_t n) {
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low = crc ^ (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = crc_tables[7][low & 0xff] ^ crc_tables[6][low >> 8 & 0xff] ^
              crc_tables[5][low >> 16 & 0xff] ^ crc_tables[4][low >> 24] ^
              crc_tables[3][p[4]] ^ crc_tables[2][p[5]] ^ crc_tables[1][p[6]] ^ crc_tables[0][p[7]];
    }
    for (; n; n--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *p++) & 0xff];
    return crc;
}

#ifdef HAVE_CRC32
__attribute__((target("sse4.2")))
static uint32_t crc_sse42(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t wide = crc, word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n; n--)
        crc = _mm_crc32_u8(crc, *p++);
    return crc;
}
#endif

/* SUM-1: the checksum of bytes, the checksum of those before them being `crc`. */
static uint32_t crc_add(uint32_t crc, const unsigned char *p, size_t n) {
#ifdef HAVE_CRC32
    static int has = -1;        /* whether the processor has the instruction */
    unsigned a, b, c, d;
    if (has < 0)
        has = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 20;
    if (has)
        return ~crc_sse42(~crc, p, n);
#endif
    return ~crc_portable(~crc, p, n);
}

/* SUM-4: the checksum of two ranges, one behind the other, the second of which has `length` bytes. */
static uint32_t crc_join(uint32_t first, uint32_t second, uint32_t length) {
    for (int i = 0; length; i++, length >>= 1)
        if (length & 1)
            first = crc_multiply(crc_powers[i], first);
    return first ^ second;
}
