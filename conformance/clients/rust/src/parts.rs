//! Arrays in parts (chapter 12 of version 2.0).

use crate::{require, KeyPath, Result};

const MAX_WHOLE: u64 = (1 << 31) - (1 << 17); // PART-1
const MAX_BOX: u64 = 1 << 30; // PART-2
/// Room for the key of a part that a file can have: two numbers of at most 20 digits.
pub const MAX_PART_KEY: usize = 64;

/// PART-3: which part it is, and of how many.
pub struct Part {
    pub place: u64,
    pub count: u64,
}

impl KeyPath {
    /// PART-3: takes the key of a part off the end of a key path that has one. The record stands at `at`.
    pub fn without_part(mut self, at: u64) -> Result<(KeyPath, Option<Part>)> {
        let found = self.parts().enumerate().find_map(|(place, key)| Some((place, Part::named(&key)?)));
        let Some((place, part)) = found else {
            return Ok((self, None));
        };
        let is_last = place > 0 && place + 1 == self.size().0;
        require(is_last, "PART-3", at, "a key that looks like that of a part is not the last")?;
        self.0.pop();
        let kept = self.0.iter().rposition(|byte| *byte == Self::END).map_or(0, |end| end + 1);
        self.0.truncate(kept);
        Ok((self, Some(part)))
    }

    /// PART-3: whether one of its keys looks like that of a part.
    pub fn has_part(&self) -> bool {
        self.parts().any(|key| Part::named(&key).is_some())
    }
}

impl Part {
    pub fn key(&self) -> String {
        format!("__part_{}_of_{}__", self.place, self.count)
    }

    /// The part that has this key, where it is that of one.
    fn named(key: &str) -> Option<Self> {
        let (place, count) = key.strip_prefix("__part_")?.strip_suffix("__")?.split_once("_of_")?;
        let is_number = |text: &str| {
            let is_short = text == "0" || !text.starts_with('0');
            is_short && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        // They may have any number of digits; of two without leading zeros the longer one is the larger.
        let is_part = is_number(place) && is_number(count) && (place.len(), place) < (count.len(), count);
        // No file holds as many parts as the largest u64 says, so that can stand for all that are larger.
        let number = |text: &str| text.parse().unwrap_or(u64::MAX);
        is_part.then(|| Part { place: number(place), count: number(count) })
    }
}

/// PART-2: how an array is cut.
pub struct Boxes<'a> {
    shape: &'a [u64],
    /// The dimension that is cut, how many of its rows a box takes, and how many boxes make one range of it.
    axis: usize,
    rows: u64,
    in_range: u64,
    pub count: u64,
}

impl<'a> Boxes<'a> {
    /// PART-1: None where the array is not to be cut. LEAF-4 holds for the shape.
    pub fn of(shape: &'a [u64], width: u64) -> Option<Self> {
        if shape.contains(&0) || shape.iter().product::<u64>() * width <= MAX_WHOLE {
            return None;
        }
        let row_after = |axis: usize| shape[axis + 1..].iter().product::<u64>() * width;
        let axis = (0..shape.len()).find(|axis| row_after(*axis) <= MAX_BOX)?;
        let rows = MAX_BOX / row_after(axis);
        let in_range = shape[axis].div_ceil(rows);
        let count = shape[..axis].iter().product::<u64>() * in_range;
        Some(Boxes { shape, axis, rows, in_range, count })
    }

    pub fn shape_of(&self, place: u64) -> Vec<u64> {
        let before = place % self.in_range * self.rows;
        let mut shape = self.shape.to_vec();
        shape[..self.axis].fill(1);
        shape[self.axis] = self.rows.min(shape[self.axis] - before);
        shape
    }
}
