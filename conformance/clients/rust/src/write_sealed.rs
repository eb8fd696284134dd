//! Writing sealed streams (version 2.0), in one pass.

use crate::checksum::{checksum, joined, Checksums, BLOCK};
use crate::given::{Given, Settings};
use crate::parts::{Boxes, Part};
use crate::seal::{FOOTER, FOOTER_MARK, MAX_SEAL, SEAL};
use crate::sealed::MARK;
use crate::tree::Tree;
use crate::write::{blob_length, Encoded, Piece};
use crate::*;
use std::ops::Range;

const MIN_PADDED: u64 = 4096; // ALIGN-3

// ---- Records ----

/// A record, which ends with its piece of the payload.
struct Record {
    head: Vec<u8>,
    range: Range<u64>,
}

impl Record {
    fn size(&self) -> u64 {
        self.head.len() as u64 + self.range.end - self.range.start
    }
}

/// Hands over the records of a leaf, of which the first begins at `at`.
fn each_record(
    path: &KeyPath,
    leaf: &Given,
    settings: &Settings,
    at: u64,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let whole = 0..leaf.payload.length();
    let beginning = |at: u64, key: Option<String>| {
        let mark: &[u8] = if at == 0 { &MARK } else { &[0x92] };
        Encoded::default().bytes(mark).path(path, key) // SEAL-1
    };
    let Some((dtype, shape)) = &leaf.array else {
        let head = beginning(at, None).value(Value::Bin(blob_length(leaf)?)).bytes(&leaf.head).0;
        return each(Record { head, range: whole });
    };
    let array = |before: Encoded, at: u64, shape: &[u64], range: Range<u64>| {
        let length = range.end - range.start;
        let head = if length >= MIN_PADDED {
            padded(before, at, *dtype, shape, length, settings.alignment)
        } else {
            let array = Encoded::default().array(leaf.kind, *dtype, shape, length).0;
            before.value(Value::Bin(array.len() as u64 + length)).bytes(&array).0
        };
        Record { head, range }
    };
    let Some(boxes) = Boxes::of(shape, dtype.width) else {
        return each(array(beginning(at, None), at, shape, whole));
    };
    let (mut at, mut start) = (at, 0);
    for place in 0..boxes.count {
        let part = Part { place, count: boxes.count };
        let shape = boxes.shape_of(place);
        let end = start + shape.iter().product::<u64>() * dtype.width;
        let record = array(beginning(at, Some(part.key())), at, &shape, start..end);
        (at, start) = (at + record.size(), end);
        each(record)?;
    }
    Ok(())
}

/// ALIGN-3, ALIGN-4: goes on after the key path of a record that begins at `at`, up to a payload of `length` bytes.
fn padded(before: Encoded, at: u64, dtype: Dtype, shape: &[u64], length: u64, alignment: u64) -> Vec<u8> {
    let count = Value::Int((length / dtype.width).into());
    let chunk = Encoded::default().bytes(&[0x93, 0x91]).value(count).text(dtype.tag).long(0xc6, length);
    let chunk_length = chunk.0.len() as u64 + length;
    let marker =
        Encoded::default().value(Value::Map(4)).text(MARKER).value(Value::Bool(true)).text("pad").bytes(&[0xc5]);
    let behind = Encoded::default().text("shape").chunked_shape(shape).text("chunks").value(Value::Map(1)).text("0");
    let behind = behind.long(0xc9, chunk_length).bytes(&[EXT_NDARRAY as u8]).bytes(&chunk.0);
    let around = (marker.0.len() + 2 + behind.0.len()) as u64;
    let unpadded = at + before.0.len() as u64 + 5 + around;
    let padding = (alignment - unpadded % alignment) % alignment;
    let blob = before.long(0xc6, around + padding + length).bytes(&marker.0).bytes(&(padding as u16).to_be_bytes());
    blob.bytes(&vec![0; padding as usize]).bytes(&behind.0).0
}

impl Encoded {
    /// A first byte, and a length in 4 bytes.
    fn long(self, first: u8, length: u64) -> Self {
        self.bytes(&[first]).bytes(&(length as u32).to_be_bytes())
    }
}

// ---- The index ----

/// INDEX-3, but for the checksums.
struct Listed {
    size: u64,
    payload: Option<u64>,
}

impl Listed {
    fn of(leaf: &Given, record: &Record) -> Self {
        Listed { size: record.size(), payload: leaf.array.as_ref().map(|_| record.head.len() as u64) }
    }

    fn checksums(&self) -> u64 {
        self.size.div_ceil(BLOCK) // SUM-2
    }

    fn head(&self) -> Vec<u8> {
        let payload = self.payload.map_or(Value::Nil, |payload| Value::Int(payload.into()));
        let head = Encoded::default().value(Value::Array(3)).value(Value::Int(self.size.into())).value(payload);
        head.value(Value::Bin(4 * self.checksums())).0
    }
}

/// INDEX-2: up to the records.
fn entry_head(path: &KeyPath, leaf: &Given, records: u64) -> Vec<u8> {
    let head = Encoded::default().value(Value::Array(5)).path(path, None).text(leaf.kind);
    let head = match &leaf.array {
        Some((dtype, shape)) => head.text(dtype.tag).shape(shape),
        None => head.value(Value::Nil).value(Value::Nil),
    };
    head.value(Value::Array(records)).0
}

/// INDEX-1: what stands before the leaves, and what behind them but for the digests themselves.
fn around_leaves(settings: &Settings, leaves: u64, checksum: u32) -> (Vec<u8>, Vec<u8>) {
    let count = if settings.has_digests { 5 } else { 4 };
    let before = Encoded::default().value(Value::Map(count)).text("alignment");
    let before = before.value(Value::Int(settings.alignment.into())).text("checksum").value(Value::Bin(4));
    let before = before.bytes(&checksum.to_be_bytes()).text("leaves").value(Value::Array(leaves));
    let mut behind = Encoded::default().text("metadata").bytes(&settings.metadata);
    if settings.has_digests {
        behind = behind.text("digests").value(Value::Bin(32 * (leaves + 1)));
    }
    (before.0, behind.0)
}

/// SEAL-3, CONF-7: how many bytes the index takes. Refuses a tree that cannot be written.
fn index_length(tree: &Tree, settings: &Settings) -> Result<u64> {
    let (mut at, mut leaves, mut length) = (0, 0, 0);
    let most = MAX_SEAL - FOOTER as u64 - 1;
    tree.leaves(&mut |path, leaf| {
        require(!path.has_part(), "PART-3", leaf.at, "a key of the leaf looks like that of a part")?;
        // Not to count the parts of what is much too large: 4 bytes stand in the index for each block.
        let least = leaf.payload.length() / BLOCK * 4;
        require(length + least <= most, "SEAL-3", leaf.at, "the index takes more than a seal can hold")?;
        let mut records = 0;
        each_record(path, leaf, settings, at, &mut |record| {
            let listed = Listed::of(leaf, &record);
            length += listed.head().len() as u64 + 4 * listed.checksums();
            records += 1;
            at += listed.size;
            Ok(())
        })?;
        length += entry_head(path, leaf, records).len() as u64;
        leaves += 1;
        require(length <= most, "SEAL-3", leaf.at, "the index takes more than a seal can hold")
    })?;
    let (before, behind) = around_leaves(settings, leaves, 0);
    length += (before.len() + behind.len()) as u64;
    length += if settings.has_digests { 32 * (leaves + 1) } else { 0 };
    require(length <= most, "SEAL-3", 0, "the index takes more than a seal can hold")?;
    Ok(length)
}

// ---- The file ----

/// What is written, and the checksums of it since they have been taken.
struct Output<W: Write> {
    to: W,
    checksums: Checksums,
}

impl<W: Write> Output<W> {
    fn take_checksums(&mut self) -> (Vec<u32>, u32) {
        std::mem::replace(&mut self.checksums, Checksums::new()).finish()
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksums.update(bytes);
        self.to.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What has been learnt of the records while they were written.
#[derive(Default)]
struct Written {
    records: Vec<Listed>,
    /// How many records each leaf has.
    counts: Vec<u64>,
    checksums: Vec<u32>,
    checksum: u32,
    size: u64,
    digests: Vec<Digest>,
}

impl Written {
    fn records(out: &mut Output<impl Write>, tree: &Tree, settings: &Settings) -> Result<Self> {
        let mut written = Written::default();
        tree.leaves(&mut |path, leaf| {
            let mut hash = settings.has_digests.then(|| digest_head(path, leaf));
            let before = written.records.len();
            each_record(path, leaf, settings, written.size, &mut |record| {
                let listed = Listed::of(leaf, &record);
                Piece::Bytes(&record.head).write(out)?;
                leaf.payload.pieces(record.range, |piece| {
                    hash.iter_mut().for_each(|hash| hash.update(piece));
                    out.write_all(piece)
                })?;
                let (blocks, all) = out.take_checksums();
                written.checksums.extend(blocks);
                written.checksum = joined(written.checksum, all, listed.size); // SUM-4
                written.size += listed.size;
                written.records.push(listed);
                Ok(())
            })?;
            written.counts.push((written.records.len() - before) as u64);
            written.digests.extend(hash.map(Sha256::finish));
            Ok(())
        })?;
        Ok(written)
    }

    fn index(&self, out: &mut Output<impl Write>, tree: &Tree, settings: &Settings) -> Result<()> {
        let (before, behind) = around_leaves(settings, self.counts.len() as u64, self.checksum);
        out.write_all(&before)?;
        let (mut counts, mut records, mut checksums) = (self.counts.iter(), self.records.iter(), self.checksums.iter());
        tree.leaves(&mut |path, leaf| {
            let count = *counts.next().unwrap_or(&0);
            out.write_all(&entry_head(path, leaf, count))?;
            for record in records.by_ref().take(count as usize) {
                out.write_all(&record.head())?;
                for checksum in checksums.by_ref().take(record.checksums() as usize) {
                    out.write_all(&checksum.to_be_bytes())?;
                }
            }
            Ok(())
        })?;
        out.write_all(&behind)?;
        if settings.has_digests {
            self.digests.iter().try_for_each(|digest| out.write_all(digest))?;
            out.write_all(&digests::tree_digest(self.digests.iter().map(Digest::as_slice).collect()))?;
        }
        Ok(())
    }
}

/// DELTA-4: what comes before the payload.
fn digest_head(path: &KeyPath, leaf: &Given) -> Sha256 {
    let head = Encoded::default().path(path, None).text(leaf.kind);
    let head = match &leaf.array {
        Some((dtype, shape)) => head.text(dtype.tag).shape(shape),
        None => head.bytes(&leaf.head),
    };
    let mut hash = Sha256::default();
    hash.update(&head.0);
    hash
}

/// SEAL-4
fn footer(seal_at: u64, index_length: u64, index_checksum: u32) -> Vec<u8> {
    let mut footer = seal_at.to_be_bytes().to_vec();
    footer.extend((index_length as u32).to_be_bytes());
    footer.extend(index_checksum.to_be_bytes());
    footer.extend([0, 2, 0, 0]);
    footer.extend(checksum(&footer).to_be_bytes());
    footer.extend(FOOTER_MARK);
    footer
}

pub fn write(tree: &Tree, settings: &Settings, to: &mut impl Write) -> Result<()> {
    let index_length = index_length(tree, settings)?;
    let mut out = Output { to, checksums: Checksums::new() };
    let written = Written::records(&mut out, tree, settings)?;
    out.write_all(&Encoded::default().long(SEAL, index_length + FOOTER as u64 + 1).0)?;
    out.take_checksums();
    written.index(&mut out, tree, settings)?;
    let (_, index_checksum) = out.take_checksums();
    out.write_all(&footer(written.size, index_length, index_checksum))?;
    Ok(out.flush()?)
}
