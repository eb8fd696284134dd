//! The index of a seal, and the metadata in it (chapters 14 and 15 of version 2.0).

use crate::checksum::BLOCK;
use crate::parts::Boxes;
use crate::*;

pub const MAX_METADATA: u64 = 1 << 24; // META-3
pub const MAX_VALUES: u64 = 65_536; // META-3
pub const MAX_DEPTH: usize = 64; // META-3
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

// ---- Metadata (chapter 14) ----

/// META-3: how deep a value stands, and how many there are by the counts of the lists and maps before it.
pub struct Nesting {
    depth: usize,
    values: u64,
}

impl Nesting {
    pub fn outermost() -> Self {
        Nesting { depth: 0, values: 1 }
    }

    /// Into a list or map of so many values.
    pub fn enter(&mut self, count: u64, at: u64) -> Result<()> {
        self.depth += 1;
        self.values += count;
        require(self.depth <= MAX_DEPTH, "META-3", at, "the metadata is nested more than 64 deep")?;
        require(self.values <= MAX_VALUES, "META-3", at, "the metadata has more than 65,536 values")
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }
}

impl Input {
    /// The metadata as it stands in the file.
    pub fn metadata(&mut self) -> Result<Vec<u8>> {
        self.kept = Some(Vec::new());
        let before = self.canonical.replace("META-2");
        let start = self.position;
        let is_map = matches!(self.peek(1)?.first(), Some(0x80..=0x8f | 0xde | 0xdf));
        require(is_map || self.end == Some(start), "META-1", start, "the metadata is not a map")?;
        self.metadata_value(start, &mut Nesting::outermost(), &mut io::sink())?;
        self.canonical = before;
        Ok(self.kept.take().unwrap_or_default())
    }

    /// META-3: the header of a value in the metadata, which begins at `start`; and how many bytes follow it at least.
    fn metadata_head(&mut self, start: u64) -> Result<(Head, u64)> {
        let head = self.head()?;
        let length = match head.value {
            Value::Str(length) | Value::Bin(length) => length,
            Value::Array(count) => count,
            Value::Map(count) => 2 * count,
            _ => 0,
        };
        self.fits(head.at, length)?;
        let size = self.position - start + length;
        require(size <= MAX_METADATA, "META-3", start, "the metadata has more than 2^24 bytes")?;
        Ok((head, length))
    }

    /// Writes the next value as JSON. The metadata begins at `start`.
    pub fn metadata_value(&mut self, start: u64, nesting: &mut Nesting, out: &mut dyn Write) -> Result<()> {
        let is_float_32 = self.peek(1)? == [0xca];
        require(!is_float_32, "META-1", self.position, "a float 32 occurs in the metadata")?;
        let (Head { at, value }, length) = self.metadata_head(start)?;
        if let Value::Array(count) | Value::Map(count) = value {
            nesting.enter(count, at)?;
        }
        match value {
            Value::Nil => write!(out, r#"{{"kind":"nil"}}"#)?,
            Value::Bool(value) => write!(out, r#"{{"kind":"bool","value":{value}}}"#)?,
            Value::Int(value) => write!(out, r#"{{"kind":"int","value":"{value}"}}"#)?,
            Value::Float(bits) => write!(out, r#"{{"kind":"float","value":"{bits:016x}"}}"#)?,
            Value::Str(_) => {
                write!(out, r#"{{"kind":"str","value":""#)?;
                self.pieces(at, length, true, |piece| write_escaped(out, &String::from_utf8_lossy(piece)))?;
                write!(out, r#""}}"#)?;
            }
            Value::Bin(_) => {
                write!(out, r#"{{"kind":"bin","value":""#)?;
                self.pieces(at, length, false, |piece| out.write_all(hexadecimal(piece).as_bytes()))?;
                write!(out, r#""}}"#)?;
            }
            Value::Array(count) => {
                write!(out, r#"{{"kind":"list","value":["#)?;
                for place in 0..count {
                    write!(out, "{}", if place > 0 { "," } else { "" })?;
                    self.metadata_value(start, nesting, out)?;
                }
                nesting.leave();
                write!(out, "]}}")?;
            }
            Value::Map(count) => {
                write!(out, r#"{{"kind":"map","value":["#)?;
                let mut before = None;
                for place in 0..count {
                    write!(out, r#"{}[""#, if place > 0 { "," } else { "" })?;
                    let key = self.metadata_key(start, before.as_ref())?;
                    write_escaped(out, &key)?;
                    write!(out, r#"","#)?;
                    self.metadata_value(start, nesting, out)?;
                    write!(out, "]")?;
                    before = Some(key);
                }
                nesting.leave();
                write!(out, "]}}")?;
            }
            Value::Ext(..) => return refuse("META-1", at, "an ext occurs in the metadata"),
        }
        Ok(())
    }

    /// META-2: the texts of a map are in ascending order.
    fn metadata_key(&mut self, start: u64, before: Option<&String>) -> Result<String> {
        let (Head { at, value }, length) = self.metadata_head(start)?;
        require(matches!(value, Value::Str(_)), "META-1", at, "a key of the metadata is not a str")?;
        let mut key = String::new();
        self.pieces(at, length, true, |piece| {
            key.push_str(&String::from_utf8_lossy(piece));
            Ok(())
        })?;
        require(before < Some(&key), "META-2", at, "the keys are not in ascending order")?;
        Ok(key)
    }
}

/// A text of any length, as it stands inside of a JSON string.
fn write_escaped(out: &mut (impl Write + ?Sized), text: &str) -> io::Result<()> {
    let mut shown = String::new();
    for c in text.chars() {
        push_json(&mut shown, c);
        if shown.len() >= 4096 {
            out.write_all(shown.as_bytes())?;
            shown.clear();
        }
    }
    out.write_all(shown.as_bytes())
}
