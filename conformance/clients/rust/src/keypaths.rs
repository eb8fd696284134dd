//! Key paths (chapter 02).

use crate::*;

/// The parts of a key path, each followed by a byte that no UTF-8 has. So one path is the beginning of another
/// exactly where its bytes are, and in the order of the bytes nothing else comes between the two.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(pub(crate) Vec<u8>);

impl KeyPath {
    pub(crate) const END: u8 = 0xff;

    pub(crate) fn end_part(&mut self) {
        self.0.push(Self::END);
    }

    pub(crate) fn push(&mut self, part: &str) {
        self.0.extend_from_slice(part.as_bytes());
        self.end_part();
    }

    /// How many parts it has, and how many bytes they take (KEY-3, KEY-4).
    pub(crate) fn size(&self) -> (usize, usize) {
        let parts = self.0.iter().filter(|byte| **byte == Self::END).count();
        (parts, self.0.len() - parts)
    }

    pub(crate) fn is_beginning_of(&self, other: &KeyPath) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The keys.
    pub fn parts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let ended = self.0.split_inclusive(|byte| *byte == Self::END);
        ended.map(|part| String::from_utf8_lossy(part.strip_suffix(&[Self::END]).unwrap_or(part)))
    }

    /// KEY-5: the display form.
    pub fn display(&self) -> String {
        let mut shown = String::new();
        for (place, part) in self.parts().enumerate() {
            if place > 0 {
                shown.push('/');
            }
            for c in part.chars() {
                match c {
                    '\\' | '/' => shown.extend(['\\', c]),
                    c => push_shown(&mut shown, c),
                }
            }
        }
        shown
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.display())
    }
}

/// KEY-5: what could move the cursor of a terminal or pass for something else is never shown as it is.
pub(crate) fn push_shown(shown: &mut String, c: char) {
    match c {
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => shown.push(c),
    }
}
