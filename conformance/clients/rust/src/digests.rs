//! The digests of leaves and of a tree (INDEX-9, DELTA-4 to DELTA-6).

use crate::*;

pub struct LeafDigest {
    hash: Sha256,
    /// The shape of an array in parts. Each of them says its own alone.
    whole: Option<Vec<u64>>,
    has_shape: bool,
}

impl LeafDigest {
    pub fn new(path: &KeyPath, whole: Option<Vec<u64>>) -> Self {
        let mut digest = LeafDigest { hash: Sha256::default(), whole, has_shape: false };
        digest.add(&Value::Array(path.size().0 as u64).encoded());
        path.parts().for_each(|part| digest.add_text(&part));
        digest
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    fn add_text(&mut self, text: &str) {
        self.add(&Value::Str(text.len() as u64).encoded());
        self.add(text.as_bytes());
    }

    /// DELTA-6: what has not passed by as bytes, the canonical encoding of a small value, is added here.
    pub fn finish(mut self, leaf: &Leaf) -> Digest {
        let values: &[Value] = match *leaf {
            Leaf::Ndarray(_) | Leaf::Scalar(_) | Leaf::Str(_) | Leaf::Bin(_) => return self.hash.finish(),
            Leaf::Nil => &[Value::Nil],
            Leaf::Bool(value) => &[Value::Bool(value)],
            Leaf::Int(value) => &[Value::Int(value)],
            Leaf::Float(bits) => &[Value::Float(bits)],
            Leaf::Empty => &[Value::Map(0)],
            Leaf::Complex(real, imaginary) => {
                &[Value::Ext(EXT_COMPLEX, 19), Value::Array(2), Value::Float(real), Value::Float(imaginary)]
            }
        };
        self.add_text(leaf.kind());
        values.iter().for_each(|value| self.add(&value.encoded()));
        self.hash.finish()
    }
}

/// DELTA-5: that of a tree whose leaves have these.
pub fn tree_digest(mut leaves: Vec<&[u8]>) -> Digest {
    leaves.sort_unstable();
    let mut hash = Sha256::default();
    leaves.iter().for_each(|digest| hash.update(digest));
    hash.finish()
}

impl Content {
    /// To be called before each piece of the payload.
    pub fn begin_array(&mut self, kind: &str, dtype: Dtype, shape: &[u64]) {
        let Some(digest) = self.digest.as_mut().filter(|digest| !digest.has_shape) else {
            return;
        };
        digest.has_shape = true;
        let shape = digest.whole.take().unwrap_or_else(|| shape.to_vec());
        digest.add_text(kind);
        digest.add_text(dtype.tag);
        digest.add(&Value::Array(shape.len() as u64).encoded());
        shape.iter().for_each(|dimension| digest.add(&Value::Int((*dimension).into()).encoded()));
    }

    /// To be called before the bytes of a str or bin.
    pub fn begin_bytes(&mut self, is_text: bool, length: u64) {
        if let Some(digest) = &mut self.digest {
            let (kind, header) = if is_text { ("str", Value::Str(length)) } else { ("bin", Value::Bin(length)) };
            digest.add_text(kind);
            digest.add(&header.encoded());
        }
    }

    pub fn add_to_digest(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.digest {
            digest.add(bytes);
        }
    }
}
