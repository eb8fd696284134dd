//! A reader and writer of the streaming checkpoint format, versions 1.0 and 2.0, and of standard flax files.
//!
//! It was written from the specification alone (chapters 00 to 08 of version 1.0, 11 to 17 of 2.0) and the client
//! protocol; comments name the clauses that the code holds. It needs nothing but the standard library:
//!
//!     rustc -O --edition 2021 client.rs -o client
//!
//!     client decode [PATH]         a stream, sealed or plain; a plain one with PATH.seal, where that is there
//!     client flax-decode [PATH]    a standard flax file
//!     client encode                a stream, sealed or plain, from the JSON of the protocol
//!     client flax-encode           a standard flax file, likewise
//!
//! Without PATH, or where it is `-`, a decoder reads standard input. It prints what the input holds as JSON once the
//! whole input has been checked, and exits with 0; for an input that is refused it exits with 1, and the last
//! line of standard error says why. Any other status is a failure that says nothing of the input. An encoder reads
//! standard input, writes nothing before all of it has been checked, and ends likewise.
//!
//! A decoder reads its input once, from front to back, and never holds it: payloads are hashed as they pass by, so a
//! pipe needs no spool. Memory grows with the number of leaves and the length of their key paths alone. An encoder
//! holds each payload once, and a `fill` as the bytes that are repeated.
//!
//! This file reads plain streams and flax files. Sealed streams are read by `sealed.rs`, with `index.rs`; `json.rs`,
//! `asked.rs` and `tree.rs` read what an encoder gets, `write.rs` and `write_sealed.rs` write it.
//!
//! Formatted by `rustfmt --config max_width=120,use_small_heuristics=Max`.

mod asked;
mod checksum;
mod index;
mod json;
mod metadata;
mod parts;
mod payload;
mod sealed;
mod tree;
mod write;
mod write_sealed;

use checksum::Checksums;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;
use std::rc::Rc;

const MAX_PARTS: usize = 512; // KEY-3
const MAX_PATH_BYTES: usize = 65_535; // KEY-4
const MAX_DIMENSIONS: u64 = 64; // LEAF-3
const MAX_ARRAY_BYTES: u64 = i64::MAX as u64; // LEAF-4
const MARKER: &str = "__msgpack_chunked_array__"; // LEAF-10
const EXT_NDARRAY: i8 = 1; // LEAF-2
const EXT_COMPLEX: i8 = 2; // LEAF-7
const EXT_SCALAR: i8 = 3; // LEAF-6
const BUFFER: usize = 1 << 18;

// ---- Errors ----

/// What a clause says against the input (CONF-5).
struct Refusal {
    /// None where the input of an encoder is not what the protocol says.
    clause: Option<&'static str>,
    offset: u64,
    path: Option<KeyPath>,
    reason: Cow<'static, str>,
}

enum Error {
    Refused(Refusal),
    Io(io::Error),
}

type Result<T> = std::result::Result<T, Error>;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl Error {
    /// Adds the key path to a refusal that has none yet.
    fn under(mut self, path: impl FnOnce() -> KeyPath) -> Self {
        if let Error::Refused(refusal) = &mut self {
            refusal.path.get_or_insert_with(path);
        }
        self
    }
}

fn refuse<T>(clause: &'static str, offset: u64, reason: impl Into<Cow<'static, str>>) -> Result<T> {
    Err(Error::Refused(Refusal { clause: Some(clause), offset, path: None, reason: reason.into() }))
}

/// Refuses the input unless the clause holds.
fn require(holds: bool, clause: &'static str, offset: u64, reason: &'static str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        refuse(clause, offset, reason)
    }
}

// ---- Key paths ----

/// The parts of a key path, each followed by a byte that no UTF-8 has. So one path is the beginning of another
/// exactly where its bytes are, and in the order of the bytes nothing else comes between the two.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct KeyPath(Vec<u8>);

impl KeyPath {
    const END: u8 = 0xff;

    fn end_part(&mut self) {
        self.0.push(Self::END);
    }

    fn push(&mut self, part: &str) {
        self.0.extend_from_slice(part.as_bytes());
        self.end_part();
    }

    /// How many parts it has, and how many bytes they take (KEY-3, KEY-4).
    fn size(&self) -> (usize, usize) {
        let parts = self.0.iter().filter(|byte| **byte == Self::END).count();
        (parts, self.0.len() - parts)
    }

    fn is_beginning_of(&self, other: &KeyPath) -> bool {
        other.0.starts_with(&self.0)
    }

    fn parts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let ended = self.0.split_inclusive(|byte| *byte == Self::END);
        ended.map(|part| String::from_utf8_lossy(part.strip_suffix(&[Self::END]).unwrap_or(part)))
    }

    /// KEY-5: the display form.
    fn display(&self) -> String {
        let mut shown = String::new();
        for (place, part) in self.parts().enumerate() {
            if place > 0 {
                shown.push('/');
            }
            for c in part.chars() {
                match c {
                    '\\' | '/' => shown.extend(['\\', c]),
                    c => push_shown(&mut shown, c),
                }
            }
        }
        shown
    }
}

/// KEY-5: what could move the cursor of a terminal or pass for something else is never shown as it is.
fn push_shown(shown: &mut String, c: char) {
    match c {
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => shown.push(c),
    }
}

// ---- Leaves ----

/// DTYPE-1: the tags, by the bytes that one element takes. DTYPE-4: one of less than 8 bits takes a whole byte.
const DTYPES: [(u64, &str); 7] = [
    (1, "bool int8 uint8 int4 uint4 int2 uint2 int1 uint1"),
    (1, "float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz"),
    (1, "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn"),
    (2, "int16 uint16 float16 bfloat16"),
    (4, "int32 uint32 float32 complex32 bcomplex32"),
    (8, "int64 uint64 float64 complex64"),
    (16, "complex128"),
];

#[derive(Clone, Copy, PartialEq)]
struct Dtype {
    tag: &'static str,
    width: u64,
}

impl Dtype {
    fn named(name: &[u8]) -> Option<Dtype> {
        DTYPES.iter().find_map(|(width, tags)| {
            let tag = tags.split(' ').find(|tag| tag.as_bytes() == name)?;
            Some(Dtype { tag, width: *width })
        })
    }
}

struct Array {
    dtype: Dtype,
    shape: Vec<u64>,
    sha256: Digest,
}

struct Bytes {
    length: u64,
    sha256: Digest,
}

/// LEAF-1: the kinds of leaves. What is large is boxed, so that a million small ones take little.
enum Leaf {
    Ndarray(Box<Array>),
    Scalar(Box<Array>),
    Complex(u64, u64),
    Nil,
    Bool(bool),
    Int(i128),
    Float(u64),
    Str(Box<Bytes>),
    Bin(Box<Bytes>),
    Empty,
}

impl Leaf {
    fn kind(&self) -> &'static str {
        match self {
            Leaf::Ndarray(_) => "ndarray",
            Leaf::Scalar(_) => "scalar",
            Leaf::Complex(..) => "complex",
            Leaf::Nil => "nil",
            Leaf::Bool(_) => "bool",
            Leaf::Int(_) => "int",
            Leaf::Float(_) => "float",
            Leaf::Str(_) => "str",
            Leaf::Bin(_) => "bin",
            Leaf::Empty => "empty",
        }
    }
}

/// As what the body of an ndarray stands in the input.
#[derive(Clone, Copy)]
enum Role<'a> {
    Ndarray,
    Scalar,
    /// Of an array of this shape, and with the dtype of the chunks before it.
    Chunk(&'a [u64], Option<Dtype>),
}

/// What is gathered of a leaf while its bytes pass by.
#[derive(Default)]
struct Content {
    /// That of an array: of all its chunks, and in a sealed stream of all its parts.
    payload: Sha256,
    /// In how many pieces the payload stands in this record, and where the first of them begins.
    pieces: usize,
    first_at: u64,
    /// ALIGN-1
    is_padded: bool,
    /// INDEX-9, where it is wanted.
    digest: Option<sealed::LeafDigest>,
}

impl Content {
    fn begin_piece(&mut self, at: u64) {
        if self.pieces == 0 {
            self.first_at = at;
        }
        self.pieces += 1;
    }
}

/// LEAF-4, LEAF-5: the bytes that an array has.
fn payload_length(shape: &[u64], width: u64, shape_at: u64) -> Result<u64> {
    let mut nonzero = shape.iter().filter(|dimension| **dimension != 0);
    let product = nonzero.try_fold(width, |product, dimension| product.checked_mul(*dimension));
    match product {
        Some(length) if length <= MAX_ARRAY_BYTES => Ok(if shape.contains(&0) { 0 } else { length }),
        _ => refuse("LEAF-4", shape_at, "the shape is larger than 2^63 - 1 bytes"),
    }
}

/// LEAF-8: widens a float 32. A NaN keeps its sign and payload and is made quiet, which `as f64` does not promise.
fn widen(bits: u32) -> u64 {
    let value = f32::from_bits(bits);
    if value.is_nan() {
        let sign = u64::from(bits >> 31) << 63;
        sign | 0x7ff8 << 48 | u64::from(bits & 0x007f_ffff) << 29
    } else {
        f64::from(value).to_bits()
    }
}

// ---- MessagePack (chapter 01) ----

/// A value as its header gives it; the bytes, elements or entries that are counted here still follow.
#[derive(Clone, Copy)]
enum Value {
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
    fn shortest(self) -> (u8, u64, usize) {
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
    fn encoded(self) -> Vec<u8> {
        let (first, number, width) = self.shortest();
        let mut bytes = vec![first];
        bytes.extend_from_slice(&number.to_be_bytes()[8 - width..]);
        if let Value::Ext(kind, _) = self {
            bytes.push(kind as u8);
        }
        bytes
    }
}

struct Head {
    at: u64,
    value: Value,
}

/// How many bytes of a piece of text can be taken: a character that goes on in the next piece is left for that.
fn whole_characters(piece: &[u8], last: bool) -> Option<usize> {
    match std::str::from_utf8(piece) {
        Ok(_) => Some(piece.len()),
        Err(error) if !last && error.error_len().is_none() => Some(error.valid_up_to()),
        Err(_) => None,
    }
}

/// The input, and where in it the reader stands.
struct Input {
    from: Box<dyn Read>,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// The offset in the input of the next byte.
    position: u64,
    /// The length of the whole input, where it is known.
    size: Option<u64>,
    /// Where the innermost bin or ext ends in which the reader stands.
    end: Option<u64>,
    /// The offset of the outermost one.
    outermost: Option<u64>,
    /// The clause that an input breaks which ends too early.
    cut_off: &'static str,
    /// Whether its records are those of a sealed stream (version 2.0).
    is_sealed: bool,
    /// The clause that a header breaks which is longer than needed, where that is not allowed.
    canonical: Option<&'static str>,
    /// The checksums of the bytes that have been read, where they are wanted.
    checksums: Option<Checksums>,
    /// The bytes that have been read, where they are kept.
    kept: Option<Vec<u8>>,
}

impl Input {
    fn open(path: &OsStr, cut_off: &'static str) -> io::Result<Self> {
        if path == "-" {
            return Ok(Input::new(io::stdin().lock(), None, cut_off));
        }
        let file = File::open(path)?;
        let about = file.metadata()?;
        // Special files may call themselves regular and 0 bytes long: those are read like a pipe.
        let size = Some(about.len()).filter(|length| about.is_file() && *length > 0);
        Ok(Input::new(file, size, cut_off))
    }

    fn new(from: impl Read + 'static, size: Option<u64>, cut_off: &'static str) -> Self {
        Input {
            from: Box::new(from),
            buffer: vec![0; BUFFER],
            start: 0,
            filled: 0,
            position: 0,
            size,
            end: None,
            outermost: None,
            cut_off,
            is_sealed: false,
            canonical: None,
            checksums: None,
            kept: None,
        }
    }

    /// The next `count` bytes (at most as many as the buffer holds), or fewer at the end of the input.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.filled - self.start < count {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            while self.filled < count {
                match self.from.read(&mut self.buffer[self.filled..]) {
                    Ok(0) => break,
                    Ok(got) => self.filled += got,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let end = self.filled.min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// The next `length` bytes, or the first of them, as many as the buffer holds. They belong to the value at `at`.
    fn window(&mut self, at: u64, length: u64) -> Result<&[u8]> {
        let count = length.min(BUFFER as u64) as usize;
        if self.peek(count)?.len() < count {
            return self.cut(at);
        }
        Ok(&self.buffer[self.start..self.start + count])
    }

    /// The next bytes, as many as are at hand; none at the end of the input.
    fn buffered(&mut self) -> io::Result<&[u8]> {
        self.peek(1)?;
        Ok(&self.buffer[self.start..self.filled])
    }

    fn advance(&mut self, count: usize) {
        let passed = &self.buffer[self.start..self.start + count];
        if let Some(checksums) = &mut self.checksums {
            checksums.update(passed);
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(passed);
        }
        self.start += count;
        self.position += count as u64;
    }

    fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.peek(1)?.is_empty())
    }

    /// STREAM-2, FLAX-6: the input ends inside the value at `at`, or inside the one that encloses it.
    fn cut<T>(&self, at: u64) -> Result<T> {
        if self.cut_off == "SEAL-5" {
            let end = self.position + (self.filled - self.start) as u64;
            return refuse("SEAL-5", end, "the file has been cut off: it does not end with a footer");
        }
        refuse(self.cut_off, self.outermost.unwrap_or(at), "the input ends too early")
    }

    /// WIRE-3, CONF-4: refuses `length` bytes for the value at `at` unless what encloses it holds them. On a pipe
    /// it looks as far ahead as the buffer reaches; a cut after that is noticed when it comes.
    fn fits(&mut self, at: u64, length: u64) -> Result<()> {
        match (self.end, self.size) {
            (Some(end), _) if length > end - self.position => {
                refuse("WIRE-3", at, "the value reaches beyond the end of what encloses it")
            }
            (None, Some(size)) if length > size.saturating_sub(self.position) => self.cut(at),
            (None, None) => self.window(at, length).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Reads the body of the bin or ext at `at`, which encloses values.
    fn enclosed<T>(&mut self, at: u64, length: u64, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.fits(at, length)?;
        let end = self.position.saturating_add(length);
        let (outer_end, outermost) = (self.end.replace(end), self.outermost);
        self.outermost.get_or_insert(at);
        let result = body(self)?;
        // WIRE-6
        require(self.position == end, "WIRE-6", self.position, "bytes are left over")?;
        (self.end, self.outermost) = (outer_end, outermost);
        Ok(result)
    }

    /// A big-endian number of up to 8 bytes, in the header of the value at `at`.
    fn number(&mut self, at: u64, width: usize) -> Result<u64> {
        self.fits(at, width as u64)?;
        let bytes = self.window(at, width as u64)?;
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.advance(width);
        Ok(number)
    }

    /// The header of the next value, in whatever length it has (WIRE-2). Whether its body fits is not yet checked.
    fn head(&mut self) -> Result<Head> {
        let at = self.position;
        require(self.end != Some(at), "WIRE-6", at, "a value is missing")?;
        let first = self.number(at, 1)? as u8;
        let value = match first {
            0x00..=0x7f => Value::Int(first.into()),
            0x80..=0x8f => Value::Map((first & 0x0f).into()),
            0x90..=0x9f => Value::Array((first & 0x0f).into()),
            0xa0..=0xbf => Value::Str((first & 0x1f).into()),
            0xc0 => Value::Nil,
            0xc1 => return refuse("WIRE-4", at, "the byte c1"),
            0xc2 | 0xc3 => Value::Bool(first == 0xc3),
            0xc4..=0xc6 => Value::Bin(self.number(at, 1 << (first - 0xc4))?),
            0xc7..=0xc9 => {
                let length = self.number(at, 1 << (first - 0xc7))?;
                Value::Ext(self.number(at, 1)? as i8, length)
            }
            0xca => Value::Float(widen(self.number(at, 4)? as u32)),
            0xcb => Value::Float(self.number(at, 8)?),
            0xcc..=0xcf => Value::Int(self.number(at, 1 << (first - 0xcc))?.into()),
            0xd0..=0xd3 => {
                let width = 1 << (first - 0xd0);
                let unused = 64 - 8 * width;
                Value::Int(((self.number(at, width)? << unused) as i64 >> unused).into())
            }
            0xd4..=0xd8 => Value::Ext(self.number(at, 1)? as i8, 1 << (first - 0xd4)),
            0xd9..=0xdb => Value::Str(self.number(at, 1 << (first - 0xd9))?),
            0xdc | 0xdd => Value::Array(self.number(at, 2 << (first - 0xdc))?),
            0xde | 0xdf => Value::Map(self.number(at, 2 << (first - 0xde))?),
            0xe0..=0xff => Value::Int((first as i8).into()),
        };
        if let Some(clause) = self.canonical {
            require(value.shortest().0 == first, clause, at, "the header is longer than needed")?;
        }
        Ok(Head { at, value })
    }

    /// The header of an array: its offset and count. Any other value breaks `clause`.
    fn array_head(&mut self, clause: &'static str, reason: &'static str) -> Result<(u64, u64)> {
        let Head { at, value } = self.head()?;
        let Value::Array(count) = value else {
            return refuse(clause, at, reason);
        };
        self.fits(at, count)?;
        Ok((at, count))
    }

    /// The header of a map, likewise.
    fn map_head(&mut self, clause: &'static str, reason: &'static str) -> Result<(u64, u64)> {
        let Head { at, value } = self.head()?;
        let Value::Map(count) = value else {
            return refuse(clause, at, reason);
        };
        self.map_fits(at, count)?;
        Ok((at, count))
    }

    /// WIRE-3: an entry of a map takes two bytes or more.
    fn map_fits(&mut self, at: u64, count: u64) -> Result<()> {
        self.fits(at, count.saturating_mul(2))
    }

    /// Reads the body of the bin or str at `at`, piece by piece. WIRE-5: that of a str is UTF-8.
    fn pieces(
        &mut self,
        at: u64,
        length: u64,
        is_text: bool,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<()> {
        self.fits(at, length)?;
        let mut left = length;
        while left > 0 {
            let piece = self.window(at, left)?;
            let last = piece.len() as u64 == left;
            let count = if is_text { whole_characters(piece, last) } else { Some(piece.len()) };
            let Some(count) = count else {
                return refuse("WIRE-5", at, "the str is not UTF-8");
            };
            sink(&piece[..count])?;
            self.advance(count);
            left -= count as u64;
        }
        Ok(())
    }

    /// Whether the value of this header is the str `expected`, which is then read.
    fn is_text(&mut self, head: &Head, expected: &str) -> Result<bool> {
        let Value::Str(length) = head.value else {
            return Ok(false);
        };
        self.fits(head.at, length)?;
        if length != expected.len() as u64 {
            return Ok(false);
        }
        let same = self.window(head.at, length)? == expected.as_bytes();
        self.advance(expected.len());
        Ok(same)
    }
}

// ---- Leaves in the input (chapters 03 and 04) ----

impl Input {
    /// LEAF-1: the leaf of this header. Whether a map with entries can be a leaf is for the caller to say.
    fn leaf(&mut self, head: Head, content: &mut Content) -> Result<Leaf> {
        let Head { at, value } = head;
        Ok(match value {
            Value::Nil => Leaf::Nil,
            Value::Bool(value) => Leaf::Bool(value),
            Value::Int(value) => Leaf::Int(value),
            Value::Float(bits) => Leaf::Float(bits),
            Value::Str(length) => Leaf::Str(self.hashed(at, length, true, content)?),
            Value::Bin(length) => Leaf::Bin(self.hashed(at, length, false, content)?),
            Value::Ext(EXT_NDARRAY, length) => Leaf::Ndarray(self.whole_array(at, length, Role::Ndarray, content)?),
            Value::Ext(EXT_SCALAR, length) => Leaf::Scalar(self.whole_array(at, length, Role::Scalar, content)?),
            Value::Ext(EXT_COMPLEX, length) => self.enclosed(at, length, Self::complex)?,
            Value::Map(0) => Leaf::Empty, // LEAF-9
            Value::Ext(..) => return refuse("LEAF-1", at, "no leaf is an ext of this type"),
            Value::Map(_) => return refuse("LEAF-1", at, "a leaf is a map, but no chunked array"),
            Value::Array(_) => return refuse("LEAF-1", at, "a leaf is an array"),
        })
    }

    /// The body of the str or bin at `at`, as its length and digest.
    fn hashed(&mut self, at: u64, length: u64, is_text: bool, content: &mut Content) -> Result<Box<Bytes>> {
        let mut hash = Sha256::default();
        content.begin_bytes(is_text, length);
        self.pieces(at, length, is_text, |piece| {
            hash.update(piece);
            content.add_to_digest(piece);
            Ok(())
        })?;
        Ok(Box::new(Bytes { length, sha256: hash.finish() }))
    }

    /// LEAF-7
    fn complex(&mut self) -> Result<Leaf> {
        let (at, count) = self.array_head("LEAF-7", "the body of a complex is not an array")?;
        require(count == 2, "LEAF-7", at, "a complex has two elements")?;
        Ok(Leaf::Complex(self.complex_part()?, self.complex_part()?))
    }

    fn complex_part(&mut self) -> Result<u64> {
        let Head { at, value } = self.head()?;
        let Value::Float(bits) = value else {
            return refuse("LEAF-7", at, "a part of a complex is not a float");
        };
        Ok(bits)
    }

    /// An array in one piece, in the ext at `at`.
    fn whole_array(&mut self, at: u64, length: u64, role: Role, content: &mut Content) -> Result<Box<Array>> {
        let (dtype, shape) = self.enclosed(at, length, |input| input.array_body(role, content))?;
        Ok(Box::new(Array { dtype, shape, sha256: content.payload.clone().finish() }))
    }

    /// LEAF-2: shape, dtype tag and payload.
    fn array_body(&mut self, role: Role, content: &mut Content) -> Result<(Dtype, Vec<u64>)> {
        let (at, count) = self.array_head("LEAF-2", "the body of an ndarray is not an array")?;
        require(count == 3, "LEAF-2", at, "the body of an ndarray has three elements")?;
        let shape_at = self.position;
        let shape = self.shape()?;
        let tag_at = self.position;
        let dtype = self.dtype()?;
        match role {
            Role::Scalar => require(shape.is_empty(), "LEAF-6", shape_at, "a scalar has no dimension")?,
            Role::Chunk(..) if shape.len() != 1 => return refuse("LEAF-12", shape_at, "a chunk has one dimension"),
            Role::Chunk(_, Some(first)) => require(dtype == first, "LEAF-12", tag_at, "the chunks differ in dtype")?,
            _ => {}
        }
        let due = payload_length(&shape, dtype.width, shape_at)?;
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("LEAF-5", at, "the payload is not a bin");
        };
        self.fits(at, length)?;
        require(length == due, "LEAF-5", at, "the payload is not as long as shape and dtype say")?;
        match role {
            Role::Ndarray => content.begin_array("ndarray", dtype, &shape),
            Role::Scalar => content.begin_array("scalar", dtype, &shape),
            Role::Chunk(whole, _) => content.begin_array("ndarray", dtype, whole),
        }
        content.begin_piece(self.position);
        self.pieces(at, length, false, |piece| {
            content.payload.update(piece);
            content.add_to_digest(piece);
            Ok(())
        })?;
        Ok((dtype, shape))
    }

    /// LEAF-3
    fn shape(&mut self) -> Result<Vec<u64>> {
        let (at, count) = self.array_head("LEAF-3", "the shape is not an array")?;
        require(count <= MAX_DIMENSIONS, "LEAF-3", at, "more than 64 dimensions")?;
        (0..count).map(|_| self.dimension()).collect()
    }

    fn dimension(&mut self) -> Result<u64> {
        let Head { at, value } = self.head()?;
        match value {
            // No int has more than 64 bits (chapter 01).
            Value::Int(dimension @ 0..) => Ok(dimension as u64),
            _ => refuse("LEAF-3", at, "a dimension is not an integer of 0 or more"),
        }
    }

    /// DTYPE-1, DTYPE-2
    fn dtype(&mut self) -> Result<Dtype> {
        let Head { at, value } = self.head()?;
        let length = match value {
            Value::Str(length) => length,
            Value::Bin(length) if self.canonical.is_none() => length,
            _ => return refuse("DTYPE-2", at, "the dtype tag is neither a str nor a bin"),
        };
        self.fits(at, length)?;
        let name = self.window(at, length)?;
        let Some(dtype) = Dtype::named(name) else {
            return refuse("DTYPE-1", at, "unknown dtype tag");
        };
        self.advance(dtype.tag.len());
        Ok(dtype)
    }

    /// LEAF-10: the rest of the chunked array at `at`, of `count` entries, after the marker.
    fn chunked(&mut self, at: u64, count: u64, content: &mut Content) -> Result<Leaf> {
        // ALIGN-1: in a sealed stream there may be a fourth.
        content.is_padded = self.is_sealed && count == 4;
        require(count == 3 || content.is_padded, "LEAF-10", at, "a chunked array has three entries")?;
        let marker = self.head()?;
        let is_true = matches!(marker.value, Value::Bool(true));
        require(is_true, "LEAF-10", marker.at, "the marker of a chunked array is not true")?;
        if content.is_padded {
            self.padding()?;
        }
        self.key("shape", "LEAF-10")?;
        let shape_at = self.position;
        let shape = self.chunked_shape()?;
        self.key("chunks", "LEAF-10")?;
        let chunks_at = self.position;
        let before = content.payload.length;
        let dtype = self.chunks(&shape, content)?;
        // LEAF-11: LEAF-4 holds with the width of the chunks.
        let due = payload_length(&shape, dtype.width, shape_at)?;
        let found = content.payload.length - before;
        require(found == due, "LEAF-12", chunks_at, "the chunks do not have as many elements as the shape says")?;
        Ok(Leaf::Ndarray(Box::new(Array { dtype, shape, sha256: content.payload.clone().finish() })))
    }

    /// The next key in a chunked array; any other breaks `clause`.
    fn key(&mut self, expected: &str, clause: &'static str) -> Result<()> {
        let head = self.head()?;
        if self.is_text(&head, expected)? {
            return Ok(());
        }
        refuse(clause, head.at, format!("expected the key `{expected}`"))
    }

    /// LEAF-11
    fn chunked_shape(&mut self) -> Result<Vec<u64>> {
        let (at, count) = self.map_head("LEAF-11", "the shape of a chunked array is not a map")?;
        require(count <= MAX_DIMENSIONS, "LEAF-3", at, "more than 64 dimensions")?;
        let dimension = |place: u64| {
            self.key(&place.to_string(), "LEAF-11")?;
            self.dimension()
        };
        (0..count).map(dimension).collect()
    }

    /// LEAF-12: the dtype of the chunks of an array of this shape.
    fn chunks(&mut self, shape: &[u64], content: &mut Content) -> Result<Dtype> {
        let (map_at, count) = self.map_head("LEAF-12", "the chunks of a chunked array are not a map")?;
        let mut dtype = None;
        for place in 0..count {
            self.key(&place.to_string(), "LEAF-12")?;
            let Head { at, value } = self.head()?;
            let Value::Ext(EXT_NDARRAY, length) = value else {
                return refuse("LEAF-12", at, "a chunk is not an ext of type 1");
            };
            let role = Role::Chunk(shape, dtype);
            let (found, _) = self.enclosed(at, length, |input| input.array_body(role, content))?;
            dtype = Some(found);
        }
        dtype.map_or_else(|| refuse("LEAF-12", map_at, "a chunked array has no chunk"), Ok)
    }
}

// ---- Streams (chapters 02, 05, 06 and 07) ----

/// TREE-1, STREAM-6: the leaves by key path; the order in the file carries no meaning.
type Records = BTreeMap<KeyPath, Leaf>;

fn read_stream(input: &mut Input) -> Result<Records> {
    let mut records = Records::new();
    while !input.at_end()? {
        let at = input.position;
        input.record_head()?;
        let path = input.key_path()?;
        check_clash(&records, &path, at).map_err(|error| error.under(|| path.clone()))?;
        let leaf = input.leaf_blob(&mut Content::default()).map_err(|error| error.under(|| path.clone()))?;
        records.insert(path, leaf);
    }
    // STREAM-3
    require(!records.is_empty(), "STREAM-3", 0, "the input is empty")?;
    Ok(records)
}

/// STREAM-4, STREAM-5: as long as no path is the beginning of another, one that clashes is a neighbour of the new one.
fn check_clash<T>(records: &BTreeMap<KeyPath, T>, path: &KeyPath, at: u64) -> Result<()> {
    let before = records.range(..=path).next_back();
    let after = records.range(path..).next();
    match (before, after) {
        (Some((other, _)), _) if other == path => refuse("STREAM-4", at, "the key path stands in the stream twice"),
        (Some((other, _)), _) if other.is_beginning_of(path) => {
            refuse("STREAM-5", at, "an earlier key path is the beginning of this one")
        }
        (_, Some((other, _))) if path.is_beginning_of(other) => {
            refuse("STREAM-5", at, "the key path is the beginning of an earlier one")
        }
        _ => Ok(()),
    }
}

impl Input {
    /// REC-1
    fn record_head(&mut self) -> Result<()> {
        let (at, count) = self.array_head("REC-1", "not a record")?;
        require(count == 2, "REC-1", at, "a record has two elements")
    }

    fn key_path(&mut self) -> Result<KeyPath> {
        // PART-3: the key of a part does not count. What has too much without one is refused later.
        let (spare_parts, spare_bytes) = if self.is_sealed { (1, parts::MAX_PART_KEY) } else { (0, 0) };
        // KEY-1, KEY-3
        let (path_at, parts) = self.array_head("KEY-1", "the key path is not an array")?;
        require(parts != 0, "KEY-1", path_at, "the key path has no part")?;
        require(parts <= (MAX_PARTS + spare_parts) as u64, "KEY-3", path_at, "the key path has more than 512 parts")?;
        let mut path = KeyPath::default();
        let mut left = (MAX_PATH_BYTES + spare_bytes) as u64;
        for _ in 0..parts {
            let Head { at, value } = self.head()?;
            let Value::Str(length) = value else {
                return refuse("KEY-1", at, "a part of a key path is not a str");
            };
            self.fits(at, length)?;
            // KEY-4
            left = match left.checked_sub(length) {
                Some(left) => left,
                None => return refuse("KEY-4", path_at, "the key path has more than 65,535 bytes"),
            };
            self.pieces(at, length, true, |piece| {
                path.0.extend_from_slice(piece);
                Ok(())
            })?;
            path.end_part();
        }
        path.0.shrink_to_fit();
        Ok(path)
    }

    /// REC-2, REC-4
    fn leaf_blob(&mut self, content: &mut Content) -> Result<Leaf> {
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("REC-2", at, "the leaf blob is not a bin");
        };
        self.enclosed(at, length, |input| input.blob_body(content))
    }

    fn blob_body(&mut self, content: &mut Content) -> Result<Leaf> {
        let head = self.head()?;
        let Value::Map(count @ 1..) = head.value else {
            return self.leaf(head, content);
        };
        self.map_fits(head.at, count)?;
        let first = self.head()?;
        if self.is_text(&first, MARKER)? {
            self.chunked(head.at, count, content)
        } else {
            self.leaf(head, content)
        }
    }
}

// ---- Standard flax files (chapter 08) ----

/// A key of a nested map. The leaves share the keys above them, so that memory follows the size of the file,
/// however long their key paths are together.
struct Key {
    above: Option<Rc<Key>>,
    name: Rc<[u8]>,
    /// How many parts and bytes the path down to here has.
    parts: usize,
    bytes: usize,
}

impl Key {
    /// KEY-3, KEY-4: every key leads to a leaf, so one that is too deep or too long is refused where it stands.
    fn new(above: Option<&Rc<Key>>, name: Rc<[u8]>, at: u64) -> Result<Rc<Key>> {
        let (parts, bytes) = above.map_or((0, 0), |key| (key.parts, key.bytes));
        let key = Key { above: above.cloned(), parts: parts + 1, bytes: bytes + name.len(), name };
        require(key.parts <= MAX_PARTS, "KEY-3", at, "the key path has more than 512 parts")?;
        require(key.bytes <= MAX_PATH_BYTES, "KEY-4", at, "the key path has more than 65,535 bytes")?;
        Ok(Rc::new(key))
    }

    fn path(&self) -> KeyPath {
        let mut path = self.above.as_ref().map_or_else(KeyPath::default, |above| above.path());
        path.0.extend_from_slice(&self.name);
        path.end_part();
        path
    }
}

type Leaves = Vec<(Rc<Key>, Leaf)>;

fn read_flax(input: &mut Input) -> Result<Leaves> {
    // FLAX-1
    require(!input.at_end()?, "FLAX-1", 0, "the input is empty")?;
    let (at, count) = input.map_head("FLAX-1", "a flax file is a map")?;
    require(count != 0, "FLAX-1", at, "the map has no entry")?;
    let mut leaves = Leaves::new();
    let (first_at, first) = input.flax_key()?;
    // FLAX-3
    require(*first != *MARKER.as_bytes(), "FLAX-3", first_at, "the root map is a chunked array")?;
    input.flax_entries(&mut leaves, count, None, first_at, first)?;
    require(input.at_end()?, "FLAX-1", input.position, "bytes stand after the map")?;
    // FLAX-8
    let paths = leaves.iter().fold(0u64, |sum, (key, _)| sum.saturating_add((key.bytes + 8 * key.parts) as u64));
    let most = input.position.saturating_mul(64).saturating_add(1 << 20);
    require(paths <= most, "FLAX-8", 0, "the key paths are too long for a file of this size")?;
    Ok(leaves)
}

impl Input {
    /// FLAX-2: the entries of a map, the first key of which has been read. KEY-3 ends the recursion.
    fn flax_entries(
        &mut self,
        leaves: &mut Leaves,
        count: u64,
        above: Option<&Rc<Key>>,
        first_at: u64,
        first: Rc<[u8]>,
    ) -> Result<()> {
        let mut names = HashSet::from([Rc::clone(&first)]);
        let key = Key::new(above, first, first_at)?;
        self.flax_value(leaves, &key).map_err(|error| error.under(|| key.path()))?;
        for _ in 1..count {
            let (at, name) = self.flax_key()?;
            require(*name != *MARKER.as_bytes(), "FLAX-3", at, "the marker of chunked arrays is not the first key")?;
            let is_new = names.insert(Rc::clone(&name));
            let key = Key::new(above, name, at)?;
            let value = if is_new {
                self.flax_value(leaves, &key)
            } else {
                refuse("FLAX-5", at, "the key stands in the map twice")
            };
            value.map_err(|error| error.under(|| key.path()))?;
        }
        Ok(())
    }

    fn flax_key(&mut self) -> Result<(u64, Rc<[u8]>)> {
        let Head { at, value } = self.head()?;
        let Value::Str(length) = value else {
            return refuse("FLAX-2", at, "a key is not a str");
        };
        self.fits(at, length)?;
        require(length <= MAX_PATH_BYTES as u64, "KEY-4", at, "the key has more than 65,535 bytes")?;
        let mut name = Vec::new();
        self.pieces(at, length, true, |piece| {
            name.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((at, name.into()))
    }

    fn flax_value(&mut self, leaves: &mut Leaves, key: &Rc<Key>) -> Result<()> {
        let head = self.head()?;
        let leaf = match head.value {
            Value::Array(_) => return refuse("FLAX-4", head.at, "a value is an array"),
            Value::Map(count @ 1..) => {
                self.map_fits(head.at, count)?;
                let (first_at, first) = self.flax_key()?;
                if *first != *MARKER.as_bytes() {
                    return self.flax_entries(leaves, count, Some(key), first_at, first);
                }
                self.chunked(head.at, count, &mut Content::default())?
            }
            _ => self.leaf(head, &mut Content::default())?,
        };
        leaves.push((Rc::clone(key), leaf));
        Ok(())
    }
}

// ---- SHA-256 (FIPS 180-4) ----

type Digest = [u8; 32];
type State = [u32; 8];
const BLOCK: usize = 64;

const INITIAL: State = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

static ROUND_CONSTANTS: [u32; 64] = [
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
struct Sha256 {
    state: State,
    block: [u8; BLOCK],
    length: u64,
    compress: fn(&mut State, &[u8]),
}

impl Default for Sha256 {
    fn default() -> Self {
        Sha256 { state: INITIAL, block: [0; BLOCK], length: 0, compress: fastest_compress() }
    }
}

impl Sha256 {
    fn update(&mut self, mut data: &[u8]) {
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

    fn finish(mut self) -> Digest {
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

fn fastest_compress() -> fn(&mut State, &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if sha_ni::is_available() {
        return sha_ni::compress;
    }
    compress_portable
}

/// Takes whole blocks into the state.
fn compress_portable(state: &mut State, blocks: &[u8]) {
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

// ---- What is printed ----

/// A JSON string. What KEY-5 hides is escaped here too, so that no key can move the cursor of a terminal.
fn json_text(text: &str) -> String {
    let mut json = String::from('"');
    text.chars().for_each(|c| push_json(&mut json, c));
    json + "\""
}

fn push_json(json: &mut String, c: char) {
    match c {
        '"' | '\\' => json.extend(['\\', c]),
        c => push_shown(json, c),
    }
}

fn json_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn json_path(path: &KeyPath) -> String {
    json_list(path.parts().map(|part| json_text(&part)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The members that say what a leaf is.
fn json_members(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Ndarray(array) => {
            let shape = json_list(array.shape.iter().map(|dimension| format!(r#""{dimension}""#)));
            let (tag, sha256) = (array.dtype.tag, hexadecimal(&array.sha256));
            format!(r#""kind":"ndarray","dtype":"{tag}","shape":{shape},"sha256":"{sha256}""#)
        }
        Leaf::Scalar(array) => {
            let (tag, sha256) = (array.dtype.tag, hexadecimal(&array.sha256));
            format!(r#""kind":"scalar","dtype":"{tag}","sha256":"{sha256}""#)
        }
        Leaf::Complex(real, imaginary) => {
            format!(r#""kind":"complex","value":["{real:016x}","{imaginary:016x}"]"#)
        }
        Leaf::Nil => r#""kind":"nil""#.into(),
        Leaf::Bool(value) => format!(r#""kind":"bool","value":{value}"#),
        Leaf::Int(value) => format!(r#""kind":"int","value":"{value}""#),
        Leaf::Float(bits) => format!(r#""kind":"float","value":"{bits:016x}""#),
        Leaf::Str(text) => json_bytes("str", text),
        Leaf::Bin(bytes) => json_bytes("bin", bytes),
        Leaf::Empty => r#""kind":"empty""#.into(),
    }
}

/// The members of a record.
fn json_record(path: &KeyPath, leaf: &Leaf) -> String {
    let (parts, display, leaf) = (json_path(path), json_text(&path.display()), json_members(leaf));
    format!(r#""path":{parts},"display":{display},{leaf}"#)
}

fn json_bytes(kind: &str, bytes: &Bytes) -> String {
    let (length, sha256) = (bytes.length, hexadecimal(&bytes.sha256));
    format!(r#""kind":"{kind}","bytes":"{length}","sha256":"{sha256}""#)
}

/// CONF-3: to be called when the whole input has been checked.
fn print_records<'a>(records: impl Iterator<Item = (Cow<'a, KeyPath>, &'a Leaf)>) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut separator = "";
    write!(out, r#"{{"records":["#)?;
    for (path, leaf) in records {
        write!(out, "{separator}\n{{{}}}", json_record(&path, leaf))?;
        separator = ",";
    }
    writeln!(out, "\n]}}")?;
    Ok(out.flush()?)
}

/// CONF-5
fn print_refusal(refusal: &Refusal) -> io::Result<()> {
    let Refusal { clause, offset, reason, .. } = refusal;
    let path = refusal.path.as_ref().map_or_else(String::new, |path| format!(r#","path":{}"#, json_path(path)));
    let clause = clause.map_or_else(String::new, |clause| format!(r#","clause":"{clause}""#));
    let reason = json_text(reason);
    let line = format!("{{\"rejected\":{reason}{clause},\"offset\":\"{offset}\"{path}}}\n");
    io::stderr().write_all(line.as_bytes())
}

// ---- The program ----

fn decode(path: &OsStr) -> Result<()> {
    let mut input = Input::open(path, "STREAM-2")?;
    if input.peek(sealed::MARK.len())? == sealed::MARK {
        return sealed::decode(input, path);
    }
    if let Some(seal) = sealed::seal_beside(path) {
        return sealed::decode_with_seal(input, &seal);
    }
    let records = read_stream(&mut input)?;
    print_records(records.iter().map(|(path, leaf)| (Cow::Borrowed(path), leaf)))
}

fn decode_flax(path: &OsStr) -> Result<()> {
    let leaves = read_flax(&mut Input::open(path, "FLAX-6")?)?;
    print_records(leaves.iter().map(|(key, leaf)| (Cow::Owned(key.path()), leaf)))
}

fn encode() -> Result<()> {
    let asked = asked::read_asked(Input::open(OsStr::new("-"), "")?)?;
    match asked.settings {
        Some(settings) => write_sealed::write(&asked.tree, &settings),
        None => write::write_stream(&asked.tree),
    }
}

fn encode_flax() -> Result<()> {
    write::write_flax(&asked::read_asked(Input::open(OsStr::new("-"), "")?)?.tree)
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let path = arguments.get(1).map_or(OsStr::new("-"), OsString::as_os_str);
    let outcome = match arguments.first().and_then(|part| part.to_str()) {
        Some("decode") if arguments.len() <= 2 => decode(path),
        Some("flax-decode") if arguments.len() <= 2 => decode_flax(path),
        Some("encode") if arguments.len() == 1 => encode(),
        Some("flax-encode") if arguments.len() == 1 => encode_flax(),
        _ => {
            eprintln!("usage: client decode|flax-decode [PATH], or client encode|flax-encode");
            return ExitCode::from(2);
        }
    };
    let failure = match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Error::Refused(refusal)) => match print_refusal(&refusal) {
            Ok(()) => return ExitCode::from(1),
            Err(error) => error,
        },
        Err(Error::Io(error)) => error,
    };
    eprintln!("{}: {failure}", path.to_string_lossy());
    ExitCode::from(3)
}
