//! The tree that is written (chapter 07).

use crate::given::Given;
use crate::*;
use std::collections::HashMap;

/// A key of a map, as the text that is written.
#[derive(Clone, PartialEq)]
pub struct Key {
    pub text: Rc<str>,
    /// Whether the key itself is a number.
    is_number: bool,
}

impl Key {
    pub fn text(text: String) -> Self {
        Key { text: text.into(), is_number: false }
    }

    pub fn number(digits: String) -> Self {
        Key { text: digits.into(), is_number: true }
    }
}

/// A leaf, or a map of those below it.
struct Node {
    key: Key,
    children: Vec<usize>,
    leaf: Option<Given>,
}

/// Every node but the root stands behind the one above it.
pub struct Tree {
    nodes: Vec<Node>,
    places: HashMap<(usize, Rc<str>), usize>,
}

impl Tree {
    pub fn new() -> Self {
        let root = Node { key: Key::text(String::new()), children: Vec::new(), leaf: None };
        Tree { nodes: vec![root], places: HashMap::new() }
    }

    /// Takes a leaf, which is made once its key path has been checked; what is refused says that path.
    pub fn insert(&mut self, keys: &[Key], at: u64, leaf: impl FnOnce() -> Result<Given>) -> Result<()> {
        let add = || {
            // KEY-3, KEY-4
            require(keys.len() <= MAX_PARTS, "KEY-3", at, "the key path has more than 512 parts")?;
            let bytes = keys.iter().map(|key| key.text.len()).sum::<usize>();
            require(bytes <= MAX_PATH_BYTES, "KEY-4", at, "the key path has more than 65,535 bytes")?;
            self.add(keys, leaf()?)
        };
        add().map_err(|error: Error| {
            error.under(|| {
                let mut path = KeyPath::default();
                keys.iter().for_each(|key| path.push(&key.text));
                path
            })
        })
    }

    fn add(&mut self, path: &[Key], leaf: Given) -> Result<()> {
        let at = leaf.at;
        let (mut node, mut is_new) = (0, false);
        for key in path {
            let is_map = self.nodes[node].leaf.is_none();
            require(is_map, "STREAM-5", at, "an earlier key path is the beginning of this one")?;
            (node, is_new) = self.child(node, key, at)?;
        }
        let is_leaf = self.nodes[node].leaf.is_some();
        require(!is_leaf, "STREAM-4", at, "the key path occurs in the tree twice")?;
        require(is_new, "STREAM-5", at, "the key path is the beginning of an earlier one")?;
        self.nodes[node].leaf = Some(leaf);
        Ok(())
    }

    /// The node below `above`, and whether it is new.
    fn child(&mut self, above: usize, key: &Key, at: u64) -> Result<(usize, bool)> {
        let place = (above, Rc::clone(&key.text));
        if let Some(node) = self.places.get(&place) {
            require(self.nodes[*node].key == *key, "TREE-3", at, "two keys of a map give the same text")?;
            return Ok((*node, false));
        }
        let node = self.nodes.len();
        self.nodes.push(Node { key: key.clone(), children: Vec::new(), leaf: None });
        self.nodes[above].children.push(node);
        self.places.insert(place, node);
        Ok((node, true))
    }

    /// TREE-4: takes what is not written out of the tree.
    pub fn leave_out_empty(&mut self) {
        for node in (0..self.nodes.len()).rev() {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.retain(|child| self.is_written(*child));
            self.nodes[node].children = children;
        }
    }

    fn is_written(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        node.leaf.as_ref().map_or(!node.children.is_empty(), |leaf| leaf.kind != "empty")
    }

    /// STREAM-3
    pub fn require_leaf(&self) -> Result<()> {
        require(!self.nodes[0].children.is_empty(), "STREAM-3", 0, "the tree has no leaf to write")
    }

    /// TREE-5: hands over the leaves and, before what is below them, the maps.
    pub fn walk(&self, visit: &mut dyn FnMut(&KeyPath, Visit) -> Result<()>) -> Result<()> {
        self.walk_from(0, &mut KeyPath::default(), visit)
    }

    /// KEY-3 bounds the depth.
    fn walk_from(
        &self,
        node: usize,
        path: &mut KeyPath,
        visit: &mut dyn FnMut(&KeyPath, Visit) -> Result<()>,
    ) -> Result<()> {
        let node = &self.nodes[node];
        if let Some(leaf) = &node.leaf {
            return visit(path, Visit::Leaf(leaf)).map_err(|error| error.under(|| path.clone()));
        }
        visit(path, Visit::Map(node.children.len() as u64))?;
        for child in &node.children {
            let length = path.0.len();
            path.push(&self.nodes[*child].key.text);
            self.walk_from(*child, path, visit)?;
            path.0.truncate(length);
        }
        Ok(())
    }

    /// The leaves alone.
    pub fn leaves(&self, visit: &mut dyn FnMut(&KeyPath, &Given) -> Result<()>) -> Result<()> {
        self.walk(&mut |path, visited| match visited {
            Visit::Leaf(leaf) => visit(path, leaf),
            Visit::Map(_) => Ok(()),
        })
    }
}

pub enum Visit<'a> {
    /// With the number of its entries.
    Map(u64),
    Leaf(&'a Given),
}
