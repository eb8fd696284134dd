//! What an encoder gets: the tree and, for a sealed stream, the settings.

use crate::given::{array_length, Given, Settings};
use crate::index::KINDS;
use crate::json::{escaped, malformed, Json, JsonReader, Object};
use crate::payload::Payload;
use crate::tree::{Key, Tree};
use crate::*;

pub struct Asked {
    /// What is to be written of it.
    pub tree: Tree,
    pub settings: Option<Settings>,
}

pub fn read_asked(input: Input) -> Result<Asked> {
    let mut json = JsonReader::new(input);
    let (mut tree, mut has_records, mut others) = (Tree::new(), false, Object::default());
    json.object(|json, name| {
        if name != b"records" {
            others.put(name, json.value()?);
            return Ok(());
        }
        has_records = true;
        json.list(|json| {
            let at = json.position()?;
            let Json::Object(record) = json.value()? else {
                return malformed(at, "a record is not an object");
            };
            add_record(&mut tree, record, at)
        })
    })?;
    json.end()?;
    match others.take("empty_nodes") {
        Some(Json::Text(word)) if word == b"keep" => {}
        Some(Json::Text(word)) if word == b"leave out" => tree.leave_out_empty(),
        _ => return malformed(0, "`empty_nodes` is neither `keep` nor `leave out`"),
    }
    if !has_records {
        return malformed(0, "there are no `records`");
    }
    let settings = match others.take("format") {
        Some(Json::Text(format)) if format == b"2.0" => Some(read_settings(&mut others)?),
        Some(_) => return malformed(0, "the format is not `2.0`"),
        None => None,
    };
    tree.require_leaf()?;
    Ok(Asked { tree, settings })
}

fn read_settings(members: &mut Object) -> Result<Settings> {
    let Some(Json::Bool(has_digests)) = members.take("digests") else {
        return malformed(0, "`digests` is neither true nor false");
    };
    let alignment = members.take("alignment");
    let Some(alignment) = alignment.as_ref().and_then(decimal) else {
        return malformed(0, "`alignment` is not a number in decimal");
    };
    let alignment = alignment.parse().ok().filter(|alignment| index::is_alignment(*alignment));
    let Some(alignment) = alignment else {
        return refuse("ALIGN-5", 0, "the alignment is not a power of two from 64 to 4,096");
    };
    let Some(metadata) = members.take("metadata") else {
        return malformed(0, "there is no `metadata`");
    };
    Ok(Settings { alignment, has_digests, metadata: write_metadata::encode(metadata)? })
}

fn add_record(tree: &mut Tree, mut record: Object, at: u64) -> Result<()> {
    let (Some(path), Some(kind)) = (record.take("path"), record.take("kind")) else {
        return malformed(at, "a record has no `path` or no `kind`");
    };
    let keys = keys(path, at)?;
    tree.insert(&keys, at, || leaf(kind, record, at))
}

// ---- Key paths ----

fn keys(path: Json, at: u64) -> Result<Vec<Key>> {
    let parts = match path {
        Json::Text(shown) => parse_display(&utf8(shown, at)?, at)?.into_iter().map(Key::text).collect(),
        Json::List(parts) => parts.into_iter().map(|part| key(part, at)).collect::<Result<Vec<_>>>()?,
        _ => return refuse("KEY-1", at, "a key path is neither a list nor a text"),
    };
    require(!parts.is_empty(), "KEY-1", at, "the key path has no part")?;
    Ok(parts)
}

/// TREE-2, TREE-3: an integer is a key of a map, or a place in a list.
fn key(part: Json, at: u64) -> Result<Key> {
    match part {
        Json::Text(text) => Ok(Key::text(utf8(text, at)?)),
        Json::Number(number) if number == "-0" => Ok(Key::number("0".into())),
        Json::Number(number) if !number.contains(['.', 'e', 'E']) => Ok(Key::number(number)),
        _ => refuse("KEY-1", at, "a part of the key path is neither a text nor an integer"),
    }
}

/// KEY-6
fn parse_display(shown: &str, at: u64) -> Result<Vec<String>> {
    let (mut parts, mut part, mut left) = (Vec::new(), String::new(), shown);
    while let Some(c) = left.chars().next() {
        let mut length = c.len_utf8();
        match (c, left.as_bytes().get(1)) {
            ('/', _) => parts.push(std::mem::take(&mut part)),
            ('\\', Some(escaped @ (b'\\' | b'/'))) => {
                part.push(char::from(*escaped));
                length = 2;
            }
            ('\\', _) => {
                let Some(named) = escaped(left.as_bytes()).and_then(char::from_u32) else {
                    return refuse("KEY-6", at, "the key path in display form has an escape that is none");
                };
                part.push(named);
                length = 6;
            }
            _ => part.push(c),
        }
        left = &left[length..];
    }
    parts.push(part);
    Ok(parts)
}

// ---- Leaves ----

fn leaf(kind: Json, mut record: Object, at: u64) -> Result<Given> {
    let Json::Text(kind) = kind else {
        return malformed(at, "the kind is not a text");
    };
    let Some(kind) = KINDS.into_iter().find(|name| name.as_bytes() == kind) else {
        return refuse("LEAF-1", at, "no leaf is of this kind");
    };
    if matches!(kind, "ndarray" | "scalar") {
        return array(kind, record, at);
    }
    let (values, payload): (Vec<Value>, _) = match (kind, record.take("value")) {
        ("nil", _) => (vec![Value::Nil], Payload::empty()),
        ("empty", _) => (vec![Value::Map(0)], Payload::empty()),
        ("bool", Some(Json::Bool(value))) => (vec![Value::Bool(value)], Payload::empty()),
        ("int", Some(value)) => (vec![Value::Int(int(&value, "LEAF-1", at)?)], Payload::empty()),
        ("float", Some(value)) => (vec![Value::Float(float(&value, at)?)], Payload::empty()),
        ("complex", Some(Json::List(parts))) if parts.len() == 2 => {
            let (real, imaginary) = (float(&parts[0], at)?, float(&parts[1], at)?);
            let values = [Value::Ext(EXT_COMPLEX, 19), Value::Array(2), Value::Float(real), Value::Float(imaginary)];
            (values.to_vec(), Payload::empty())
        }
        ("str", value) => {
            let payload = bytes_of(value, record, true, at)?;
            require(payload.is_text(), "WIRE-5", at, "the text is not UTF-8")?;
            (vec![Value::Str(payload.length())], payload)
        }
        ("bin", value) => {
            let payload = bytes_of(value, record, false, at)?;
            (vec![Value::Bin(payload.length())], payload)
        }
        _ => return malformed(at, "the value is not that of its kind"),
    };
    Given::other(kind, &values, payload, at)
}

/// The bytes of a str or bin.
fn bytes_of(value: Option<Json>, mut record: Object, is_text: bool, at: u64) -> Result<Payload> {
    match (value, record.take("fill"), record.take("bytes")) {
        (Some(Json::Text(text)), None, None) if is_text => Ok(Payload::Held(text)),
        (Some(Json::Text(digits)), None, None) => Ok(Payload::Held(hex(digits, at)?)),
        (None, Some(Json::Text(digits)), Some(length)) => {
            let Some(length) = decimal(&length) else {
                return malformed(at, "`bytes` is not a number in decimal");
            };
            let Ok(length) = length.parse() else {
                return refuse("WIRE-1", at, "the leaf is larger than 2^32 - 1 bytes");
            };
            Payload::repeated(hex(digits, at)?, length, at)
        }
        _ => malformed(at, "expected a `value`, or a `fill` with `bytes`"),
    }
}

fn array(kind: &'static str, mut record: Object, at: u64) -> Result<Given> {
    let Some(Json::Text(tag)) = record.take("dtype") else {
        return malformed(at, "the dtype is not a text");
    };
    let Some(dtype) = Dtype::named(&tag) else {
        return refuse("DTYPE-7", at, "the type of the array has no tag");
    };
    let shape = match record.take("shape") {
        Some(Json::List(dimensions)) => dimensions.iter().map(|item| dimension(item, at)).collect::<Result<_>>()?,
        None if kind == "scalar" => Vec::new(),
        _ => return refuse("LEAF-3", at, "the shape is not a list"),
    };
    let length = array_length(kind, dtype, &shape, at)?;
    let is_big_endian = match record.take("byte_order") {
        Some(Json::Text(order)) if order == b"big" => true,
        Some(Json::Text(order)) if order == b"little" => false,
        None => false,
        _ => return malformed(at, "the byte order is neither `big` nor `little`"),
    };
    let payload = match (record.take("payload"), record.take("fill")) {
        (Some(Json::Text(digits)), None) => Payload::Held(hex(digits, at)?),
        (None, Some(Json::Text(digits))) => Payload::repeated(hex(digits, at)?, length, at)?,
        _ => return malformed(at, "expected a `payload` or a `fill`"),
    };
    Given::array(kind, dtype, shape, payload, is_big_endian, at)
}

fn dimension(item: &Json, at: u64) -> Result<u64> {
    let Some(digits) = decimal(item) else {
        return refuse("LEAF-3", at, "a dimension is not an integer of 0 or more");
    };
    digits.parse().or_else(|_| refuse("LEAF-4", at, "the shape is larger than 2^63 - 1 bytes"))
}

// ---- Values ----

/// WIRE-5
pub fn utf8(text: Vec<u8>, at: u64) -> Result<String> {
    String::from_utf8(text).or_else(|_| refuse("WIRE-5", at, "half of a surrogate pair is not UTF-8"))
}

/// The digits of a number of 0 or more.
fn decimal(value: &Json) -> Option<&str> {
    let Json::Text(text) = value else {
        return None;
    };
    let digits = std::str::from_utf8(text).ok()?;
    let is_short = digits == "0" || !digits.starts_with('0');
    let is_number = is_short && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then_some(digits)
}

/// An int of -2^63 to 2^64 - 1; one that is not breaks `clause`.
pub fn int(value: &Json, clause: &'static str, at: u64) -> Result<i128> {
    let Json::Text(text) = value else {
        return malformed(at, "an int is not a text");
    };
    let (sign, digits) = text.strip_prefix(b"-").map_or((1, text.as_slice()), |digits| (-1, digits));
    let Some(digits) = decimal(&Json::Text(digits.to_vec())).map(str::to_owned).filter(|d| sign > 0 || d != "0") else {
        return malformed(at, "an int is not a number in decimal");
    };
    let number = digits.parse::<i128>().ok().map(|magnitude| sign * magnitude);
    let fits = number.filter(|number| (i64::MIN.into()..=u64::MAX.into()).contains(number));
    fits.map_or_else(|| refuse(clause, at, "the int is not one of -2^63 to 2^64 - 1"), Ok)
}

pub fn float(value: &Json, at: u64) -> Result<u64> {
    match value {
        Json::Text(digits) if digits.len() == 16 => {
            Ok(hex(digits.clone(), at)?.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
        }
        _ => malformed(at, "a float is not 16 hexadecimal digits"),
    }
}

/// Hexadecimal digits in lower case; what they stand for takes their place.
pub fn hex(mut digits: Vec<u8>, at: u64) -> Result<Vec<u8>> {
    let half = digits.len() / 2;
    let is_even = digits.len() == 2 * half;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    for place in 0..half {
        let Some((high, low)) = digit(digits[2 * place]).zip(digit(digits[2 * place + 1])) else {
            return malformed(at, "not hexadecimal digits in lower case");
        };
        digits[place] = high << 4 | low;
    }
    digits.truncate(half);
    digits.shrink_to_fit();
    if is_even {
        Ok(digits)
    } else {
        malformed(at, "an odd number of hexadecimal digits")
    }
}
