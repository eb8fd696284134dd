//! A reader of JSON (RFC 8259): of values that are held, and of long lists item by item.
//!
//! A text is kept as bytes. Half of a surrogate pair stands in them as the three bytes that UTF-8 does not have for it, so
//! whoever needs a text looks whether it is one (WIRE-5).

use crate::{Error, Input, Refusal, Result};

const MAX_DEPTH: usize = 1024;
const MAX_MEMBERS: usize = 32; // more than any object of the protocol has

pub enum Json {
    Null,
    Bool(bool),
    /// As it stands in the input.
    Number(String),
    Text(Vec<u8>),
    List(Vec<Json>),
    Object(Object),
}

#[derive(Default)]
pub struct Object(Vec<(Vec<u8>, Json)>);

impl Object {
    /// Takes a member out of it.
    pub fn take(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(other, _)| other == name.as_bytes())?;
        Some(self.0.swap_remove(place).1)
    }

    pub fn put(&mut self, name: &[u8], value: Json) {
        self.0.push((name.to_vec(), value));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses what is not JSON, or not that of the protocol; no clause speaks of it.
pub fn malformed<T>(offset: u64, reason: &'static str) -> Result<T> {
    Err(Error::Refused(Refusal { clause: None, offset, path: None, reason: reason.into() }))
}

pub struct JsonReader {
    input: Input,
}

impl JsonReader {
    pub fn new(input: Input) -> Self {
        JsonReader { input }
    }

    /// The offset of the next value.
    pub fn position(&mut self) -> Result<u64> {
        self.next()?;
        Ok(self.input.position)
    }

    /// The next byte that is not white space.
    fn next(&mut self) -> Result<Option<u8>> {
        loop {
            match self.input.peek(1)?.first() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.input.advance(1),
                other => return Ok(other.copied()),
            }
        }
    }

    fn error<T>(&self, reason: &'static str) -> Result<T> {
        malformed(self.input.position, reason)
    }

    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<()> {
        if self.next()? != Some(byte) {
            return self.error(reason);
        }
        self.input.advance(1);
        Ok(())
    }

    /// Whether this byte comes next, which is then passed.
    fn takes(&mut self, byte: u8) -> Result<bool> {
        let is_next = self.next()? == Some(byte);
        self.input.advance(is_next.into());
        Ok(is_next)
    }

    pub fn end(&mut self) -> Result<()> {
        match self.next()? {
            None => Ok(()),
            Some(_) => self.error("something follows the JSON"),
        }
    }

    /// A list, of which `each` reads every item.
    pub fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'[', "expected a list")?;
        if self.takes(b']')? {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.takes(b',')? {
                return self.expect(b']', "expected a comma or the end of the list");
            }
        }
    }

    /// An object, of which `each` reads the value of every member. No name stands in it twice.
    pub fn object(&mut self, mut each: impl FnMut(&mut Self, &[u8]) -> Result<()>) -> Result<()> {
        self.expect(b'{', "expected an object")?;
        if self.takes(b'}')? {
            return Ok(());
        }
        let mut names: Vec<Vec<u8>> = Vec::new();
        loop {
            let at = self.position()?;
            let name = self.text()?;
            if names.contains(&name) || names.len() == MAX_MEMBERS {
                return malformed(at, "a name occurs twice in the object, or it has too many");
            }
            self.expect(b':', "expected a colon")?;
            each(self, &name)?;
            names.push(name);
            if !self.takes(b',')? {
                return self.expect(b'}', "expected a comma or the end of the object");
            }
        }
    }

    pub fn value(&mut self) -> Result<Json> {
        self.value_within(0)
    }

    fn value_within(&mut self, depth: usize) -> Result<Json> {
        if depth == MAX_DEPTH {
            return self.error("the JSON is nested too deep");
        }
        match self.next()? {
            Some(b'{') => {
                let mut object = Object::default();
                self.object(|json, name| {
                    object.put(name, json.value_within(depth + 1)?);
                    Ok(())
                })?;
                Ok(Json::Object(object))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.list(|json| {
                    items.push(json.value_within(depth + 1)?);
                    Ok(())
                })?;
                Ok(Json::List(items))
            }
            Some(b'"') => Ok(Json::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => self.error("the JSON ends too early"),
        }
    }

    fn word(&mut self) -> Result<Json> {
        for (word, value) in [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))] {
            if self.input.peek(word.len())? == word.as_bytes() {
                self.input.advance(word.len());
                return Ok(value);
            }
        }
        self.error("expected a value")
    }

    fn number(&mut self) -> Result<Json> {
        let at = self.input.position;
        let mut number = String::new();
        while let Some(byte @ (b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) = self.input.peek(1)?.first() {
            number.push(char::from(*byte));
            self.input.advance(1);
        }
        if is_number(&number) {
            Ok(Json::Number(number))
        } else {
            malformed(at, "not a number")
        }
    }

    fn text(&mut self) -> Result<Vec<u8>> {
        let at = self.position()?;
        self.expect(b'"', "expected a text")?;
        let mut text = Vec::new();
        let mut has_half_pair = false;
        loop {
            let run = self.input.buffered()?;
            let plain = run.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let stop = plain.map(|place| run[place]);
            let count = plain.unwrap_or(run.len());
            text.extend_from_slice(&run[..count]);
            self.input.advance(count);
            match stop {
                Some(b'"') => break self.input.advance(1),
                Some(b'\\') => has_half_pair |= self.escape(&mut text)?,
                Some(_) => return self.error("a control character occurs in a text"),
                None if count == 0 => return malformed(at, "the text does not end"),
                None => {}
            }
        }
        if !has_half_pair && std::str::from_utf8(&text).is_err() {
            return malformed(at, "the text is not UTF-8");
        }
        Ok(text)
    }

    /// Whether it is half of a surrogate pair.
    fn escape(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let byte = match self.input.peek(2)?.get(1) {
            Some(b'u') => return self.escaped_unit(text),
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            _ => return self.error("not an escape"),
        };
        text.push(byte);
        self.input.advance(2);
        Ok(false)
    }

    fn escaped_unit(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let ahead = self.input.peek(12)?;
        let Some(first) = escaped(ahead) else {
            return self.error("an escape has not four hexadecimal digits");
        };
        let second = ahead.get(6..).and_then(escaped).filter(|second| (0xdc00..0xe000).contains(second));
        let (unit, length) = match (first, second) {
            (0xd800..=0xdbff, Some(second)) => (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12),
            _ => (first, 6),
        };
        self.input.advance(length);
        push_unit(text, unit);
        Ok((0xd800..0xe000).contains(&unit))
    }
}

/// A character in UTF-8; half of a surrogate pair in the bytes that would follow from the same rule.
fn push_unit(text: &mut Vec<u8>, unit: u32) {
    match char::from_u32(unit) {
        Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => text.extend([0xe0 | unit >> 12, 0x80 | unit >> 6 & 0x3f, 0x80 | unit & 0x3f].map(|byte| byte as u8)),
    }
}

/// The number in `\u` and four hexadecimal digits, with which the bytes begin.
pub fn escaped(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// RFC 8259: an integer without leading zeros; a fraction and an exponent may follow.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (integer, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let integer = integer.strip_prefix('-').unwrap_or(integer);
    let is_short = integer == "0" || !integer.starts_with('0');
    is_short && digits(integer) && digits(fraction) && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}
