//! CRC-32C, the checksum of sealed streams (chapter 13 of version 2.0).

const POLYNOMIAL: u32 = 0x82f6_3b78; // SUM-1, in reflected form
pub const BLOCK: u64 = 1 << 22; // SUM-2

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = times_x(crc);
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// A checksum is a polynomial modulo that of SUM-1: its highest bit is the factor of 1, the next that of x, and so on.
const fn times_x(polynomial: u32) -> u32 {
    polynomial >> 1 ^ if polynomial & 1 == 1 { POLYNOMIAL } else { 0 }
}

fn product(left: u32, mut right: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        if left >> bit & 1 == 1 {
            product ^= right;
        }
        right = times_x(right);
    }
    product
}

/// SUM-4: the checksum of two ranges, one behind the other, of which the second has `length` bytes.
pub fn joined(first: u32, second: u32, length: u64) -> u32 {
    let mut shifted = first;
    let mut power = 1 << 23; // x^8: by so much a byte behind it moves a polynomial
    let mut left = length;
    while left > 0 {
        if left & 1 == 1 {
            shifted = product(shifted, power);
        }
        power = product(power, power);
        left >>= 1;
    }
    shifted ^ second
}

/// SUM-1
pub fn checksum(bytes: &[u8]) -> u32 {
    !fastest_update()(!0, bytes)
}

/// The checksums of a range of bytes that pass by.
pub struct Checksums {
    crc: u32,
    /// How many bytes of the last block have been seen.
    filled: u64,
    /// Those of the blocks before it.
    blocks: Vec<u32>,
    update: fn(u32, &[u8]) -> u32,
}

impl Checksums {
    pub fn new() -> Self {
        Checksums { crc: !0, filled: 0, blocks: Vec::new(), update: fastest_update() }
    }

    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min((BLOCK - self.filled) as usize));
            self.crc = (self.update)(self.crc, piece);
            self.filled += piece.len() as u64;
            if self.filled == BLOCK {
                self.end_block();
            }
            bytes = rest;
        }
    }

    fn end_block(&mut self) {
        self.blocks.push(!self.crc);
        (self.crc, self.filled) = (!0, 0);
    }

    /// SUM-2: the checksums of the blocks; and that of all bytes.
    pub fn finish(mut self) -> (Vec<u32>, u32) {
        let last = if self.filled > 0 { self.filled } else { BLOCK };
        if self.filled > 0 {
            self.end_block();
        }
        let places = 1..=self.blocks.len();
        let lengths = places.map(|place| if place < self.blocks.len() { BLOCK } else { last });
        let all = self.blocks.iter().zip(lengths).fold(0, |all, (block, length)| joined(all, *block, length));
        (self.blocks, all)
    }
}

fn fastest_update() -> fn(u32, &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sse4.2") {
        return sse::update;
    }
    update_portable
}

fn update_portable(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

/// The same with the instruction of x86.
#[cfg(target_arch = "x86_64")]
mod sse {
    use std::arch::x86_64::{_mm_crc32_u64, _mm_crc32_u8};

    /// To be called where the processor has the instruction.
    pub fn update(crc: u32, bytes: &[u8]) -> u32 {
        assert!(is_x86_feature_detected!("sse4.2"));
        // SAFETY: the processor has the instruction.
        unsafe { update_words(crc, bytes) }
    }

    #[target_feature(enable = "sse4.2")]
    unsafe fn update_words(crc: u32, bytes: &[u8]) -> u32 {
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        let mut long = u64::from(crc);
        for word in words {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            long = _mm_crc32_u64(long, u64::from_le_bytes(bytes));
        }
        let crc = long as u32;
        rest.iter().fold(crc, |crc, byte| _mm_crc32_u8(crc, *byte))
    }
}
