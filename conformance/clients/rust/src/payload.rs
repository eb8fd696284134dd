//! The bytes of a leaf to be written: held, or a pattern that is repeated.

use crate::json::malformed;
use crate::{Dtype, Result, BUFFER};
use std::io;
use std::ops::Range;

pub enum Payload {
    Held(Vec<u8>),
    Repeated { pattern: Vec<u8>, length: u64 },
}

impl Payload {
    pub fn empty() -> Self {
        Payload::Held(Vec::new())
    }

    pub fn repeated(pattern: Vec<u8>, length: u64, at: u64) -> Result<Self> {
        if pattern.is_empty() {
            return malformed(at, "nothing can be filled with no byte");
        }
        Ok(Payload::Repeated { pattern, length })
    }

    pub fn length(&self) -> u64 {
        match self {
            Payload::Held(bytes) => bytes.len() as u64,
            Payload::Repeated { length, .. } => *length,
        }
    }

    /// WIRE-5
    pub fn is_text(&self) -> bool {
        let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        match self {
            Payload::Held(bytes) => is_text(bytes),
            // Each time the pattern begins with a character, so each time it must end with one.
            Payload::Repeated { pattern, length } => {
                let last = (*length % pattern.len() as u64) as usize;
                (*length < pattern.len() as u64 || is_text(pattern)) && is_text(&pattern[..last])
            }
        }
    }

    /// Hands over some of the bytes, piece by piece.
    pub fn pieces(&self, range: Range<u64>, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let pattern = match self {
            Payload::Held(bytes) => return sink(&bytes[range.start as usize..range.end as usize]),
            Payload::Repeated { pattern, .. } => pattern,
        };
        let period = pattern.len() as u64;
        let mut start = range.start % period;
        let mut left = range.end - range.start;
        let wanted = left.saturating_add(start).min(BUFFER as u64);
        let block = pattern.repeat(wanted.div_ceil(period).max(1) as usize);
        while left > 0 {
            let count = left.min(block.len() as u64 - start);
            sink(&block[start as usize..(start + count) as usize])?;
            (start, left) = (0, left - count);
        }
        Ok(())
    }

    /// DTYPE-3, DTYPE-4, DTYPE-5: little-endian, and bits without meaning are zeros.
    pub fn normalise(&mut self, dtype: Dtype, is_big_endian: bool) {
        let width = dtype.part_width();
        let bytes = match self {
            Payload::Held(bytes) => bytes,
            Payload::Repeated { pattern, .. } => {
                // What is repeated then holds whole elements.
                let elements = (1..=width).find(|count| count * pattern.len() % width == 0).unwrap_or(1);
                *pattern = pattern.repeat(elements);
                pattern
            }
        };
        if is_big_endian && width > 1 {
            bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if let Some(clear) = dtype.clear() {
            bytes.iter_mut().for_each(|byte| *byte = clear(*byte));
        }
    }
}

impl Dtype {
    /// DTYPE-6: the bytes of an element or, where it is complex, of a part of it.
    fn part_width(self) -> usize {
        let parts = if self.tag.contains("complex") { 2 } else { 1 };
        self.width as usize / parts
    }

    fn clear(self) -> Option<fn(u8) -> u8> {
        match self.tag {
            "bool" => Some(|byte| u8::from(byte != 0)),
            "int4" | "uint4" | "float4_e2m1fn" => Some(|byte| byte & 0x0f),
            "int2" | "uint2" => Some(|byte| byte & 0x03),
            "int1" | "uint1" => Some(|byte| byte & 0x01),
            "float6_e2m3fn" | "float6_e3m2fn" => Some(|byte| byte & 0x3f),
            _ => None,
        }
    }
}
