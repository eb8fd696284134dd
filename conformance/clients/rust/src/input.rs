//! MessagePack (chapter 01): the input, and the headers that are read.

use crate::*;

/// The input, and where in it the reader stands.
pub(crate) struct Input {
    pub(crate) from: Box<dyn Read>,
    pub(crate) buffer: Vec<u8>,
    pub(crate) start: usize,
    pub(crate) filled: usize,
    /// The offset in the input of the next byte.
    pub(crate) position: u64,
    /// The length of the whole input, where it is known.
    pub(crate) size: Option<u64>,
    /// Where the innermost bin or ext ends in which the reader stands.
    pub(crate) end: Option<u64>,
    /// The offset of the outermost one.
    pub(crate) outermost: Option<u64>,
    /// The clause that an input breaks which ends too early.
    pub(crate) cut_off: &'static str,
    /// Whether its records are those of a sealed stream (version 2.0).
    pub(crate) is_sealed: bool,
    /// The clause that a header breaks which is longer than needed, where that is not allowed.
    pub(crate) canonical: Option<&'static str>,
    /// The checksums of the bytes that have been read, where they are wanted.
    pub(crate) checksums: Option<Checksums>,
    /// The bytes that have been read, where they are kept.
    pub(crate) kept: Option<Vec<u8>>,
}

impl Input {
    pub(crate) fn open(path: &OsStr, cut_off: &'static str) -> io::Result<Self> {
        if path == "-" {
            return Ok(Input::new(io::stdin().lock(), None, cut_off));
        }
        let file = File::open(path)?;
        let about = file.metadata()?;
        // Special files may call themselves regular and 0 bytes long: those are read like a pipe.
        let size = Some(about.len()).filter(|length| about.is_file() && *length > 0);
        Ok(Input::new(file, size, cut_off))
    }

    pub(crate) fn new(from: impl Read + 'static, size: Option<u64>, cut_off: &'static str) -> Self {
        Input {
            from: Box::new(from),
            buffer: vec![0; BUFFER],
            start: 0,
            filled: 0,
            position: 0,
            size,
            end: None,
            outermost: None,
            cut_off,
            is_sealed: false,
            canonical: None,
            checksums: None,
            kept: None,
        }
    }

    /// The next `count` bytes (at most as many as the buffer holds), or fewer at the end of the input.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.filled - self.start < count {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            while self.filled < count {
                match self.from.read(&mut self.buffer[self.filled..]) {
                    Ok(0) => break,
                    Ok(got) => self.filled += got,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let end = self.filled.min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// The next `length` bytes, or the first of them, as many as the buffer holds. They belong to the value at `at`.
    pub(crate) fn window(&mut self, at: u64, length: u64) -> Result<&[u8]> {
        let count = length.min(BUFFER as u64) as usize;
        if self.peek(count)?.len() < count {
            return self.cut(at);
        }
        Ok(&self.buffer[self.start..self.start + count])
    }

    /// The next bytes, as many as are at hand; none at the end of the input.
    pub(crate) fn buffered(&mut self) -> io::Result<&[u8]> {
        self.peek(1)?;
        Ok(&self.buffer[self.start..self.filled])
    }

    pub(crate) fn advance(&mut self, count: usize) {
        let passed = &self.buffer[self.start..self.start + count];
        if let Some(checksums) = &mut self.checksums {
            checksums.update(passed);
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(passed);
        }
        self.start += count;
        self.position += count as u64;
    }

    pub(crate) fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.peek(1)?.is_empty())
    }

    /// STREAM-2, FLAX-6: the input ends inside the value at `at`, or inside the one that encloses it.
    pub(crate) fn cut<T>(&self, at: u64) -> Result<T> {
        if self.cut_off == "SEAL-5" {
            let end = self.position + (self.filled - self.start) as u64;
            return refuse("SEAL-5", end, "the file has been cut off: it does not end with a footer");
        }
        refuse(self.cut_off, self.outermost.unwrap_or(at), "the input ends too early")
    }

    /// WIRE-3, CONF-4: refuses `length` bytes for the value at `at` unless what encloses it holds them. On a pipe
    /// it looks as far ahead as the buffer reaches; a cut after that is noticed when it comes.
    pub(crate) fn fits(&mut self, at: u64, length: u64) -> Result<()> {
        match (self.end, self.size) {
            (Some(end), _) if length > end - self.position => {
                refuse("WIRE-3", at, "the value reaches beyond the end of what encloses it")
            }
            (None, Some(size)) if length > size.saturating_sub(self.position) => self.cut(at),
            (None, None) => self.window(at, length).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Reads the body of the bin or ext at `at`, which encloses values.
    pub(crate) fn enclosed<T>(&mut self, at: u64, length: u64, body: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.fits(at, length)?;
        let end = self.position.saturating_add(length);
        let (outer_end, outermost) = (self.end.replace(end), self.outermost);
        self.outermost.get_or_insert(at);
        let result = body(self)?;
        // WIRE-6
        require(self.position == end, "WIRE-6", self.position, "bytes are left over")?;
        (self.end, self.outermost) = (outer_end, outermost);
        Ok(result)
    }

    /// A big-endian number of up to 8 bytes, in the header of the value at `at`.
    pub(crate) fn number(&mut self, at: u64, width: usize) -> Result<u64> {
        self.fits(at, width as u64)?;
        let bytes = self.window(at, width as u64)?;
        let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.advance(width);
        Ok(number)
    }

    /// The header of the next value, in whatever length it has (WIRE-2). Whether its body fits is not yet checked.
    pub(crate) fn head(&mut self) -> Result<Head> {
        let at = self.position;
        require(self.end != Some(at), "WIRE-6", at, "a value is missing")?;
        let first = self.number(at, 1)? as u8;
        let value = match first {
            0x00..=0x7f => Value::Int(first.into()),
            0x80..=0x8f => Value::Map((first & 0x0f).into()),
            0x90..=0x9f => Value::Array((first & 0x0f).into()),
            0xa0..=0xbf => Value::Str((first & 0x1f).into()),
            0xc0 => Value::Nil,
            0xc1 => return refuse("WIRE-4", at, "the byte c1"),
            0xc2 | 0xc3 => Value::Bool(first == 0xc3),
            0xc4..=0xc6 => Value::Bin(self.number(at, 1 << (first - 0xc4))?),
            0xc7..=0xc9 => {
                let length = self.number(at, 1 << (first - 0xc7))?;
                Value::Ext(self.number(at, 1)? as i8, length)
            }
            0xca => Value::Float(widen(self.number(at, 4)? as u32)),
            0xcb => Value::Float(self.number(at, 8)?),
            0xcc..=0xcf => Value::Int(self.number(at, 1 << (first - 0xcc))?.into()),
            0xd0..=0xd3 => {
                let width = 1 << (first - 0xd0);
                let unused = 64 - 8 * width;
                Value::Int(((self.number(at, width)? << unused) as i64 >> unused).into())
            }
            0xd4..=0xd8 => Value::Ext(self.number(at, 1)? as i8, 1 << (first - 0xd4)),
            0xd9..=0xdb => Value::Str(self.number(at, 1 << (first - 0xd9))?),
            0xdc | 0xdd => Value::Array(self.number(at, 2 << (first - 0xdc))?),
            0xde | 0xdf => Value::Map(self.number(at, 2 << (first - 0xde))?),
            0xe0..=0xff => Value::Int((first as i8).into()),
        };
        if let Some(clause) = self.canonical {
            require(value.shortest().0 == first, clause, at, "the header is longer than needed")?;
        }
        Ok(Head { at, value })
    }

    /// The header of an array: its offset and count. Any other value breaks `clause`.
    pub(crate) fn array_head(&mut self, clause: &'static str, reason: &'static str) -> Result<(u64, u64)> {
        let Head { at, value } = self.head()?;
        let Value::Array(count) = value else {
            return refuse(clause, at, reason);
        };
        self.fits(at, count)?;
        Ok((at, count))
    }

    /// The header of a map, likewise.
    pub(crate) fn map_head(&mut self, clause: &'static str, reason: &'static str) -> Result<(u64, u64)> {
        let Head { at, value } = self.head()?;
        let Value::Map(count) = value else {
            return refuse(clause, at, reason);
        };
        self.map_fits(at, count)?;
        Ok((at, count))
    }

    /// WIRE-3: an entry of a map takes two bytes or more.
    pub(crate) fn map_fits(&mut self, at: u64, count: u64) -> Result<()> {
        self.fits(at, count.saturating_mul(2))
    }

    /// Reads the body of the bin or str at `at`, piece by piece. WIRE-5: that of a str is UTF-8.
    pub(crate) fn pieces(
        &mut self,
        at: u64,
        length: u64,
        is_text: bool,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<()> {
        self.fits(at, length)?;
        let mut left = length;
        while left > 0 {
            let piece = self.window(at, left)?;
            let last = piece.len() as u64 == left;
            let count = if is_text { whole_characters(piece, last) } else { Some(piece.len()) };
            let Some(count) = count else {
                return refuse("WIRE-5", at, "the str is not UTF-8");
            };
            sink(&piece[..count])?;
            self.advance(count);
            left -= count as u64;
        }
        Ok(())
    }

    /// Whether the value of this header is the str `expected`, which is then read.
    pub(crate) fn is_text(&mut self, head: &Head, expected: &str) -> Result<bool> {
        let Value::Str(length) = head.value else {
            return Ok(false);
        };
        self.fits(head.at, length)?;
        if length != expected.len() as u64 {
            return Ok(false);
        }
        let same = self.window(head.at, length)? == expected.as_bytes();
        self.advance(expected.len());
        Ok(same)
    }
}
