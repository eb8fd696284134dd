//! What a leaf is (chapters 03 and 04).

use crate::*;

/// DTYPE-1: the tags, by the bytes that one element takes. DTYPE-4: one of less than 8 bits takes a whole byte.
pub(crate) const DTYPES: [(u64, &str); 7] = [
    (1, "bool int8 uint8 int4 uint4 int2 uint2 int1 uint1"),
    (1, "float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz"),
    (1, "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn"),
    (2, "int16 uint16 float16 bfloat16"),
    (4, "int32 uint32 float32 complex32 bcomplex32"),
    (8, "int64 uint64 float64 complex64"),
    (16, "complex128"),
];

/// DTYPE-1
#[derive(Clone, Copy, PartialEq)]
pub struct Dtype {
    pub tag: &'static str,
    /// The bytes of an element.
    pub width: u64,
}

impl Dtype {
    pub(crate) fn named(name: &[u8]) -> Option<Dtype> {
        DTYPES.iter().find_map(|(width, tags)| {
            let tag = tags.split(' ').find(|tag| tag.as_bytes() == name)?;
            Some(Dtype { tag, width: *width })
        })
    }
}

/// An array, or a scalar that is one without dimensions.
pub struct Array {
    pub dtype: Dtype,
    pub shape: Vec<u64>,
    /// Of its elements: little-endian, in C order.
    pub sha256: Digest,
    /// Where in the file they stand, in this order.
    pub pieces: Vec<Range<u64>>,
}

/// A text or bytes.
pub struct Bytes {
    pub length: u64,
    pub sha256: Digest,
    /// Where in the file they begin.
    pub at: u64,
}

/// LEAF-1: the kinds of leaves. What is large is boxed, so that a million small ones take little.
pub enum Leaf {
    Ndarray(Box<Array>),
    Scalar(Box<Array>),
    /// The bits of two float 64.
    Complex(u64, u64),
    Nil,
    Bool(bool),
    Int(i128),
    /// The bits of a float 64.
    Float(u64),
    Str(Box<Bytes>),
    Bin(Box<Bytes>),
    Empty,
}

impl Leaf {
    pub fn kind(&self) -> &'static str {
        match self {
            Leaf::Ndarray(_) => "ndarray",
            Leaf::Scalar(_) => "scalar",
            Leaf::Complex(..) => "complex",
            Leaf::Nil => "nil",
            Leaf::Bool(_) => "bool",
            Leaf::Int(_) => "int",
            Leaf::Float(_) => "float",
            Leaf::Str(_) => "str",
            Leaf::Bin(_) => "bin",
            Leaf::Empty => "empty",
        }
    }
}

/// As what the body of an ndarray stands in the input.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    Ndarray,
    Scalar,
    /// For an array of this shape, and with the dtype of the chunks before it.
    Chunk(&'a [u64], Option<Dtype>),
}

/// What is gathered of a leaf while its bytes pass by.
#[derive(Default)]
pub(crate) struct Content {
    /// That of an array: of all its chunks, and in a sealed stream of all its parts.
    pub(crate) payload: Sha256,
    /// Where the pieces of the payload stand, and how many of them are in the records before this one.
    pub(crate) pieces: Vec<Range<u64>>,
    pub(crate) before: usize,
    /// ALIGN-1
    pub(crate) is_padded: bool,
    /// INDEX-9, where it is wanted.
    pub(crate) digest: Option<digests::LeafDigest>,
}

impl Content {
    /// What has been gathered of an array so far.
    pub(crate) fn array(&self, dtype: Dtype, shape: Vec<u64>) -> Box<Array> {
        Box::new(Array { dtype, shape, sha256: self.payload.clone().finish(), pieces: self.pieces.clone() })
    }
}

/// LEAF-4, LEAF-5: the bytes that an array has.
pub(crate) fn payload_length(shape: &[u64], width: u64, shape_at: u64) -> Result<u64> {
    let mut nonzero = shape.iter().filter(|dimension| **dimension != 0);
    let product = nonzero.try_fold(width, |product, dimension| product.checked_mul(*dimension));
    match product {
        Some(length) if length <= MAX_ARRAY_BYTES => Ok(if shape.contains(&0) { 0 } else { length }),
        _ => refuse("LEAF-4", shape_at, "the shape is larger than 2^63 - 1 bytes"),
    }
}

/// LEAF-8: widens a float 32. A NaN keeps its sign and payload and is made quiet, which `as f64` does not promise.
pub(crate) fn widen(bits: u32) -> u64 {
    let value = f32::from_bits(bits);
    if value.is_nan() {
        let sign = u64::from(bits >> 31) << 63;
        sign | 0x7ff8 << 48 | u64::from(bits & 0x007f_ffff) << 29
    } else {
        f64::from(value).to_bits()
    }
}
