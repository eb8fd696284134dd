//! Streams (chapters 02, 05, 06 and 07).

use crate::*;

/// TREE-1, STREAM-6: the leaves by key path; the order in the file carries no meaning.
pub(crate) type Records = BTreeMap<KeyPath, Leaf>;

pub(crate) fn read_stream(input: &mut Input) -> Result<Records> {
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

/// What was read, and the seal that it was compared with.
pub(crate) enum Checked {
    Plain(Records),
    Sealed(records::Stream, index::Index),
}

/// A sealed stream, a plain one with its seal beside it, or a plain one.
pub(crate) fn read_any(path: &OsStr) -> Result<Checked> {
    let mut input = Input::open(path, "STREAM-2")?;
    if input.peek(sealed::MARK.len())? == sealed::MARK {
        return sealed::read(input, path).map(|(stream, index)| Checked::Sealed(stream, index));
    }
    match sealed::seal_beside(path) {
        Some(seal) => sealed::read_with_seal(input, &seal).map(|(stream, index)| Checked::Sealed(stream, index)),
        None => Ok(Checked::Plain(read_stream(&mut input)?)),
    }
}

/// STREAM-4, STREAM-5: as long as no path is the beginning of another, one that clashes is a neighbour of the new one.
pub(crate) fn check_clash<T>(records: &BTreeMap<KeyPath, T>, path: &KeyPath, at: u64) -> Result<()> {
    let before = records.range(..=path).next_back();
    let after = records.range(path..).next();
    match (before, after) {
        (Some((other, _)), _) if other == path => refuse("STREAM-4", at, "the key path occurs in the stream twice"),
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
    pub(crate) fn record_head(&mut self) -> Result<()> {
        let (at, count) = self.array_head("REC-1", "not a record")?;
        require(count == 2, "REC-1", at, "a record has two elements")
    }

    pub(crate) fn key_path(&mut self) -> Result<KeyPath> {
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
    pub(crate) fn leaf_blob(&mut self, content: &mut Content) -> Result<Leaf> {
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("REC-2", at, "the leaf blob is not a bin");
        };
        self.enclosed(at, length, |input| input.blob_body(content))
    }

    pub(crate) fn blob_body(&mut self, content: &mut Content) -> Result<Leaf> {
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
