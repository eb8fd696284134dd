//! The records of a sealed stream, and of a plain one that has a seal (SEAL-1, SEAL-2, PART-1 to PART-4, SUM-2).

use crate::checksum::{joined, Checksums};
use crate::parts::Part;
use crate::seal::{Outline, SEAL};
use crate::*;

const RECORD: u8 = 0x92; // SEAL-1

/// A leaf that has been read.
pub struct Stored {
    pub leaf: Leaf,
    /// More than one where it is an array in parts.
    pub records: usize,
    pub digest: Option<Box<Digest>>,
}

/// What INDEX-3 says of a record, but for the checksums.
pub struct Record {
    pub size: u64,
    pub payload: Option<u64>,
    /// That of a part.
    pub shape: Option<Box<[u64]>>,
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
    pub checksum: u32,
    /// The offsets of payloads that must be aligned.
    pub padded_at: Vec<u64>,
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
    pub fn read(input: &mut Input, ahead: Option<&Outline>) -> Result<Self> {
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

    pub fn shape(&self) -> Option<&[u64]> {
        self.array().map(|array| array.shape.as_slice())
    }
}
