//! What an index says, compared with the records that have been read (INDEX-7 to INDEX-9, SUM-3, ALIGN-5).

use crate::checksum::BLOCK;
use crate::digests::tree_digest;
use crate::index::{Entry, Frame, Index, Listed};
use crate::parts::Boxes;
use crate::records::Stream;
use crate::seal::Footer;
use crate::*;

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
    pub fn check(&self, index: &Index) -> Result<()> {
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
    pub fn compare(&mut self, input: &mut Input, length: u64, frame: Frame) -> Result<(Index, Footer)> {
        let mut comparison = Comparison::new(self);
        let (index, footer) = input.index_and_footer(length, frame, &mut |entry| comparison.add(entry))?;
        comparison.fault?;
        Ok((index, footer))
    }
}
