/* SHA-256, with the instructions that processors have for it where they are there. */

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    unsigned char block[64];
};

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t rotate(uint32_t x, unsigned n) {
    return x >> n | x << (32 - n);
}

static void sha_compress_portable(uint32_t state[8], const unsigned char *p, size_t count) {
    for (; count; count--, p += 64) {
        uint32_t w[64];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
                   (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[i - 7] +
                   (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
        }
        for (int i = 0; i < 64; i++) {
            uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                          sha_constants[i] + w[i];
            uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#ifdef HAVE_SHA_NI
/* Four rounds with the words in `a`, which then become the words 16 places on. */
#define SHA_FOUR_ROUNDS(a, b, c, d, k)                                                         \
    do {                                                                                       \
        __m128i sum = _mm_add_epi32(a, _mm_loadu_si128((const __m128i *)(const void *)(k)));   \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                         \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));                \
        a = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));               \
        a = _mm_sha256msg2_epu32(a, d);                                                        \
    } while (0)

__attribute__((target("sha,sse4.1,ssse3")))
static void sha_compress_ni(uint32_t state[8], const unsigned char *p, size_t count) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    /* The instructions want the state as the vectors (f, e, b, a) and (h, g, d, c). */
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count; count--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
        for (int i = 0; i < 64; i += 16) {
            SHA_FOUR_ROUNDS(w[0], w[1], w[2], w[3], sha_constants + i);
            SHA_FOUR_ROUNDS(w[1], w[2], w[3], w[0], sha_constants + i + 4);
            SHA_FOUR_ROUNDS(w[2], w[3], w[0], w[1], sha_constants + i + 8);
            SHA_FOUR_ROUNDS(w[3], w[0], w[1], w[2], sha_constants + i + 12);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    uint32_t x[4], y[4];
    _mm_storeu_si128((__m128i *)(void *)x, abef);
    _mm_storeu_si128((__m128i *)(void *)y, cdgh);
    state[0] = x[3], state[1] = x[2], state[4] = x[1], state[5] = x[0];
    state[2] = y[3], state[3] = y[2], state[6] = y[1], state[7] = y[0];
}
#endif

static void sha_compress(uint32_t state[8], const unsigned char *blocks, size_t count) {
#ifdef HAVE_SHA_NI
    static int has = -1;        /* whether the processor has the instructions */
    unsigned a, b, c, d;
    if (has < 0)
        has = __get_cpuid(1, &a, &b, &c, &d) && c & 1u << 9 && c & 1u << 19 &&
              __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29;
    if (has) {
        sha_compress_ni(state, blocks, count);
        return;
    }
#endif
    sha_compress_portable(state, blocks, count);
}

static void sha_begin(struct sha256 *s) {
    *s = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void sha_add(struct sha256 *s, const unsigned char *p, size_t n) {
    size_t held = s->length % 64;
    s->length += n;
    for (; held && n; n--) {
        s->block[held] = *p++;
        held = (held + 1) % 64;
        if (!held)
            sha_compress(s->state, s->block, 1);
    }
    sha_compress(s->state, p, n / 64);
    memcpy(s->block, p + n / 64 * 64, n % 64);
}

static void sha_end(struct sha256 *s, unsigned char digest[32]) {
    unsigned char tail[72] = {0x80};
    uint64_t bits = s->length * 8;
    size_t zeros = (119 - s->length % 64) % 64;
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    sha_add(s, tail, 1 + zeros + 8);
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}
