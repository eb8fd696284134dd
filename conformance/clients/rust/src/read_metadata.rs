//! Metadata that stands in an index (chapter 14 of version 2.0).

use crate::*;

pub const MAX_METADATA: u64 = 1 << 24; // META-3
const MAX_VALUES: u64 = 65_536; // META-3
const MAX_DEPTH: usize = 64; // META-3

/// META-3: how deep a value stands, and how many there are by the counts of the lists and maps before it.
pub struct Nesting {
    depth: usize,
    values: u64,
}

impl Nesting {
    pub fn outermost() -> Self {
        Nesting { depth: 0, values: 1 }
    }

    /// Into a list or map of so many values.
    pub fn enter(&mut self, count: u64, at: u64) -> Result<()> {
        self.depth += 1;
        self.values += count;
        require(self.depth <= MAX_DEPTH, "META-3", at, "the metadata is nested more than 64 deep")?;
        require(self.values <= MAX_VALUES, "META-3", at, "the metadata has more than 65,536 values")
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }
}

impl Input {
    /// The metadata as it stands in the file.
    pub fn metadata(&mut self) -> Result<Vec<u8>> {
        self.kept = Some(Vec::new());
        let before = self.canonical.replace("META-2");
        let start = self.position;
        let is_map = matches!(self.peek(1)?.first(), Some(0x80..=0x8f | 0xde | 0xdf));
        require(is_map || self.end == Some(start), "META-1", start, "the metadata is not a map")?;
        self.metadata_value(start, &mut Nesting::outermost(), &mut io::sink())?;
        self.canonical = before;
        Ok(self.kept.take().unwrap_or_default())
    }

    /// META-3: the header of a value in the metadata, which begins at `start`; and how many bytes follow it at least.
    fn metadata_head(&mut self, start: u64) -> Result<(Head, u64)> {
        let head = self.head()?;
        let length = match head.value {
            Value::Str(length) | Value::Bin(length) => length,
            Value::Array(count) => count,
            Value::Map(count) => 2 * count,
            _ => 0,
        };
        self.fits(head.at, length)?;
        let size = self.position - start + length;
        require(size <= MAX_METADATA, "META-3", start, "the metadata has more than 2^24 bytes")?;
        Ok((head, length))
    }

    /// Writes the next value as JSON. The metadata begins at `start`.
    pub fn metadata_value(&mut self, start: u64, nesting: &mut Nesting, out: &mut dyn Write) -> Result<()> {
        let is_float_32 = self.peek(1)? == [0xca];
        require(!is_float_32, "META-1", self.position, "a float 32 occurs in the metadata")?;
        let (Head { at, value }, length) = self.metadata_head(start)?;
        if let Value::Array(count) | Value::Map(count) = value {
            nesting.enter(count, at)?;
        }
        match value {
            Value::Nil => write!(out, r#"{{"kind":"nil"}}"#)?,
            Value::Bool(value) => write!(out, r#"{{"kind":"bool","value":{value}}}"#)?,
            Value::Int(value) => write!(out, r#"{{"kind":"int","value":"{value}"}}"#)?,
            Value::Float(bits) => write!(out, r#"{{"kind":"float","value":"{bits:016x}"}}"#)?,
            Value::Str(_) => {
                write!(out, r#"{{"kind":"str","value":""#)?;
                self.pieces(at, length, true, |piece| write_escaped(out, &String::from_utf8_lossy(piece)))?;
                write!(out, r#""}}"#)?;
            }
            Value::Bin(_) => {
                write!(out, r#"{{"kind":"bin","value":""#)?;
                self.pieces(at, length, false, |piece| out.write_all(hexadecimal(piece).as_bytes()))?;
                write!(out, r#""}}"#)?;
            }
            Value::Array(count) => {
                write!(out, r#"{{"kind":"list","value":["#)?;
                for place in 0..count {
                    write!(out, "{}", if place > 0 { "," } else { "" })?;
                    self.metadata_value(start, nesting, out)?;
                }
                nesting.leave();
                write!(out, "]}}")?;
            }
            Value::Map(count) => {
                write!(out, r#"{{"kind":"map","value":["#)?;
                let mut before = None;
                for place in 0..count {
                    write!(out, r#"{}[""#, if place > 0 { "," } else { "" })?;
                    let key = self.metadata_key(start, before.as_ref())?;
                    write_escaped(out, &key)?;
                    write!(out, r#"","#)?;
                    self.metadata_value(start, nesting, out)?;
                    write!(out, "]")?;
                    before = Some(key);
                }
                nesting.leave();
                write!(out, "]}}")?;
            }
            Value::Ext(..) => return refuse("META-1", at, "an ext occurs in the metadata"),
        }
        Ok(())
    }

    /// META-2: the texts of a map are in ascending order.
    fn metadata_key(&mut self, start: u64, before: Option<&String>) -> Result<String> {
        let (Head { at, value }, length) = self.metadata_head(start)?;
        require(matches!(value, Value::Str(_)), "META-1", at, "a key of the metadata is not a str")?;
        let mut key = String::new();
        self.pieces(at, length, true, |piece| {
            key.push_str(&String::from_utf8_lossy(piece));
            Ok(())
        })?;
        require(before < Some(&key), "META-2", at, "the keys are not in ascending order")?;
        Ok(key)
    }
}

/// A text of any length, as it stands inside of a JSON string.
fn write_escaped(out: &mut (impl Write + ?Sized), text: &str) -> io::Result<()> {
    let mut shown = String::new();
    for c in text.chars() {
        push_json(&mut shown, c);
        if shown.len() >= 4096 {
            out.write_all(shown.as_bytes())?;
            shown.clear();
        }
    }
    out.write_all(shown.as_bytes())
}
