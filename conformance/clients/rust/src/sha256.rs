//! SHA-256 (FIPS 180-4).

pub(crate) type Digest = [u8; 32];
pub(crate) type State = [u32; 8];
pub(crate) const BLOCK: usize = 64;

pub(crate) const INITIAL: State =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

pub(crate) static ROUND_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
];

#[derive(Clone)]
pub(crate) struct Sha256 {
    pub(crate) state: State,
    pub(crate) block: [u8; BLOCK],
    pub(crate) length: u64,
    pub(crate) compress: fn(&mut State, &[u8]),
}

impl Default for Sha256 {
    fn default() -> Self {
        Sha256 { state: INITIAL, block: [0; BLOCK], length: 0, compress: fastest_compress() }
    }
}

impl Sha256 {
    pub(crate) fn update(&mut self, mut data: &[u8]) {
        let filled = (self.length % BLOCK as u64) as usize;
        self.length += data.len() as u64;
        if filled > 0 {
            let (head, rest) = data.split_at(data.len().min(BLOCK - filled));
            self.block[filled..filled + head.len()].copy_from_slice(head);
            if filled + head.len() < BLOCK {
                return;
            }
            (self.compress)(&mut self.state, &self.block);
            data = rest;
        }
        let (blocks, rest) = data.split_at(data.len() - data.len() % BLOCK);
        (self.compress)(&mut self.state, blocks);
        self.block[..rest.len()].copy_from_slice(rest);
    }

    pub(crate) fn finish(mut self) -> Digest {
        let bits = self.length * 8;
        let filled = (self.length % BLOCK as u64) as usize;
        let zeros = (2 * BLOCK - 9 - filled) % BLOCK;
        self.update(&[0x80]);
        self.update(&[0; BLOCK][..zeros]);
        self.update(&bits.to_be_bytes());
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

pub(crate) fn fastest_compress() -> fn(&mut State, &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if sha_ni::is_available() {
        return sha_ni::compress;
    }
    compress_portable
}

/// Takes whole blocks into the state.
pub(crate) fn compress_portable(state: &mut State, blocks: &[u8]) {
    for block in blocks.chunks_exact(BLOCK) {
        let mut w = [0u32; 64];
        for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        for i in 16..64 {
            let s0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ w[i - 15] >> 3;
            let s1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
        for (k, w) in ROUND_CONSTANTS.iter().zip(w) {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = e & f ^ !e & g;
            let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(*k).wrapping_add(w);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = a & b ^ a & c ^ b & c;
            (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
            (d, c, b, a) = (c, b, a, t1.wrapping_add(s0).wrapping_add(majority));
        }
        for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(new);
        }
    }
}

/// The same with the SHA instructions of x86.
#[cfg(target_arch = "x86_64")]
mod sha_ni {
    use super::{State, BLOCK, ROUND_CONSTANTS};
    use std::arch::x86_64::*;

    pub fn is_available() -> bool {
        is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1")
    }

    /// To be called where `is_available` has said so.
    pub fn compress(state: &mut State, blocks: &[u8]) {
        assert!(is_available());
        // SAFETY: the processor has the instructions.
        unsafe { compress_blocks(state, blocks) }
    }

    #[target_feature(enable = "sha,ssse3,sse4.1")]
    unsafe fn compress_blocks(state: &mut State, blocks: &[u8]) {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let [a, b, c, d, e, f, g, h] = state.map(|word| word as i32);
        // The instructions hold the state in this order.
        let mut abef = _mm_set_epi32(a, b, e, f);
        let mut cdgh = _mm_set_epi32(c, d, g, h);
        for block in blocks.chunks_exact(BLOCK) {
            // SAFETY: `block` has 64 bytes, and the constants are 64 words; the loads need no alignment.
            let words = block.as_ptr().cast::<__m128i>();
            let load = |place: usize| _mm_shuffle_epi8(_mm_loadu_si128(words.add(place)), swap);
            let (before_abef, before_cdgh) = (abef, cdgh);
            let mut w = [load(0), load(1), load(2), load(3)];
            for group in 0..16 {
                let k = _mm_loadu_si128(ROUND_CONSTANTS.as_ptr().cast::<__m128i>().add(group));
                let wk = _mm_add_epi32(w[0], k);
                // Two rounds give the new a, b, e, f; the old ones are then c, d, g, h.
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0b00_00_11_10));
                let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
                w = [w[1], w[2], w[3], _mm_sha256msg2_epu32(sum, w[3])];
            }
            abef = _mm_add_epi32(abef, before_abef);
            cdgh = _mm_add_epi32(cdgh, before_cdgh);
        }
        let mut lanes = [0; 8];
        // SAFETY: the two halves of `lanes` have 16 bytes each.
        _mm_storeu_si128(lanes.as_mut_ptr().cast::<__m128i>(), abef);
        _mm_storeu_si128(lanes.as_mut_ptr().cast::<__m128i>().add(1), cdgh);
        let [f, e, b, a, h, g, d, c] = lanes;
        *state = [a, b, c, d, e, f, g, h];
    }
}
