//! Sealed streams, and plain ones with a detached seal (version 2.0 of the specification).
//!
//! A sealed stream is read from front to back, like a plain one. What each record was, its checksums included, is noted
//! as it passes by, and the index is compared with that when it comes. So a pipe and a file are read alike, no payload
//! is ever held, and of the index nothing but the metadata and the digests. A file is opened from its end before that
//! (SEAL-8): one that has been cut off, or has an index that breaks a rule, is refused before its records are read.

use crate::checksum::{checksum, joined, Checksums, BLOCK};
use crate::index::{big_endian, Entry, Frame, Index, Listed};
use crate::parts::{Boxes, Part};
use crate::*;
use std::io::{Seek, SeekFrom};
use std::path::Path;

pub const MARK: [u8; 5] = [0xdd, 0, 0, 0, 2]; // SEAL-1
const RECORD: u8 = 0x92; // SEAL-1
pub const SEAL: u8 = 0xc6; // SEAL-3
const SEAL_HEADER: u64 = 5; // SEAL-3
pub const MAX_SEAL: u64 = (1 << 31) - 1; // SEAL-3
pub const FOOTER: usize = 40; // SEAL-4
pub const FOOTER_MARK: &[u8; 16] = b"streamckpt-seal\n"; // SEAL-4
const MAX_PADDING: u64 = 4095; // ALIGN-2

// ---- Arrays with padding (chapter 11) ----

impl Input {
    /// ALIGN-1, ALIGN-2: the entry of a chunked array that stands before its shape.
    pub fn padding(&mut self) -> Result<()> {
        self.key("pad", "ALIGN-1")?;
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("ALIGN-2", at, "the padding is not a bin");
        };
        self.fits(at, length)?;
        require(length <= MAX_PADDING, "ALIGN-2", at, "the padding has more than 4,095 bytes")?;
        let is_zero = self.window(at, length)?.iter().all(|byte| *byte == 0);
        self.advance(length as usize);
        require(is_zero, "ALIGN-2", at, "a byte of the padding is not zero")
    }
}

// ---- The digests of leaves (INDEX-9, DELTA-4) ----

pub struct LeafDigest {
    hash: Sha256,
    /// The shape of an array in parts. Each of them says its own alone.
    whole: Option<Vec<u64>>,
    has_shape: bool,
}

impl LeafDigest {
    fn new(path: &KeyPath, whole: Option<Vec<u64>>) -> Self {
        let mut digest = LeafDigest { hash: Sha256::default(), whole, has_shape: false };
        digest.add(&Value::Array(path.size().0 as u64).encoded());
        path.parts().for_each(|part| digest.add_text(&part));
        digest
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    fn add_text(&mut self, text: &str) {
        self.add(&Value::Str(text.len() as u64).encoded());
        self.add(text.as_bytes());
    }

    /// DELTA-6: what has not passed by as bytes, the canonical encoding of a small value, is added here.
    fn finish(mut self, leaf: &Leaf) -> Digest {
        let values: &[Value] = match *leaf {
            Leaf::Ndarray(_) | Leaf::Scalar(_) | Leaf::Str(_) | Leaf::Bin(_) => return self.hash.finish(),
            Leaf::Nil => &[Value::Nil],
            Leaf::Bool(value) => &[Value::Bool(value)],
            Leaf::Int(value) => &[Value::Int(value)],
            Leaf::Float(bits) => &[Value::Float(bits)],
            Leaf::Empty => &[Value::Map(0)],
            Leaf::Complex(real, imaginary) => {
                &[Value::Ext(EXT_COMPLEX, 19), Value::Array(2), Value::Float(real), Value::Float(imaginary)]
            }
        };
        self.add_text(leaf.kind());
        values.iter().for_each(|value| self.add(&value.encoded()));
        self.hash.finish()
    }
}

/// DELTA-5: that of a tree whose leaves have these.
pub fn tree_digest(mut leaves: Vec<&[u8]>) -> Digest {
    leaves.sort_unstable();
    let mut hash = Sha256::default();
    leaves.iter().for_each(|digest| hash.update(digest));
    hash.finish()
}

impl Content {
    /// To be called before each piece of the payload.
    pub fn begin_array(&mut self, kind: &str, dtype: Dtype, shape: &[u64]) {
        let Some(digest) = self.digest.as_mut().filter(|digest| !digest.has_shape) else {
            return;
        };
        digest.has_shape = true;
        let shape = digest.whole.take().unwrap_or_else(|| shape.to_vec());
        digest.add_text(kind);
        digest.add_text(dtype.tag);
        digest.add(&Value::Array(shape.len() as u64).encoded());
        shape.iter().for_each(|dimension| digest.add(&Value::Int((*dimension).into()).encoded()));
    }

    /// To be called before the bytes of a str or bin.
    pub fn begin_bytes(&mut self, is_text: bool, length: u64) {
        if let Some(digest) = &mut self.digest {
            let (kind, header) = if is_text { ("str", Value::Str(length)) } else { ("bin", Value::Bin(length)) };
            digest.add_text(kind);
            digest.add(&header.encoded());
        }
    }

    pub fn add_to_digest(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.add(bytes);
        }
    }
}

// ---- The records (SEAL-1, SEAL-2, PART-1 to PART-4, SUM-2) ----

/// A leaf that has been read.
pub struct Stored {
    pub leaf: Leaf,
    /// More than one where it is an array in parts.
    pub records: usize,
    digest: Option<Box<Digest>>,
}

/// What INDEX-3 says of a record, but for the checksums.
pub struct Record {
    pub size: u64,
    payload: Option<u64>,
    /// That of a part.
    shape: Option<Box<[u64]>>,
}

/// What has been read. Everything but the places stands in the order of the file.
#[derive(Default)]
pub struct Stream {
    pub places: BTreeMap<KeyPath, usize>,
    pub leaves: Vec<Stored>,
    pub records: Vec<Record>,
    /// Those of the blocks of all records.
    pub checksums: Vec<u32>,
    /// That of all bytes.
    checksum: u32,
    /// The offsets of payloads that must be aligned.
    padded_at: Vec<u64>,
}

/// An array in parts of which more are to come.
struct OpenArray {
    path: KeyPath,
    at: u64,
    part: Part,
    dtype: Dtype,
    content: Content,
}

impl OpenArray {
    fn goes_on_with(&self, path: &KeyPath, next: &Part) -> bool {
        self.path == *path && self.part.count == next.count && self.part.place + 1 == next.place
    }
}

/// Reads the records.
struct Reader<'a> {
    input: &'a mut Input,
    ahead: Option<&'a Outline>,
    stream: Stream,
    open: Option<OpenArray>,
}

impl Stream {
    /// The records of a sealed stream, or those of a plain one that has a seal.
    fn read(input: &mut Input, ahead: Option<&Outline>) -> Result<Self> {
        let mut reader = Reader { input, ahead, stream: Stream::default(), open: None };
        while reader.stands_before_record()? {
            reader.record()?;
        }
        if let Some(OpenArray { at, path, .. }) = reader.open {
            return refuse("PART-2", at, "parts of the array are missing").map_err(|error: Error| error.under(|| path));
        }
        // STREAM-3
        require(!reader.stream.leaves.is_empty(), "STREAM-3", 0, "the input is empty")?;
        Ok(reader.stream)
    }
}

impl Reader<'_> {
    fn stands_before_record(&mut self) -> Result<bool> {
        let at = self.input.position;
        if !self.input.is_sealed {
            return Ok(!self.input.at_end()?);
        }
        if at == 0 {
            return Ok(true); // with the mark
        }
        // SEAL-8: where it is not known how far the records reach, the first byte tells.
        let first = self.input.window(at, 1)?[0];
        let is_seal = self.input.size.map_or(first == SEAL, |seal_at| at == seal_at);
        require(is_seal || first == RECORD, "SEAL-1", at, "a record does not begin with 92")?;
        Ok(!is_seal)
    }

    fn record(&mut self) -> Result<()> {
        let at = self.input.position;
        self.input.checksums = Some(Checksums::new());
        self.input.outermost = self.input.is_sealed.then_some(at); // SEAL-9: a record that reaches too far is at fault
        self.input.record_head()?;
        let path_at = self.input.position;
        let path = self.input.key_path()?;
        let (path, part) = if self.input.is_sealed { path.without_part(at)? } else { (path, None) };
        // PART-3: these two hold without the key of a part.
        let (parts, bytes) = path.size();
        require(parts <= MAX_PARTS, "KEY-3", path_at, "the key path has more than 512 parts")?;
        require(bytes <= MAX_PATH_BYTES, "KEY-4", path_at, "the key path has more than 65,535 bytes")?;
        self.leaf(at, &path, part).map_err(|error| error.under(|| path))
    }

    fn leaf(&mut self, at: u64, path: &KeyPath, part: Option<Part>) -> Result<()> {
        let (mut content, before) = match (self.open.take(), &part) {
            (Some(open), Some(part)) if open.goes_on_with(path, part) => (open.content, Some((open.at, open.dtype))),
            (Some(_), _) => return refuse("PART-2", at, "expected the next part of the array before it"),
            (None, Some(Part { place: 1.., .. })) => return refuse("PART-2", at, "the part before it is missing"),
            (None, _) => {
                check_clash(&self.stream.places, path, at)?;
                self.stream.places.insert(path.clone(), self.stream.leaves.len());
                let digest = Outline::digest(self.ahead, path, part.as_ref());
                (Content { digest, ..Content::default() }, None)
            }
        };
        (content.before, content.is_padded) = (content.pieces.len(), false);
        let leaf = self.input.leaf_blob(&mut content)?;
        self.end_record(at, &content, part.as_ref().and(leaf.shape()));
        let mut records = 1;
        if let Some(part) = part {
            // PART-1, PART-2
            let Leaf::Ndarray(array) = &leaf else {
                return refuse("PART-1", at, "a part is not an ndarray");
            };
            let (first_at, dtype) = before.unwrap_or((at, array.dtype));
            require(array.dtype == dtype, "PART-2", at, "the parts differ in dtype")?;
            if part.place + 1 < part.count {
                self.open = Some(OpenArray { path: path.clone(), at: first_at, part, dtype, content });
                return Ok(());
            }
            records = part.count as usize;
        }
        let digest = content.digest.map(|digest| Box::new(digest.finish(&leaf)));
        self.stream.leaves.push(Stored { leaf, records, digest });
        Ok(())
    }

    fn end_record(&mut self, at: u64, content: &Content, part_shape: Option<&[u64]>) {
        let stream = &mut self.stream;
        let size = self.input.position - at;
        let (blocks, all) = self.input.checksums.take().map(Checksums::finish).unwrap_or_default();
        stream.checksum = joined(stream.checksum, all, size); // SUM-4
        stream.checksums.extend(blocks);
        let pieces = &content.pieces[content.before..];
        let payload = (pieces.len() == 1).then(|| pieces[0].start - at);
        stream.records.push(Record { size, payload, shape: part_shape.map(Box::from) });
        if content.is_padded {
            stream.padded_at.push(pieces[0].start);
        }
    }
}

impl Leaf {
    /// The array of an ndarray or scalar.
    pub fn array(&self) -> Option<&Array> {
        match self {
            Leaf::Ndarray(array) | Leaf::Scalar(array) => Some(array),
            _ => None,
        }
    }

    fn shape(&self) -> Option<&[u64]> {
        self.array().map(|array| array.shape.as_slice())
    }
}

// ---- The seal (chapters 16 and 17) ----

/// SEAL-4
struct Footer {
    at: u64,
    seal_at: u64,
    index_bytes: u64,
    index_checksum: u32,
}

impl Footer {
    /// SEAL-9: the faults in the order of its table. `tail` is the last 40 bytes of what ends at `end`, or all of it.
    fn parse(tail: &[u8], end: u64) -> Result<Self> {
        let is_footer = tail.len() == FOOTER && tail.ends_with(FOOTER_MARK);
        require(is_footer, "SEAL-5", end, "the file has been cut off: it does not end with a footer")?;
        let at = end - FOOTER as u64;
        let is_whole = big_endian(&tail[20..24]) == checksum(&tail[..20]).into();
        require(is_whole, "SEAL-4", at, "the footer is damaged: its checksum is wrong")?;
        let (major, minor) = (big_endian(&tail[16..18]), big_endian(&tail[18..20]));
        if (major, minor) != (2, 0) {
            return refuse("SEAL-6", at, format!("the seal is of version {major}.{minor}, which is not known here"));
        }
        let (seal_at, index_bytes) = (big_endian(&tail[..8]), big_endian(&tail[8..12]));
        Ok(Footer { at, seal_at, index_bytes, index_checksum: big_endian(&tail[12..16]) as u32 })
    }

    /// Reads the end of a file.
    fn of(file: &mut File, size: u64) -> Result<Self> {
        let length = size.min(FOOTER as u64);
        let mut tail = vec![0; length as usize];
        file.seek(SeekFrom::Start(size - length))?;
        file.read_exact(&mut tail)?;
        Footer::parse(&tail, size)
    }

    /// `before` bytes stand before the index.
    fn check_size(&self, before: u64, size: u64) -> Result<()> {
        let fits = size.checked_sub(self.index_bytes + FOOTER as u64) == Some(before);
        require(fits, "SEAL-4", self.at, "the footer does not fit the size of the file")
    }

    /// Where the index begins, by what an attached seal says.
    fn index_at(&self) -> u64 {
        self.seal_at.saturating_add(SEAL_HEADER)
    }
}

impl Input {
    /// The index, which takes `length` bytes, and the footer.
    fn index_and_footer(&mut self, length: u64, frame: Frame, each: &mut dyn FnMut(Entry)) -> Result<(Index, Footer)> {
        let at = self.position;
        self.checksums = Some(Checksums::new());
        self.canonical = Some("INDEX-5");
        let index = self.enclosed(at, length, |input| input.index(frame, each));
        // Where the index is damaged, this is what is wrong with it, whatever else has been found.
        (self.canonical, self.kept, self.end, self.outermost) = (None, None, None, None);
        let end = at + length;
        self.pieces(at, end - self.position, false, |_| Ok(()))?;
        let (_, found) = self.checksums.take().map(Checksums::finish).unwrap_or_default();
        let footer_at = self.position;
        let tail = self.peek(FOOTER)?;
        let (bytes, footer) = (tail.len(), Footer::parse(tail, footer_at + tail.len() as u64));
        let footer = footer?;
        self.advance(bytes);
        require(footer.index_checksum == found, "SEAL-4", at, "the index is damaged: its checksum is wrong")?;
        Ok((index?, footer))
    }

    /// SEAL-3: the header of the seal; the number of bytes of the index.
    fn seal_header(&mut self) -> Result<u64> {
        let at = self.position;
        let first = self.number(at, 1)?;
        require(first == SEAL.into(), "SEAL-3", at, "the seal does not begin with c6")?;
        let length = self.number(at, 4)?;
        let least = FOOTER as u64 + 1;
        require((least..=MAX_SEAL).contains(&length), "SEAL-3", at, "the seal cannot have this length")?;
        Ok(length - least)
    }
}

/// What an index says that is to be known before the payloads pass by.
#[derive(Default)]
struct Outline {
    has_digests: bool,
    /// The shapes of the arrays in parts.
    shapes: BTreeMap<KeyPath, Vec<u64>>,
}

impl Outline {
    /// Reads the index that comes next in `input`, and the footer.
    fn read(input: &mut Input, length: u64, frame: Frame) -> Result<Self> {
        let mut outline = Outline::default();
        let (index, _) = input.index_and_footer(length, frame, &mut |entry| outline.add(entry))?;
        outline.has_digests = index.digests.is_some();
        Ok(outline)
    }

    fn add(&mut self, entry: Entry) {
        if let (Some(shape), 2..) = (entry.shape, entry.records.len()) {
            self.shapes.insert(entry.path, shape);
        }
    }

    /// The beginning of the digest of a leaf, where it is wanted and can be told. In what is digested the shape of an
    /// array comes before its payload, and on a pipe that of an array in parts is not known by then: it has none there.
    fn digest(ahead: Option<&Outline>, path: &KeyPath, part: Option<&Part>) -> Option<LeafDigest> {
        if ahead.is_some_and(|outline| !outline.has_digests) {
            return None;
        }
        let whole = match part {
            Some(Part { count: 2.., .. }) => Some(ahead?.shapes.get(path)?.clone()),
            _ => None,
        };
        Some(LeafDigest::new(path, whole))
    }
}

/// INDEX-7, SUM-3: compares the index with what has been read, leaf by leaf, up to the first fault.
struct Comparison<'a> {
    stream: &'a mut Stream,
    leaf: usize,
    record: usize,
    block: usize,
    /// Where that record begins.
    at: u64,
    fault: Result<()>,
}

impl<'a> Comparison<'a> {
    fn new(stream: &'a mut Stream) -> Self {
        Comparison { stream, leaf: 0, record: 0, block: 0, at: 0, fault: Ok(()) }
    }

    fn add(&mut self, entry: Entry) {
        if self.fault.is_ok() {
            let fault = self.compare(&entry);
            self.fault = fault.map_err(|error| error.under(|| entry.path));
        }
    }

    fn compare(&mut self, entry: &Entry) -> Result<()> {
        let at = self.at;
        let same = |holds: bool, reason: &'static str| require(holds, "INDEX-7", at, reason);
        let is_here = self.stream.places.get(&entry.path) == Some(&self.leaf);
        same(is_here, "the record has another key path than the index says")?;
        let stored = &mut self.stream.leaves[self.leaf];
        same(stored.leaf.kind() == entry.kind, "the leaf is of another kind than the index says")?;
        let dtype = stored.leaf.array().map(|array| array.dtype);
        same(dtype == entry.dtype, "the array has another dtype than the index says")?;
        same(stored.records == entry.records.len(), "the array has another number of parts than the index says")?;
        let records = &self.stream.records[self.record..self.record + stored.records];
        if records[0].shape.is_none() {
            same(stored.leaf.shape() == entry.shape.as_deref(), "the array has another shape than the index says")?;
        } else if let (Leaf::Ndarray(array), Some(shape)) = (&mut stored.leaf, &entry.shape) {
            let Some(boxes) = Boxes::of(shape, array.dtype.width) else {
                return refuse("PART-1", at, "the array in parts is not larger than 2^31 - 2^17 bytes");
            };
            let mut shapes = records.iter().zip(0..);
            let fits = boxes.count == records.len() as u64
                && shapes.all(|(record, place)| record.shape.as_deref() == Some(&boxes.shape_of(place)));
            require(fits, "PART-2", at, "the parts have other shapes than that of the array gives")?;
            array.shape.clone_from(shape); // PART-4
        }
        for listed in &entry.records {
            self.compare_record(listed)?;
        }
        self.leaf += 1;
        Ok(())
    }

    fn compare_record(&mut self, listed: &Listed) -> Result<()> {
        let record = &self.stream.records[self.record];
        let same = |holds: bool, reason: &'static str| require(holds, "INDEX-7", self.at, reason);
        same(record.size == listed.size, "the record has another size than the index says")?;
        same(record.payload == listed.payload, "the payload is in another place than the index says")?;
        let blocks = &self.stream.checksums[self.block..self.block + listed.checksums.len()];
        let damaged = blocks.iter().zip(&listed.checksums).position(|(found, stated)| found != stated);
        if let Some(block) = damaged {
            let at = self.at + block as u64 * BLOCK;
            return refuse("SUM-3", at, "a block of the record is damaged: its checksum is wrong");
        }
        self.at += record.size;
        self.block += blocks.len();
        self.record += 1;
        Ok(())
    }
}

impl Stream {
    /// What the index says of all records together, when each has been compared.
    fn check(&self, index: &Index) -> Result<()> {
        for at in &self.padded_at {
            let is_aligned = at % index.alignment == 0;
            require(is_aligned, "ALIGN-5", *at, "a padded payload does not begin at a multiple of the alignment")?;
        }
        require(index.checksum == self.checksum, "INDEX-8", index.at, "the checksum of all records is wrong")?;
        let Some((at, stated)) = &index.digests else {
            return Ok(());
        };
        // INDEX-9, DELTA-5
        let mut stated: Vec<&[u8]> = stated.chunks_exact(32).collect();
        let tree = stated.pop();
        for (leaf, stated) in self.leaves.iter().zip(&stated) {
            let differs = leaf.digest.as_ref().is_some_and(|found| found.as_slice() != *stated);
            require(!differs, "INDEX-9", *at, "the digest of a leaf is wrong")?;
        }
        require(tree == Some(&tree_digest(stated)), "INDEX-9", *at, "the tree digest is wrong")
    }

    /// Compares it with the seal that comes next in `input`.
    fn compare(&mut self, input: &mut Input, length: u64, frame: Frame) -> Result<(Index, Footer)> {
        let mut comparison = Comparison::new(self);
        let (index, footer) = input.index_and_footer(length, frame, &mut |entry| comparison.add(entry))?;
        comparison.fault?;
        Ok((index, footer))
    }
}

/// A stream that begins with the mark.
pub fn read(mut input: Input, path: &OsStr) -> Result<(Stream, Index)> {
    let size = input.size;
    let mut ahead = None;
    if let Some(size) = size {
        let (outline, seal_at) = open_from_end(path, size)?;
        ahead = Some(outline);
        input.size = Some(seal_at);
    }
    input.is_sealed = true;
    // SEAL-9: a record of a file that has its footer does not end too early, but reaches into the seal.
    input.cut_off = if size.is_some() { "INDEX-7" } else { "SEAL-5" };
    let mut stream = Stream::read(&mut input, ahead.as_ref())?;
    (input.is_sealed, input.size, input.cut_off, input.outermost) = (false, size, "SEAL-5", None);
    let seal_at = input.position;
    let length = input.seal_header()?;
    let (index, footer) = stream.compare(&mut input, length, Frame { seal_at, is_detached: false })?;
    require(input.at_end()?, "SEAL-2", input.position, "bytes follow the footer")?;
    footer.check_size(footer.index_at(), input.position)?;
    require(footer.seal_at == seal_at, "SEAL-4", footer.at, "the seal is not where the footer says")?;
    require(footer.index_bytes == length, "SEAL-3", seal_at, "the length of the seal is not that of the footer")?;
    stream.check(&index)?;
    Ok((stream, index))
}

/// SEAL-8: what the index of a file says; the offset of its seal.
fn open_from_end(path: &OsStr, size: u64) -> Result<(Outline, u64)> {
    let mut file = File::open(path)?;
    let footer = Footer::of(&mut file, size)?;
    footer.check_size(footer.index_at(), size)?;
    let seal_at = footer.seal_at;
    file.seek(SeekFrom::Start(seal_at))?;
    let mut input = Input::new(file, Some(size), "SEAL-5");
    input.position = seal_at;
    let length = input.seal_header()?;
    require(length == footer.index_bytes, "SEAL-3", seal_at, "the length of the seal is not that of the footer")?;
    let outline = Outline::read(&mut input, length, Frame { seal_at, is_detached: false })?;
    Ok((outline, seal_at))
}

/// DETACHED-1, DETACHED-3: the name of the seal of this file, where there is one.
pub fn seal_beside(path: &OsStr) -> Option<OsString> {
    let mut name = path.to_os_string();
    name.push(".seal");
    (path != "-" && Path::new(&name).symlink_metadata().is_ok()).then_some(name)
}

/// DETACHED-2: a plain stream with its seal.
pub fn read_with_seal(mut input: Input, seal: &OsStr) -> Result<(Stream, Index)> {
    let (outline, seal_at) = open_detached(seal)
        .and_then(|(mut input, length, frame)| Ok((Outline::read(&mut input, length, frame)?, frame.seal_at)))
        .map_err(in_the_seal)?;
    let check = |size| {
        require(size == seal_at, "DETACHED-2", size, "the seal beside the stream is that of a longer or shorter one")
    };
    input.size.map_or(Ok(()), check)?;
    let mut stream = Stream::read(&mut input, Some(&outline))?;
    check(input.position)?;
    let (mut input, length, frame) = open_detached(seal).map_err(in_the_seal)?;
    let (index, _) = stream.compare(&mut input, length, frame)?;
    stream.check(&index).map_err(in_the_seal)?;
    Ok((stream, index))
}

/// DETACHED-1: the seal, which begins with its index; and how many bytes that has.
fn open_detached(seal: &OsStr) -> Result<(Input, u64, Frame)> {
    let mut file = File::open(seal)?;
    let size = file.metadata()?.len();
    let footer = Footer::of(&mut file, size)?;
    footer.check_size(0, size)?;
    file.rewind()?;
    let frame = Frame { seal_at: footer.seal_at, is_detached: true };
    Ok((Input::new(file, Some(size), "SEAL-5"), footer.index_bytes, frame))
}

/// Says of a refusal that its offset is one in the detached seal.
fn in_the_seal(mut error: Error) -> Error {
    if let Error::Refused(refusal) = &mut error {
        refusal.reason = format!("in the detached seal: {}", refusal.reason).into();
    }
    error
}
