//! What the program prints, as the protocol says.

use crate::checksum::BLOCK;
use crate::index::Index;
use crate::read_metadata::Nesting;
use crate::records::Stream;
use crate::*;

/// A JSON string. What KEY-5 hides is escaped here too, so that no key can move the cursor of a terminal.
pub(crate) fn json_text(text: &str) -> String {
    let mut json = String::from('"');
    text.chars().for_each(|c| push_json(&mut json, c));
    json + "\""
}

pub(crate) fn push_json(json: &mut String, c: char) {
    match c {
        '"' | '\\' => json.extend(['\\', c]),
        c => push_shown(json, c),
    }
}

pub(crate) fn json_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

pub(crate) fn json_path(path: &KeyPath) -> String {
    json_list(path.parts().map(|part| json_text(&part)))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The members that say what a leaf is.
pub(crate) fn json_members(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Ndarray(array) => {
            let shape = json_list(array.shape.iter().map(|dimension| format!(r#""{dimension}""#)));
            let (tag, sha256) = (array.dtype.tag, hexadecimal(&array.sha256));
            format!(r#""kind":"ndarray","dtype":"{tag}","shape":{shape},"sha256":"{sha256}""#)
        }
        Leaf::Scalar(array) => {
            let (tag, sha256) = (array.dtype.tag, hexadecimal(&array.sha256));
            format!(r#""kind":"scalar","dtype":"{tag}","sha256":"{sha256}""#)
        }
        Leaf::Complex(real, imaginary) => {
            format!(r#""kind":"complex","value":["{real:016x}","{imaginary:016x}"]"#)
        }
        Leaf::Nil => r#""kind":"nil""#.into(),
        Leaf::Bool(value) => format!(r#""kind":"bool","value":{value}"#),
        Leaf::Int(value) => format!(r#""kind":"int","value":"{value}""#),
        Leaf::Float(bits) => format!(r#""kind":"float","value":"{bits:016x}""#),
        Leaf::Str(text) => json_bytes("str", text),
        Leaf::Bin(bytes) => json_bytes("bin", bytes),
        Leaf::Empty => r#""kind":"empty""#.into(),
    }
}

/// The members of a record.
pub(crate) fn json_record(path: &KeyPath, leaf: &Leaf) -> String {
    let (parts, display, leaf) = (json_path(path), json_text(&path.display()), json_members(leaf));
    format!(r#""path":{parts},"display":{display},{leaf}"#)
}

pub(crate) fn json_bytes(kind: &str, bytes: &Bytes) -> String {
    let (length, sha256) = (bytes.length, hexadecimal(&bytes.sha256));
    format!(r#""kind":"{kind}","bytes":"{length}","sha256":"{sha256}""#)
}

/// CONF-3: to be called when the whole input has been checked.
pub(crate) fn print_records<'a>(records: impl Iterator<Item = (Cow<'a, KeyPath>, &'a Leaf)>) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut separator = "";
    write!(out, r#"{{"records":["#)?;
    for (path, leaf) in records {
        write!(out, "{separator}\n{{{}}}", json_record(&path, leaf))?;
        separator = ",";
    }
    writeln!(out, "\n]}}")?;
    Ok(out.flush()?)
}

/// CONF-5
pub(crate) fn print_refusal(refusal: &Refusal) -> io::Result<()> {
    let Refusal { clause, offset, reason, .. } = refusal;
    let path = refusal.path.as_ref().map_or_else(String::new, |path| format!(r#","path":{}"#, json_path(path)));
    let clause = clause.map_or_else(String::new, |clause| format!(r#","clause":"{clause}""#));
    let reason = json_text(reason);
    let line = format!("{{\"rejected\":{reason}{clause},\"offset\":\"{offset}\"{path}}}\n");
    io::stderr().write_all(line.as_bytes())
}

impl Stream {
    pub(crate) fn print(&self, index: Index) -> Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        let (alignment, checksum) = (index.alignment, index.checksum);
        write!(out, r#"{{"seal":{{"version":"2.0","alignment":"{alignment}","checksum":"{checksum:08x}","digests":"#)?;
        match index.digests {
            Some((_, digests)) => write!(out, r#""{}""#, hexadecimal(&digests))?,
            None => write!(out, "null")?,
        }
        write!(out, r#","metadata":"#)?;
        Input::new(io::Cursor::new(index.metadata), None, "META-1").metadata_value(
            0,
            &mut Nesting::outermost(),
            &mut out,
        )?;
        write!(out, r#"}},"records":["#)?;
        let mut paths: Vec<&KeyPath> = self.places.keys().collect();
        paths.sort_unstable_by_key(|path| self.places[*path]);
        let (mut records, mut checksums) = (self.records.iter(), self.checksums.iter());
        let mut separator = "";
        for (path, stored) in paths.into_iter().zip(&self.leaves) {
            write!(out, "{separator}\n{{{},\"checksums\":[", json_record(path, &stored.leaf))?;
            let blocks = records.by_ref().take(stored.records).map(|record| record.size.div_ceil(BLOCK)).sum::<u64>();
            for (place, checksum) in checksums.by_ref().take(blocks as usize).enumerate() {
                write!(out, "{}\"{checksum:08x}\"", if place > 0 { "," } else { "" })?;
            }
            write!(out, "]}}")?;
            separator = ",";
        }
        writeln!(out, "\n]}}")?;
        Ok(out.flush()?)
    }
}
