//! Files as the users of this crate see them.

use crate::index::Index;
use crate::*;

/// A file that has been checked.
pub struct Checkpoint {
    /// In the order of the file; those of a plain stream in that of their key paths.
    pub leaves: Vec<(KeyPath, Leaf)>,
    /// Where the stream is sealed, or has a detached seal beside it.
    pub seal: Option<Seal>,
}

/// INDEX-1
pub struct Seal {
    pub alignment: u64,
    /// Of all records.
    pub checksum: u32,
    /// MessagePack: a map (META-1).
    pub metadata: Vec<u8>,
    /// 32 bytes for each leaf, and those of the tree.
    pub digests: Option<Vec<u8>>,
}

/// Reads a stream: a sealed one, a plain one with its seal (`PATH.seal`), or a plain one. `-` is standard input.
///
/// # Errors
///
/// [`Error::Refused`] where the file breaks a clause of the specification, and [`Error::Io`].
pub fn read(path: impl AsRef<OsStr>) -> Result<Checkpoint> {
    let (stream, index) = match read_any(path.as_ref())? {
        Checked::Plain(records) => return Ok(Checkpoint { leaves: records.into_iter().collect(), seal: None }),
        Checked::Sealed(stream, index) => (stream, index),
    };
    let mut paths: Vec<(KeyPath, usize)> = stream.places.into_iter().collect();
    paths.sort_unstable_by_key(|(_, place)| *place);
    let leaves = paths.into_iter().zip(stream.leaves).map(|((path, _), stored)| (path, stored.leaf)).collect();
    let Index { alignment, checksum, metadata, digests, .. } = index;
    let seal = Seal { alignment, checksum, metadata, digests: digests.map(|(_, digests)| digests) };
    Ok(Checkpoint { leaves, seal: Some(seal) })
}

/// Reads a standard flax file (chapter 08).
///
/// # Errors
///
/// As those of [`read`].
pub fn read_flax(path: impl AsRef<OsStr>) -> Result<Checkpoint> {
    let leaves = read_map(&mut Input::open(path.as_ref(), "FLAX-6")?)?;
    Ok(Checkpoint { leaves: leaves.into_iter().map(|(key, leaf)| (key.path(), leaf)).collect(), seal: None })
}

impl Array {
    /// The payload, out of the file that has been read.
    ///
    /// # Errors
    ///
    /// Those of the file, which is shorter where it has changed meanwhile.
    pub fn payload(&self, file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        for piece in &self.pieces {
            file.seek(io::SeekFrom::Start(piece.start))?;
            let start = payload.len();
            payload.resize(start + (piece.end - piece.start) as usize, 0);
            file.read_exact(&mut payload[start..])?;
        }
        Ok(payload)
    }
}
