//! Writing as the users of this crate see it.

use crate::given::Given;
use crate::payload::Payload;
use crate::tree::{Key, Tree};
use crate::*;
use std::fs;
use std::path::Path;

/// A leaf to be written. The elements of an array are little-endian, in C order; bits of them that mean nothing are
/// cleared (DTYPE-4, DTYPE-5).
pub enum NewLeaf {
    Ndarray {
        dtype: String,
        shape: Vec<u64>,
        payload: Vec<u8>,
    },
    Scalar {
        dtype: String,
        payload: Vec<u8>,
    },
    Complex(f64, f64),
    Nil,
    Bool(bool),
    /// -2^63 to 2^64 - 1
    Int(i128),
    Float(f64),
    Str(String),
    Bin(Vec<u8>),
    Empty,
}

impl NewLeaf {
    pub fn ndarray(dtype: &str, shape: &[u64], payload: Vec<u8>) -> Self {
        NewLeaf::Ndarray { dtype: dtype.into(), shape: shape.into(), payload }
    }

    pub fn scalar(dtype: &str, payload: Vec<u8>) -> Self {
        NewLeaf::Scalar { dtype: dtype.into(), payload }
    }

    fn given(self) -> Result<Given> {
        let small = |kind, values: &[Value]| Given::other(kind, values, Payload::empty(), 0);
        match self {
            NewLeaf::Ndarray { dtype, shape, payload } => Given::held("ndarray", &dtype, shape, payload),
            NewLeaf::Scalar { dtype, payload } => Given::held("scalar", &dtype, Vec::new(), payload),
            NewLeaf::Complex(real, imaginary) => {
                let [real, imaginary] = [real, imaginary].map(|part| Value::Float(part.to_bits()));
                small("complex", &[Value::Ext(EXT_COMPLEX, 19), Value::Array(2), real, imaginary])
            }
            NewLeaf::Nil => small("nil", &[Value::Nil]),
            NewLeaf::Bool(value) => small("bool", &[Value::Bool(value)]),
            NewLeaf::Int(value) => {
                let fits = (i64::MIN.into()..=u64::MAX.into()).contains(&value);
                require(fits, "LEAF-1", 0, "the int is not one of -2^63 to 2^64 - 1")?;
                small("int", &[Value::Int(value)])
            }
            NewLeaf::Float(value) => small("float", &[Value::Float(value.to_bits())]),
            NewLeaf::Str(text) => {
                Given::other("str", &[Value::Str(text.len() as u64)], Payload::Held(text.into_bytes()), 0)
            }
            NewLeaf::Bin(bytes) => Given::other("bin", &[Value::Bin(bytes.len() as u64)], Payload::Held(bytes), 0),
            NewLeaf::Empty => small("empty", &[Value::Map(0)]),
        }
    }
}

impl Given {
    fn held(kind: &'static str, tag: &str, shape: Vec<u64>, payload: Vec<u8>) -> Result<Self> {
        match Dtype::named(tag.as_bytes()) {
            Some(dtype) => Given::array(kind, dtype, shape, Payload::Held(payload), false, 0),
            None => refuse("DTYPE-7", 0, "the type of the array has no tag"),
        }
    }
}

/// What kind of file is written.
pub enum Format {
    /// Version 1.0.
    Plain,
    /// Version 2.0.
    Sealed(Settings),
    /// A standard flax file.
    Flax,
}

/// Writes leaves, each under its key path, in this order but for those of one map, which stand together (TREE-5). All
/// of them are checked before anything is written, and the file takes the place at `path` once it is whole: until then
/// what stood there stays.
///
/// ```
/// use streamckpt::{Format, NewLeaf};
/// let path = std::env::temp_dir().join(format!("streamckpt-doc-{}", std::process::id()));
/// let bias: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|element| element.to_le_bytes()).collect();
/// let leaves = [(["params", "bias"], NewLeaf::ndarray("float32", &[2], bias))];
/// streamckpt::write(&path, leaves, &Format::Sealed(Default::default()))?;
/// assert_eq!(streamckpt::read(&path)?.leaves[0].0.to_string(), "params/bias");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), streamckpt::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Refused`] where the format cannot hold the tree (its offset is 0), and [`Error::Io`].
pub fn write<P, K>(
    path: impl AsRef<Path>,
    leaves: impl IntoIterator<Item = (P, NewLeaf)>,
    format: &Format,
) -> Result<()>
where
    P: IntoIterator<Item = K>,
    K: AsRef<str>,
{
    let mut tree = Tree::new();
    for (keys, leaf) in leaves {
        let keys: Vec<Key> = keys.into_iter().map(|key| Key::text(key.as_ref().into())).collect();
        require(!keys.is_empty(), "KEY-1", 0, "the key path has no part")?;
        tree.insert(&keys, 0, || leaf.given())?;
    }
    tree.require_leaf()?;
    if let Format::Sealed(settings) = format {
        let is_alignment = index::is_alignment(settings.alignment);
        require(is_alignment, "ALIGN-5", 0, "the alignment is not a power of two from 64 to 4,096")?;
        check_metadata(&settings.metadata)?;
    }
    replace(path.as_ref(), |out| match format {
        Format::Plain => write::write_stream(&tree, out),
        Format::Sealed(settings) => write_sealed::write(&tree, settings, out),
        Format::Flax => write::write_flax(&tree, out),
    })
}

/// Writes a file beside the one whose place it takes once it is whole.
fn replace(path: &Path, put: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end with the name of a file").into());
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let unfinished = path.with_file_name(hidden);
    let written = || {
        let mut out = BufWriter::with_capacity(BUFFER, File::create(&unfinished)?);
        put(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok(fs::rename(&unfinished, path)?)
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&unfinished); // what went wrong before is what is told
        error
    })
}

/// META-1 to META-3, of metadata that are to be written.
fn check_metadata(metadata: &[u8]) -> Result<()> {
    let size = Some(metadata.len() as u64);
    let mut input = Input::new(io::Cursor::new(metadata.to_vec()), size, "META-1");
    input.metadata()?;
    require(input.at_end()?, "META-1", input.position, "bytes follow the metadata")
}
