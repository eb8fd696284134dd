//! Leaves that are to be written, once they have been checked, and the settings of a sealed stream.

use crate::payload::Payload;
use crate::*;

/// A leaf to be written, which has been checked.
pub(crate) struct Given {
    pub kind: &'static str,
    /// Where it stands in the input.
    pub at: u64,
    /// What an ndarray or scalar has.
    pub array: Option<(Dtype, Vec<u64>)>,
    /// Of any other leaf: its canonical encoding up to the bytes of a str or bin.
    pub head: Vec<u8>,
    pub payload: Payload,
}

impl Given {
    /// An ndarray or scalar whose payload is as long as `array_length` says.
    pub fn array(
        kind: &'static str,
        dtype: Dtype,
        shape: Vec<u64>,
        mut payload: Payload,
        is_big_endian: bool,
        at: u64,
    ) -> Result<Self> {
        let length = array_length(kind, dtype, &shape, at)?;
        require(payload.length() == length, "LEAF-5", at, "the payload is not as long as shape and dtype say")?;
        payload.normalise(dtype, is_big_endian);
        Ok(Given { kind, at, array: Some((dtype, shape)), head: Vec::new(), payload })
    }

    /// Any other leaf: values and, of a str or bin, the bytes behind them.
    pub fn other(kind: &'static str, values: &[Value], payload: Payload, at: u64) -> Result<Self> {
        // No length says more; a stream can hold a little less (REC-3).
        require(payload.length() <= u32::MAX.into(), "WIRE-1", at, "the leaf is larger than 2^32 - 1 bytes")?;
        let head = values.iter().flat_map(|value| value.encoded()).collect();
        Ok(Given { kind, at, array: None, head, payload })
    }
}

/// LEAF-3 to LEAF-6: how many bytes an ndarray or scalar has.
pub(crate) fn array_length(kind: &str, dtype: Dtype, shape: &[u64], at: u64) -> Result<u64> {
    require(shape.len() as u64 <= MAX_DIMENSIONS, "LEAF-3", at, "more than 64 dimensions")?;
    require(kind == "ndarray" || shape.is_empty(), "LEAF-6", at, "a scalar has no dimension")?;
    payload_length(shape, dtype.width, at)
}

/// The settings of a sealed stream (SEAL-7).
pub struct Settings {
    /// Of payloads: a power of two from 64 to 4,096.
    pub alignment: u64,
    /// Whether there is a digest of each leaf, and of the tree (INDEX-9).
    pub has_digests: bool,
    /// MessagePack: a map (META-1), as [`Seal::metadata`] has it.
    pub metadata: Vec<u8>,
}

impl Default for Settings {
    /// An alignment of 64, no digests, and no metadata.
    fn default() -> Self {
        Settings { alignment: 64, has_digests: false, metadata: Value::Map(0).encoded() }
    }
}
