//! Leaves in the input (chapters 03, 04 and 11).

use crate::*;

const MAX_PADDING: u64 = 4095; // ALIGN-2

impl Input {
    /// LEAF-1: the leaf of this header. Whether a map with entries can be a leaf is for the caller to say.
    pub(crate) fn leaf(&mut self, head: Head, content: &mut Content) -> Result<Leaf> {
        let Head { at, value } = head;
        Ok(match value {
            Value::Nil => Leaf::Nil,
            Value::Bool(value) => Leaf::Bool(value),
            Value::Int(value) => Leaf::Int(value),
            Value::Float(bits) => Leaf::Float(bits),
            Value::Str(length) => Leaf::Str(self.hashed(at, length, true, content)?),
            Value::Bin(length) => Leaf::Bin(self.hashed(at, length, false, content)?),
            Value::Ext(EXT_NDARRAY, length) => Leaf::Ndarray(self.whole_array(at, length, Role::Ndarray, content)?),
            Value::Ext(EXT_SCALAR, length) => Leaf::Scalar(self.whole_array(at, length, Role::Scalar, content)?),
            Value::Ext(EXT_COMPLEX, length) => self.enclosed(at, length, Self::complex)?,
            Value::Map(0) => Leaf::Empty, // LEAF-9
            Value::Ext(..) => return refuse("LEAF-1", at, "no leaf is an ext of this type"),
            Value::Map(_) => return refuse("LEAF-1", at, "a leaf is a map, but no chunked array"),
            Value::Array(_) => return refuse("LEAF-1", at, "a leaf is an array"),
        })
    }

    /// The body of the str or bin at `at`, as its length and digest.
    pub(crate) fn hashed(&mut self, at: u64, length: u64, is_text: bool, content: &mut Content) -> Result<Box<Bytes>> {
        let mut hash = Sha256::default();
        let start = self.position;
        content.begin_bytes(is_text, length);
        self.pieces(at, length, is_text, |piece| {
            hash.update(piece);
            content.add_to_digest(piece);
            Ok(())
        })?;
        Ok(Box::new(Bytes { length, sha256: hash.finish(), at: start }))
    }

    /// LEAF-7
    pub(crate) fn complex(&mut self) -> Result<Leaf> {
        let (at, count) = self.array_head("LEAF-7", "the body of a complex is not an array")?;
        require(count == 2, "LEAF-7", at, "a complex has two elements")?;
        Ok(Leaf::Complex(self.complex_part()?, self.complex_part()?))
    }

    pub(crate) fn complex_part(&mut self) -> Result<u64> {
        let Head { at, value } = self.head()?;
        let Value::Float(bits) = value else {
            return refuse("LEAF-7", at, "a part of a complex is not a float");
        };
        Ok(bits)
    }

    /// An array in one piece, in the ext at `at`.
    pub(crate) fn whole_array(
        &mut self,
        at: u64,
        length: u64,
        role: Role,
        content: &mut Content,
    ) -> Result<Box<Array>> {
        let (dtype, shape) = self.enclosed(at, length, |input| input.array_body(role, content))?;
        Ok(content.array(dtype, shape))
    }

    /// LEAF-2: shape, dtype tag and payload.
    pub(crate) fn array_body(&mut self, role: Role, content: &mut Content) -> Result<(Dtype, Vec<u64>)> {
        let (at, count) = self.array_head("LEAF-2", "the body of an ndarray is not an array")?;
        require(count == 3, "LEAF-2", at, "the body of an ndarray has three elements")?;
        let shape_at = self.position;
        let shape = self.shape()?;
        let tag_at = self.position;
        let dtype = self.dtype()?;
        match role {
            Role::Scalar => require(shape.is_empty(), "LEAF-6", shape_at, "a scalar has no dimension")?,
            Role::Chunk(..) if shape.len() != 1 => return refuse("LEAF-12", shape_at, "a chunk has one dimension"),
            Role::Chunk(_, Some(first)) => require(dtype == first, "LEAF-12", tag_at, "the chunks differ in dtype")?,
            _ => {}
        }
        let due = payload_length(&shape, dtype.width, shape_at)?;
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("LEAF-5", at, "the payload is not a bin");
        };
        self.fits(at, length)?;
        require(length == due, "LEAF-5", at, "the payload is not as long as shape and dtype say")?;
        match role {
            Role::Ndarray => content.begin_array("ndarray", dtype, &shape),
            Role::Scalar => content.begin_array("scalar", dtype, &shape),
            Role::Chunk(whole, _) => content.begin_array("ndarray", dtype, whole),
        }
        content.pieces.push(self.position..self.position + length);
        self.pieces(at, length, false, |piece| {
            content.payload.update(piece);
            content.add_to_digest(piece);
            Ok(())
        })?;
        Ok((dtype, shape))
    }

    /// LEAF-3
    pub(crate) fn shape(&mut self) -> Result<Vec<u64>> {
        let (at, count) = self.array_head("LEAF-3", "the shape is not an array")?;
        require(count <= MAX_DIMENSIONS, "LEAF-3", at, "more than 64 dimensions")?;
        (0..count).map(|_| self.dimension()).collect()
    }

    pub(crate) fn dimension(&mut self) -> Result<u64> {
        let Head { at, value } = self.head()?;
        match value {
            // No int has more than 64 bits (chapter 01).
            Value::Int(dimension @ 0..) => Ok(dimension as u64),
            _ => refuse("LEAF-3", at, "a dimension is not an integer of 0 or more"),
        }
    }

    /// DTYPE-1, DTYPE-2
    pub(crate) fn dtype(&mut self) -> Result<Dtype> {
        let Head { at, value } = self.head()?;
        let length = match value {
            Value::Str(length) => length,
            Value::Bin(length) if self.canonical.is_none() => length,
            _ => return refuse("DTYPE-2", at, "the dtype tag is neither a str nor a bin"),
        };
        self.fits(at, length)?;
        let name = self.window(at, length)?;
        let Some(dtype) = Dtype::named(name) else {
            return refuse("DTYPE-1", at, "unknown dtype tag");
        };
        self.advance(dtype.tag.len());
        Ok(dtype)
    }

    /// LEAF-10: the rest of the chunked array at `at`, of `count` entries, after the marker.
    pub(crate) fn chunked(&mut self, at: u64, count: u64, content: &mut Content) -> Result<Leaf> {
        // ALIGN-1: in a sealed stream there may be a fourth.
        content.is_padded = self.is_sealed && count == 4;
        require(count == 3 || content.is_padded, "LEAF-10", at, "a chunked array has three entries")?;
        let marker = self.head()?;
        let is_true = matches!(marker.value, Value::Bool(true));
        require(is_true, "LEAF-10", marker.at, "the marker of a chunked array is not true")?;
        if content.is_padded {
            self.padding()?;
        }
        self.key("shape", "LEAF-10")?;
        let shape_at = self.position;
        let shape = self.chunked_shape()?;
        self.key("chunks", "LEAF-10")?;
        let chunks_at = self.position;
        let before = content.payload.length;
        let dtype = self.chunks(&shape, content)?;
        // LEAF-11: LEAF-4 holds with the width of the chunks.
        let due = payload_length(&shape, dtype.width, shape_at)?;
        let found = content.payload.length - before;
        require(found == due, "LEAF-12", chunks_at, "the chunks do not have as many elements as the shape says")?;
        Ok(Leaf::Ndarray(content.array(dtype, shape)))
    }

    /// The next key in a chunked array; any other breaks `clause`.
    pub(crate) fn key(&mut self, expected: &str, clause: &'static str) -> Result<()> {
        let head = self.head()?;
        if self.is_text(&head, expected)? {
            return Ok(());
        }
        refuse(clause, head.at, format!("expected the key `{expected}`"))
    }

    /// ALIGN-1, ALIGN-2: the entry of a chunked array that stands before its shape.
    fn padding(&mut self) -> Result<()> {
        self.key("pad", "ALIGN-1")?;
        let Head { at, value } = self.head()?;
        let Value::Bin(length) = value else {
            return refuse("ALIGN-2", at, "the padding is not a bin");
        };
        self.fits(at, length)?;
        require(length <= MAX_PADDING, "ALIGN-2", at, "the padding has more than 4,095 bytes")?;
        let is_zero = self.window(at, length)?.iter().all(|byte| *byte == 0);
        self.advance(length as usize);
        require(is_zero, "ALIGN-2", at, "a byte of the padding is not zero")
    }

    /// LEAF-11
    pub(crate) fn chunked_shape(&mut self) -> Result<Vec<u64>> {
        let (at, count) = self.map_head("LEAF-11", "the shape of a chunked array is not a map")?;
        require(count <= MAX_DIMENSIONS, "LEAF-3", at, "more than 64 dimensions")?;
        let dimension = |place: u64| {
            self.key(&place.to_string(), "LEAF-11")?;
            self.dimension()
        };
        (0..count).map(dimension).collect()
    }

    /// LEAF-12: the dtype of the chunks of an array of this shape.
    pub(crate) fn chunks(&mut self, shape: &[u64], content: &mut Content) -> Result<Dtype> {
        let (map_at, count) = self.map_head("LEAF-12", "the chunks of a chunked array are not a map")?;
        let mut dtype = None;
        for place in 0..count {
            self.key(&place.to_string(), "LEAF-12")?;
            let Head { at, value } = self.head()?;
            let Value::Ext(EXT_NDARRAY, length) = value else {
                return refuse("LEAF-12", at, "a chunk is not an ext of type 1");
            };
            let role = Role::Chunk(shape, dtype);
            let (found, _) = self.enclosed(at, length, |input| input.array_body(role, content))?;
            dtype = Some(found);
        }
        dtype.map_or_else(|| refuse("LEAF-12", map_at, "a chunked array has no chunk"), Ok)
    }
}
