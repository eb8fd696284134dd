//! MessagePack (chapter 01): values, and the headers that are written.

/// A value as its header gives it; the bytes, elements or entries that are counted here still follow.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i128),
    Float(u64),
    Str(u64),
    Bin(u64),
    Array(u64),
    Map(u64),
    Ext(i8, u64),
}

impl Value {
    /// WIRE-1: the first byte of the shortest header, and the number that stands behind it, with its width in bytes.
    pub(crate) fn shortest(self) -> (u8, u64, usize) {
        // The forms for numbers of 1, 2, 4 and 8 bytes, or those of them that there are, have first bytes in a row.
        let form = |mut first: u8, mut width: usize, number: u64| {
            while width < 8 && number >> (8 * width) != 0 {
                (first, width) = (first + 1, 2 * width);
            }
            (first, number, width)
        };
        match self {
            Value::Nil => (0xc0, 0, 0),
            Value::Bool(value) => (0xc2 + u8::from(value), 0, 0),
            Value::Int(number @ -32..=127) => (number as u8, 0, 0),
            Value::Int(number @ 128..) => form(0xcc, 1, number as u64),
            Value::Int(number) => {
                // One bit more than the magnitude.
                let (first, _, width) = form(0xd0, 1, !(number as u64) << 1);
                (first, number as u64, width)
            }
            Value::Float(bits) => (0xcb, bits, 8),
            Value::Str(length @ 0..=31) => (0xa0 | length as u8, 0, 0),
            Value::Str(length) => form(0xd9, 1, length),
            Value::Bin(length) => form(0xc4, 1, length),
            Value::Array(count @ 0..=15) => (0x90 | count as u8, 0, 0),
            Value::Array(count) => form(0xdc, 2, count),
            Value::Map(count @ 0..=15) => (0x80 | count as u8, 0, 0),
            Value::Map(count) => form(0xde, 2, count),
            Value::Ext(_, length @ (1 | 2 | 4 | 8 | 16)) => (0xd4 + length.ilog2() as u8, 0, 0),
            Value::Ext(_, length) => form(0xc7, 1, length),
        }
    }

    /// The shortest header.
    pub(crate) fn encoded(self) -> Vec<u8> {
        let (first, number, width) = self.shortest();
        let mut bytes = vec![first];
        bytes.extend_from_slice(&number.to_be_bytes()[8 - width..]);
        if let Value::Ext(kind, _) = self {
            bytes.push(kind as u8);
        }
        bytes
    }
}

pub(crate) struct Head {
    pub(crate) at: u64,
    pub(crate) value: Value,
}

/// How many bytes of a piece of text can be taken: a character that goes on in the next piece is left for that.
pub(crate) fn whole_characters(piece: &[u8], last: bool) -> Option<usize> {
    match std::str::from_utf8(piece) {
        Ok(_) => Some(piece.len()),
        Err(error) if !last && error.error_len().is_none() => Some(error.valid_up_to()),
        Err(_) => None,
    }
}
