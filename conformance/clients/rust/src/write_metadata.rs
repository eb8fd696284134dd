//! Metadata that is to be written (chapter 14 of version 2.0).

use crate::asked::{float, hex, int, utf8};
use crate::json::{malformed, Json};
use crate::read_metadata::{Nesting, MAX_METADATA};
use crate::*;

/// META-1
pub fn encode(value: Json) -> Result<Vec<u8>> {
    let mut encoded = Vec::new();
    let (kind, value) = members(value)?;
    require(kind == b"map", "META-1", 0, "the metadata is not a map")?;
    put_value(&mut encoded, &kind, value, &mut Nesting::outermost())?;
    Ok(encoded)
}

fn members(value: Json) -> Result<(Vec<u8>, Option<Json>)> {
    let Json::Object(mut object) = value else {
        return malformed(0, "a value of the metadata is not an object");
    };
    match (object.take("kind"), object.take("value")) {
        (Some(Json::Text(kind)), value) if object.is_empty() => Ok((kind, value)),
        _ => malformed(0, "a value of the metadata has other members than `kind` and `value`"),
    }
}

fn put_nested(encoded: &mut Vec<u8>, value: Json, nesting: &mut Nesting) -> Result<()> {
    let (kind, value) = members(value)?;
    put_value(encoded, &kind, value, nesting)
}

fn put_value(encoded: &mut Vec<u8>, kind: &[u8], value: Option<Json>, nesting: &mut Nesting) -> Result<()> {
    match (kind, value) {
        (b"nil", None) => encoded.extend(Value::Nil.encoded()),
        (b"bool", Some(Json::Bool(value))) => encoded.extend(Value::Bool(value).encoded()),
        (b"int", Some(value)) => encoded.extend(Value::Int(int(&value, "META-1", 0)?).encoded()),
        (b"float", Some(value)) => encoded.extend(Value::Float(float(&value, 0)?).encoded()),
        (b"str", Some(Json::Text(text))) => put_text(encoded, &utf8(text, 0)?)?,
        (b"bin", Some(Json::Text(digits))) => {
            let bytes = hex(digits, 0)?;
            fits(encoded, bytes.len())?;
            encoded.extend(Value::Bin(bytes.len() as u64).encoded());
            encoded.extend(bytes);
        }
        (b"list", Some(Json::List(items))) => {
            nesting.enter(items.len() as u64, 0)?;
            fits(encoded, items.len())?;
            encoded.extend(Value::Array(items.len() as u64).encoded());
            for item in items {
                put_nested(encoded, item, nesting)?;
            }
            nesting.leave();
        }
        (b"map", Some(Json::List(pairs))) => {
            nesting.enter(pairs.len() as u64, 0)?;
            fits(encoded, 2 * pairs.len())?;
            // META-2
            let mut entries = pairs.into_iter().map(pair).collect::<Result<Vec<_>>>()?;
            entries.sort_by(|(key, _), (other, _)| key.cmp(other));
            let is_unique = entries.windows(2).all(|both| both[0].0 != both[1].0);
            require(is_unique, "META-2", 0, "a key of the metadata is given twice")?;
            encoded.extend(Value::Map(entries.len() as u64).encoded());
            for (key, value) in entries {
                put_text(encoded, &key)?;
                put_nested(encoded, value, nesting)?;
            }
            nesting.leave();
        }
        (b"nil" | b"bool" | b"str" | b"bin" | b"int" | b"float" | b"list" | b"map", _) => {
            return malformed(0, "a value of the metadata is not that of its kind");
        }
        _ => return refuse("META-1", 0, "metadata has no values of this kind"),
    }
    fits(encoded, 0)
}

fn put_text(encoded: &mut Vec<u8>, text: &str) -> Result<()> {
    fits(encoded, text.len())?;
    encoded.extend(Value::Str(text.len() as u64).encoded());
    encoded.extend_from_slice(text.as_bytes());
    Ok(())
}

fn pair(pair: Json) -> Result<(String, Json)> {
    if let Json::List(both) = pair {
        if let Ok([Json::Text(key), value]) = <[Json; 2]>::try_from(both) {
            return Ok((utf8(key, 0)?, value));
        }
    }
    malformed(0, "an entry of the metadata is not a text and a value")
}

/// META-3: so many bytes more, or values of one byte and more.
fn fits(encoded: &[u8], more: usize) -> Result<()> {
    let fits = encoded.len() + more <= MAX_METADATA as usize;
    require(fits, "META-3", 0, "the metadata has more than 2^24 bytes")
}
