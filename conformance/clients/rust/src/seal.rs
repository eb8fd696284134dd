//! The seal, attached and detached: its header, what its index says ahead, and its footer (chapters 16 and 17).

use crate::checksum::{checksum, Checksums};
use crate::digests::LeafDigest;
use crate::index::{big_endian, Entry, Frame, Index};
use crate::parts::Part;
use crate::*;
use std::io::SeekFrom;

pub const SEAL: u8 = 0xc6; // SEAL-3
const SEAL_HEADER: u64 = 5; // SEAL-3
pub const MAX_SEAL: u64 = (1 << 31) - 1; // SEAL-3
pub const FOOTER: usize = 40; // SEAL-4
pub const FOOTER_MARK: &[u8; 16] = b"streamckpt-seal\n"; // SEAL-4

/// SEAL-4
pub struct Footer {
    pub at: u64,
    pub seal_at: u64,
    pub index_bytes: u64,
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
    pub fn of(file: &mut File, size: u64) -> Result<Self> {
        let length = size.min(FOOTER as u64);
        let mut tail = vec![0; length as usize];
        file.seek(SeekFrom::Start(size - length))?;
        file.read_exact(&mut tail)?;
        Footer::parse(&tail, size)
    }

    /// `before` bytes stand before the index.
    pub fn check_size(&self, before: u64, size: u64) -> Result<()> {
        let fits = size.checked_sub(self.index_bytes + FOOTER as u64) == Some(before);
        require(fits, "SEAL-4", self.at, "the footer does not fit the size of the file")
    }

    /// Where the index begins, by what an attached seal says.
    pub fn index_at(&self) -> u64 {
        self.seal_at.saturating_add(SEAL_HEADER)
    }
}

impl Input {
    /// The index, which takes `length` bytes, and the footer.
    pub fn index_and_footer(
        &mut self,
        length: u64,
        frame: Frame,
        each: &mut dyn FnMut(Entry),
    ) -> Result<(Index, Footer)> {
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
    pub fn seal_header(&mut self) -> Result<u64> {
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
pub struct Outline {
    has_digests: bool,
    /// The shapes of the arrays in parts.
    shapes: BTreeMap<KeyPath, Vec<u64>>,
}

impl Outline {
    /// Reads the index that comes next in `input`, and the footer.
    pub fn read(input: &mut Input, length: u64, frame: Frame) -> Result<Self> {
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
    pub fn digest(ahead: Option<&Outline>, path: &KeyPath, part: Option<&Part>) -> Option<LeafDigest> {
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
