//! Standard flax files (chapter 08).

use crate::*;

/// A key of a nested map. The leaves share the keys above them, so that memory follows the size of the file,
/// however long their key paths are together.
pub(crate) struct Key {
    pub(crate) above: Option<Rc<Key>>,
    pub(crate) name: Rc<[u8]>,
    /// How many parts and bytes the path down to here has.
    pub(crate) parts: usize,
    pub(crate) bytes: usize,
}

impl Key {
    /// KEY-3, KEY-4: every key leads to a leaf, so one that is too deep or too long is refused where it stands.
    pub(crate) fn new(above: Option<&Rc<Key>>, name: Rc<[u8]>, at: u64) -> Result<Rc<Key>> {
        let (parts, bytes) = above.map_or((0, 0), |key| (key.parts, key.bytes));
        let key = Key { above: above.cloned(), parts: parts + 1, bytes: bytes + name.len(), name };
        require(key.parts <= MAX_PARTS, "KEY-3", at, "the key path has more than 512 parts")?;
        require(key.bytes <= MAX_PATH_BYTES, "KEY-4", at, "the key path has more than 65,535 bytes")?;
        Ok(Rc::new(key))
    }

    pub(crate) fn path(&self) -> KeyPath {
        let mut path = self.above.as_ref().map_or_else(KeyPath::default, |above| above.path());
        path.0.extend_from_slice(&self.name);
        path.end_part();
        path
    }
}

pub(crate) type Leaves = Vec<(Rc<Key>, Leaf)>;

pub(crate) fn read_map(input: &mut Input) -> Result<Leaves> {
    // FLAX-1
    require(!input.at_end()?, "FLAX-1", 0, "the input is empty")?;
    let (at, count) = input.map_head("FLAX-1", "a flax file is a map")?;
    require(count != 0, "FLAX-1", at, "the map has no entry")?;
    let mut leaves = Leaves::new();
    let (first_at, first) = input.flax_key()?;
    // FLAX-3
    require(*first != *MARKER.as_bytes(), "FLAX-3", first_at, "the root map is a chunked array")?;
    input.flax_entries(&mut leaves, count, None, first_at, first)?;
    require(input.at_end()?, "FLAX-1", input.position, "bytes follow the map")?;
    // FLAX-8
    let paths = leaves.iter().fold(0u64, |sum, (key, _)| sum.saturating_add((key.bytes + 8 * key.parts) as u64));
    let most = input.position.saturating_mul(64).saturating_add(1 << 20);
    require(paths <= most, "FLAX-8", 0, "the key paths are too long for a file of this size")?;
    Ok(leaves)
}

impl Input {
    /// FLAX-2: the entries of a map, the first key of which has been read. KEY-3 ends the recursion.
    pub(crate) fn flax_entries(
        &mut self,
        leaves: &mut Leaves,
        count: u64,
        above: Option<&Rc<Key>>,
        first_at: u64,
        first: Rc<[u8]>,
    ) -> Result<()> {
        let mut names = HashSet::from([Rc::clone(&first)]);
        let key = Key::new(above, first, first_at)?;
        self.flax_value(leaves, &key).map_err(|error| error.under(|| key.path()))?;
        for _ in 1..count {
            let (at, name) = self.flax_key()?;
            require(*name != *MARKER.as_bytes(), "FLAX-3", at, "the marker of chunked arrays is not the first key")?;
            let is_new = names.insert(Rc::clone(&name));
            let key = Key::new(above, name, at)?;
            let value = if is_new {
                self.flax_value(leaves, &key)
            } else {
                refuse("FLAX-5", at, "the key occurs in the map twice")
            };
            value.map_err(|error| error.under(|| key.path()))?;
        }
        Ok(())
    }

    pub(crate) fn flax_key(&mut self) -> Result<(u64, Rc<[u8]>)> {
        let Head { at, value } = self.head()?;
        let Value::Str(length) = value else {
            return refuse("FLAX-2", at, "a key is not a str");
        };
        self.fits(at, length)?;
        require(length <= MAX_PATH_BYTES as u64, "KEY-4", at, "the key has more than 65,535 bytes")?;
        let mut name = Vec::new();
        self.pieces(at, length, true, |piece| {
            name.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((at, name.into()))
    }

    pub(crate) fn flax_value(&mut self, leaves: &mut Leaves, key: &Rc<Key>) -> Result<()> {
        let head = self.head()?;
        let leaf = match head.value {
            Value::Array(_) => return refuse("FLAX-4", head.at, "a value is an array"),
            Value::Map(count @ 1..) => {
                self.map_fits(head.at, count)?;
                let (first_at, first) = self.flax_key()?;
                if *first != *MARKER.as_bytes() {
                    return self.flax_entries(leaves, count, Some(key), first_at, first);
                }
                self.chunked(head.at, count, &mut Content::default())?
            }
            _ => self.leaf(head, &mut Content::default())?,
        };
        leaves.push((Rc::clone(key), leaf));
        Ok(())
    }
}
