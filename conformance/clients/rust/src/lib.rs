//! A reader and writer of the streaming checkpoint format, versions 1.0 and 2.0, and of standard flax files.
//!
//! It was written from the specification alone (chapters 00 to 08 of version 1.0, 11 to 17 of 2.0); comments name the
//! clauses that the code holds. It needs nothing but the standard library.
//!
//! [`read`] and [`read_flax`] check the whole of a file, and say what is in it: of each leaf its key path, its kind, and
//! of an array dtype, shape, digest, and where in the file its payload stands ([`Array::payload`] reads it). A file is
//! read once, from front to back, and never held: payloads are hashed as they pass by. Memory grows with the number of
//! leaves and the length of their key paths alone.
//!
//! [`write()`] writes a stream, plain or sealed, or a standard flax file, of leaves that are held in memory.
//!
//! [`protocol`] is the program that the conformance suite judges.

mod arrays;
mod asked;
mod checkpoint;
mod checksum;
mod comparison;
mod digests;
mod faults;
mod flax;
mod given;
mod index;
mod input;
mod json;
mod keypaths;
mod leaves;
mod parts;
mod payload;
mod printing;
pub mod protocol;
mod read_metadata;
mod records;
mod saving;
mod seal;
mod sealed;
mod sha256;
mod streams;
mod tree;
mod values;
mod write;
mod write_metadata;
mod write_sealed;

pub use checkpoint::{read, read_flax, Checkpoint, Seal};
pub use faults::{Error, Refusal, Result};
pub use given::Settings;
pub use keypaths::KeyPath;
pub use leaves::{Array, Bytes, Dtype, Leaf};
pub use saving::{write, Format, NewLeaf};

use checksum::Checksums;
use faults::*;
use flax::*;
use input::*;
use keypaths::push_shown;
use leaves::*;
use printing::*;
use sha256::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::rc::Rc;
use streams::*;
use values::*;

const MAX_PARTS: usize = 512; // KEY-3
const MAX_PATH_BYTES: usize = 65_535; // KEY-4
const MAX_DIMENSIONS: u64 = 64; // LEAF-3
const MAX_ARRAY_BYTES: u64 = i64::MAX as u64; // LEAF-4
const MARKER: &str = "__msgpack_chunked_array__"; // LEAF-10
const EXT_NDARRAY: i8 = 1; // LEAF-2
const EXT_COMPLEX: i8 = 2; // LEAF-7
const EXT_SCALAR: i8 = 3; // LEAF-6
const BUFFER: usize = 1 << 18;
