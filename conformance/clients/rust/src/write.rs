//! Writing plain streams (chapters 04 to 07) and standard flax files (chapter 08).

use crate::given::Given;
use crate::payload::Payload;
use crate::tree::{Tree, Visit};
use crate::*;
use std::ops::Range;

const MAX_CHUNK: u64 = 1 << 30; // LEAF-13
const MAX_BLOB: u64 = u32::MAX as u64; // REC-3

/// Takes what is written: bytes, and ranges of payloads.
pub type Sink<'a> = dyn FnMut(Piece) -> io::Result<()> + 'a;

pub enum Piece<'a> {
    Bytes(&'a [u8]),
    Payload(&'a Payload, Range<u64>),
}

impl Piece<'_> {
    pub fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Payload(_, range) => range.end - range.start,
        }
    }

    pub fn write(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Piece::Bytes(bytes) => out.write_all(bytes),
            Piece::Payload(payload, range) => payload.pieces(range, |piece| out.write_all(piece)),
        }
    }
}

/// How many bytes `put` writes.
fn length_of(put: impl FnOnce(&mut Sink) -> Result<()>) -> Result<u64> {
    let mut length = 0u64;
    put(&mut |piece| {
        length = length.saturating_add(piece.length());
        Ok(())
    })?;
    Ok(length)
}

// ---- Encodings ----

/// Bytes that are put together.
#[derive(Default)]
pub struct Encoded(pub Vec<u8>);

impl Encoded {
    pub fn value(mut self, value: Value) -> Self {
        self.0.extend(value.encoded());
        self
    }

    pub fn text(self, text: &str) -> Self {
        self.value(Value::Str(text.len() as u64)).bytes(text.as_bytes())
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// KEY-1: with one key more, where there is one.
    pub fn path(self, path: &KeyPath, last: Option<String>) -> Self {
        let count = path.size().0 + usize::from(last.is_some());
        let parts = path.parts().fold(self.value(Value::Array(count as u64)), |encoded, part| encoded.text(&part));
        last.into_iter().fold(parts, |encoded, part| encoded.text(&part))
    }

    pub fn shape(self, shape: &[u64]) -> Self {
        let count = self.value(Value::Array(shape.len() as u64));
        shape.iter().fold(count, |encoded, dimension| encoded.value(Value::Int((*dimension).into())))
    }

    /// LEAF-11
    pub fn chunked_shape(self, shape: &[u64]) -> Self {
        let count = self.value(Value::Map(shape.len() as u64));
        shape.iter().enumerate().fold(count, |encoded, (place, dimension)| {
            encoded.text(&place.to_string()).value(Value::Int((*dimension).into()))
        })
    }

    /// LEAF-2, LEAF-6: an array in one piece, up to its payload of `length` bytes.
    pub fn array(self, kind: &str, dtype: Dtype, shape: &[u64], length: u64) -> Self {
        let ext = if kind == "scalar" { EXT_SCALAR } else { EXT_NDARRAY };
        let body = Encoded::default().value(Value::Array(3)).shape(shape).text(dtype.tag).value(Value::Bin(length));
        self.value(Value::Ext(ext, body.0.len() as u64 + length)).bytes(&body.0)
    }
}

/// Hands over a leaf as version 1.0 writes it.
fn put_leaf(leaf: &Given, put: &mut Sink) -> Result<()> {
    let length = leaf.payload.length();
    match &leaf.array {
        Some((dtype, shape)) if length > MAX_CHUNK => return Ok(put_chunked(&leaf.payload, *dtype, shape, put)?),
        Some((dtype, shape)) => put(Piece::Bytes(&Encoded::default().array(leaf.kind, *dtype, shape, length).0))?,
        None => put(Piece::Bytes(&leaf.head))?,
    }
    Ok(put(Piece::Payload(&leaf.payload, 0..length))?)
}

/// LEAF-10 to LEAF-13
fn put_chunked(payload: &Payload, dtype: Dtype, shape: &[u64], put: &mut Sink) -> io::Result<()> {
    let (length, elements) = (payload.length(), MAX_CHUNK / dtype.width);
    let chunks = length.div_ceil(elements * dtype.width);
    let head = Encoded::default().value(Value::Map(3)).text(MARKER).value(Value::Bool(true));
    let head = head.text("shape").chunked_shape(shape).text("chunks").value(Value::Map(chunks));
    put(Piece::Bytes(&head.0))?;
    for chunk in 0..chunks {
        let start = chunk * elements * dtype.width;
        let end = length.min(start + elements * dtype.width);
        let head = Encoded::default().text(&chunk.to_string());
        let head = head.array("ndarray", dtype, &[(end - start) / dtype.width], end - start);
        put(Piece::Bytes(&head.0))?;
        put(Piece::Payload(payload, start..end))?;
    }
    Ok(())
}

// ---- Streams ----

/// REC-3
pub fn blob_length(leaf: &Given) -> Result<u64> {
    // Not to count the chunks of what is much too large.
    let is_small = leaf.payload.length() <= MAX_BLOB;
    let length = if is_small { length_of(|put| put_leaf(leaf, put))? } else { u64::MAX };
    require(length <= MAX_BLOB, "REC-3", leaf.at, "the leaf takes more than 2^32 - 1 bytes")?;
    Ok(length)
}

pub fn write_stream(tree: &Tree, out: &mut impl Write) -> Result<()> {
    tree.leaves(&mut |_, leaf| blob_length(leaf).map(|_| ()))?; // CONF-7
    tree.leaves(&mut |path, leaf| {
        let head = Encoded::default().value(Value::Array(2)).path(path, None).value(Value::Bin(blob_length(leaf)?));
        out.write_all(&head.0)?;
        put_leaf(leaf, &mut |piece| piece.write(out))
    })?;
    Ok(out.flush()?)
}

// ---- Standard flax files ----

pub fn write_flax(tree: &Tree, out: &mut impl Write) -> Result<()> {
    check_flax(tree)?; // CONF-7
    put_flax(tree, &mut |piece| piece.write(out))?;
    Ok(out.flush()?)
}

fn check_flax(tree: &Tree) -> Result<()> {
    let mut paths = 0u64;
    tree.leaves(&mut |path, leaf| {
        let has_marker = path.parts().any(|part| part == MARKER);
        require(!has_marker, "FLAX-3", leaf.at, "a part of the key path is the marker of chunked arrays")?;
        let (parts, bytes) = path.size();
        paths = paths.saturating_add((bytes + 8 * parts) as u64);
        Ok(())
    })?;
    let length = length_of(|put| put_flax(tree, put))?;
    let most = length.saturating_mul(64).saturating_add(1 << 20);
    require(paths <= most, "FLAX-8", 0, "the key paths are too long for a file of this size")
}

/// FLAX-7
fn put_flax(tree: &Tree, put: &mut Sink) -> Result<()> {
    tree.walk(&mut |path, visited| {
        if let Some(key) = path.parts().last() {
            put(Piece::Bytes(&Encoded::default().text(&key).0))?;
        }
        match visited {
            Visit::Map(count) => Ok(put(Piece::Bytes(&Value::Map(count).encoded()))?),
            Visit::Leaf(leaf) => put_leaf(leaf, put),
        }
    })
}
