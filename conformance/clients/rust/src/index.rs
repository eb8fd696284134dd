//! The index of a seal (chapter 15 of version 2.0).

use crate::checksum::BLOCK;
use crate::parts::Boxes;
use crate::*;

pub const KINDS: [&str; 10] = ["ndarray", "scalar", "complex", "nil", "bool", "int", "float", "str", "bin", "empty"];

/// INDEX-2
pub struct Entry {
    pub path: KeyPath,
    pub kind: &'static str,
    pub dtype: Option<Dtype>,
    pub shape: Option<Vec<u64>>,
    pub records: Vec<Listed>,
}

/// INDEX-3
pub struct Listed {
    pub size: u64,
    pub payload: Option<u64>,
    pub checksums: Vec<u32>,
}

/// INDEX-1, without the leaves.
pub struct Index {
    pub at: u64,
    pub alignment: u64,
    pub checksum: u32,
    /// As it stands in the file.
    pub metadata: Vec<u8>,
    /// With its offset.
    pub digests: Option<(u64, Vec<u8>)>,
}

/// What is to be known of the file in which an index stands.
#[derive(Clone, Copy)]
pub struct Frame {
    pub seal_at: u64,
    pub is_detached: bool,
}

impl Input {
    pub fn index(&mut self, frame: Frame, each: &mut dyn FnMut(Entry)) -> Result<Index> {
        let (at, count) = self.map_head("INDEX-1", "the index is not a map")?;
        require(matches!(count, 4 | 5), "INDEX-5", at, "the index has not four or five entries")?;
        self.key("alignment", "INDEX-5")?;
        let alignment = self.alignment(frame)?;
        self.key("checksum", "INDEX-5")?;
        let checksum = self.bin(["INDEX-1"; 2], 4, "the checksum is not a bin of 4 bytes")?;
        self.key("leaves", "INDEX-5")?;
        let leaves = self.entries(frame, each)?;
        self.key("metadata", "INDEX-5")?;
        let metadata = self.metadata()?;
        let mut digests = None;
        if count == 5 {
            self.key("digests", "INDEX-5")?;
            let digests_at = self.position;
            let reason = "the digests are not a bin of 32 bytes for each leaf, and 32 more";
            digests = Some((digests_at, self.bin(["INDEX-9"; 2], 32 * (leaves + 1), reason)?));
        }
        Ok(Index { at, alignment, checksum: big_endian(&checksum) as u32, metadata, digests })
    }

    fn alignment(&mut self, frame: Frame) -> Result<u64> {
        let at = self.position;
        let alignment = self.count("INDEX-1", "the alignment is not an int of 0 or more")?;
        if frame.is_detached {
            require(alignment == 1, "DETACHED-4", at, "the alignment of a detached seal is not 1")?;
        } else {
            require(is_alignment(alignment), "ALIGN-5", at, "the alignment is not a power of two from 64 to 4,096")?;
        }
        Ok(alignment)
    }

    /// A bin of this length; a value of another kind breaks the first clause, another length the second.
    fn bin(&mut self, clauses: [&'static str; 2], expected: u64, reason: &'static str) -> Result<Vec<u8>> {
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse(clauses[0], at, reason);
        };
        self.fits(at, length)?;
        require(length == expected, clauses[1], at, reason)?;
        let mut bytes = Vec::new();
        self.pieces(at, length, false, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// An int of 0 or more; anything else breaks `clause`.
    fn count(&mut self, clause: &'static str, reason: &'static str) -> Result<u64> {
        let Head { at, value } = self.head()?;
        match value {
            Value::Int(number @ 0..) => Ok(number as u64),
            _ => refuse(clause, at, reason),
        }
    }

    /// INDEX-2, INDEX-4: how many leaves there are.
    fn entries(&mut self, frame: Frame, each: &mut dyn FnMut(Entry)) -> Result<u64> {
        let (at, count) = self.array_head("INDEX-1", "the leaves are not an array")?;
        require(count > 0, "INDEX-1", at, "the index lists no leaf")?;
        let mut left = frame.seal_at;
        for _ in 0..count {
            each(self.entry(frame, &mut left)?);
        }
        require(left == 0, "INDEX-4", at, "the sizes of the records do not add up to the offset of the seal")?;
        Ok(count)
    }

    fn entry(&mut self, frame: Frame, left: &mut u64) -> Result<Entry> {
        let (at, count) = self.array_head("INDEX-2", "a leaf in the index is not an array")?;
        require(count == 5, "INDEX-2", at, "a leaf in the index has five elements")?;
        let path = self.key_path()?;
        let shown = path.clone();
        // DETACHED-1: beside a plain stream such a key is one like any other.
        let is_whole = frame.is_detached || !path.has_part();
        require(is_whole, "PART-3", at, "a key of the leaf looks like that of a part")
            .and_then(|_| self.entry_after_path(at, path, left))
            .map_err(|error| error.under(|| shown))
    }

    /// The rest of the leaf at `at`.
    fn entry_after_path(&mut self, at: u64, path: KeyPath, left: &mut u64) -> Result<Entry> {
        let kind = self.kind()?;
        let (dtype, shape) = if matches!(kind, "ndarray" | "scalar") {
            let dtype = self.dtype()?;
            let shape_at = self.position;
            let shape = self.shape()?;
            payload_length(&shape, dtype.width, shape_at)?;
            require(kind == "ndarray" || shape.is_empty(), "LEAF-6", shape_at, "a scalar has no dimension")?;
            (Some(dtype), Some(shape))
        } else {
            self.nil("a kind that has no dtype is given one")?;
            self.nil("a kind that has no shape is given one")?;
            (None, None)
        };
        let array = dtype.zip(shape.as_deref());
        let (records_at, count) = self.array_head("INDEX-2", "the records of a leaf are not an array")?;
        require(count > 0, "INDEX-2", records_at, "a leaf has no record")?;
        let boxes = array.filter(|_| count > 1).and_then(|(dtype, shape)| Boxes::of(shape, dtype.width));
        let may_be_many = count == 1 || boxes.is_some();
        require(may_be_many, "PART-1", at, "what is written in parts is not an array of more than 2^31 - 2^17 bytes")?;
        let expected = boxes.as_ref().map_or(1, |boxes| boxes.count);
        require(count == expected, "PART-2", at, "the array has another number of parts than its shape gives")?;
        let mut records = Vec::new();
        for place in 0..count {
            let part = boxes.as_ref().map(|boxes| boxes.shape_of(place));
            let payload = array.map(|(dtype, shape)| {
                let shape = part.as_deref().unwrap_or(shape);
                shape.iter().product::<u64>() * dtype.width
            });
            records.push(self.listed(payload, left)?);
        }
        Ok(Entry { path, kind, dtype, shape, records })
    }

    /// LEAF-1, INDEX-2
    fn kind(&mut self) -> Result<&'static str> {
        let Head { at, value } = self.head()?;
        let Value::Str(length) = value else {
            return refuse("INDEX-2", at, "the kind is not a str");
        };
        self.fits(at, length)?;
        let name = self.window(at, length)?;
        let Some(kind) = KINDS.into_iter().find(|kind| kind.as_bytes() == name) else {
            return refuse("LEAF-1", at, "unknown kind");
        };
        self.advance(kind.len());
        Ok(kind)
    }

    fn nil(&mut self, reason: &'static str) -> Result<()> {
        let Head { at, value } = self.head()?;
        require(matches!(value, Value::Nil), "INDEX-2", at, reason)
    }

    /// INDEX-3, INDEX-4: the record of an array of so many bytes, or of a leaf of another kind. `left` counts how many
    /// bytes there are before the seal.
    fn listed(&mut self, array: Option<u64>, left: &mut u64) -> Result<Listed> {
        let (at, count) = self.array_head("INDEX-3", "a record in the index is not an array")?;
        require(count == 3, "INDEX-3", at, "a record in the index has three elements")?;
        let size_at = self.position;
        let size = self.count("INDEX-3", "the size of a record is not an int of 0 or more")?;
        *left = match left.checked_sub(size) {
            Some(left) => left,
            None => return refuse("INDEX-4", size_at, "the record reaches beyond the offset of the seal"),
        };
        require(array.unwrap_or(0) <= size, "INDEX-4", size_at, "the record is smaller than the payload in it")?;
        let Head { at: payload_at, value } = self.head()?;
        let payload = match (value, array) {
            (Value::Nil, _) => None,
            (Value::Int(payload @ 0..), Some(_)) => Some(payload as u64),
            _ => return refuse("INDEX-3", payload_at, "expected nil, or where the payload of an array begins"),
        };
        let end = payload.unwrap_or(0).checked_add(array.unwrap_or(0));
        let fits = end.is_some_and(|end| end <= size);
        require(fits, "INDEX-4", payload_at, "the payload reaches beyond its record")?;
        let reason = "the checksums are not a bin of 4 bytes for each block of the record";
        let checksums = self.bin(["INDEX-3", "INDEX-4"], 4 * size.div_ceil(BLOCK), reason)?;
        let checksums = checksums.chunks_exact(4).map(|bytes| big_endian(bytes) as u32).collect();
        Ok(Listed { size, payload, checksums })
    }
}

/// ALIGN-5
pub fn is_alignment(number: u64) -> bool {
    number.is_power_of_two() && (64..=4096).contains(&number)
}

pub fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
