//! Sealed streams, and plain ones with a detached seal (version 2.0 of the specification).
//!
//! A sealed stream is read from front to back, like a plain one. What each record was, its checksums included, is noted
//! as it passes by, and the index is compared with that when it comes. So a pipe and a file are read alike, no payload
//! is ever held, and of the index nothing but the metadata and the digests. A file is opened from its end before that
//! (SEAL-8): one that has been cut off, or has an index that breaks a rule, is refused before its records are read.

use crate::index::{Frame, Index};
use crate::records::Stream;
use crate::seal::{Footer, Outline};
use crate::*;
use std::io::SeekFrom;
use std::path::Path;

pub const MARK: [u8; 5] = [0xdd, 0, 0, 0, 2]; // SEAL-1

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
