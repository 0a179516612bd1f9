//! The grammar of RFC 8259, strict: a cursor that walks objects and arrays it is asked to and skips the rest, without
//! recursion on what an attacker nests.

mod string_stop;

use std::ops::Range;

use string_stop::string_stop;

/// How deep arrays and objects may be nested, the outermost counted.
pub(crate) const MAX_DEPTH: u32 = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not JSON from this byte on.
    Syntax(usize),
    /// Deeper than [`MAX_DEPTH`].
    Depth,
}

/// A string between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// After the opening quote.
    pub(crate) start: usize,
    /// At the closing quote.
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Containers open around the cursor.
    depth: u32,
}

type Result<T, E = JsonError> = std::result::Result<T, E>;

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut cursor = Self { bytes, at: 0, depth: 0 };
        cursor.white_space();
        cursor
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte, 0 at the end: 0 is no part of the grammar.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// The byte at a position that was walked over.
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Whether a string that was walked over is text: a lone surrogate is not.
    pub(crate) fn is_text(&self, value: Range<usize>) -> bool {
        let raw = self.bytes.get(value).unwrap_or_default();
        !raw.contains(&b'\\') || crate::key::quoted(raw).is_some()
    }

    pub(crate) fn raw(&self, text: Text) -> &'a [u8] {
        self.bytes.get(text.start..text.end).unwrap_or_default()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// After the document: only white space may follow.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.white_space();
        if self.at == self.bytes.len() { Ok(()) } else { self.fail() }
    }

    /// Walks an object, at its `{`. `each` gets the cursor before a member's value, with its key, and has to leave it
    /// after the value.
    #[inline]
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut each: impl FnMut(&mut Self, Text) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.open()? != b'}' {
            loop {
                let key = self.member_key()?;
                each(self, key)?;
                if !self.another(b'}')? {
                    break;
                }
            }
        }
        self.close();
        Ok(())
    }

    /// Walks an array, at its `[`; `each` gets the cursor before an element and has to leave it after.
    #[inline]
    pub(crate) fn array<E: From<JsonError>>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.open()? != b']' {
            loop {
                each(self)?;
                if !self.another(b']')? {
                    break;
                }
            }
        }
        self.close();
        Ok(())
    }

    /// Skips one value of any kind.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            b'"' => self.string().map(|_| ()),
            _ => self.skip_other(),
        }
    }

    #[inline(never)]
    fn skip_other(&mut self) -> Result<()> {
        if matches!(self.peek(), b'{' | b'[') { self.skip_container() } else { self.scalar() }
    }

    /// At an opening bracket: what comes behind it.
    fn open(&mut self) -> Result<u8> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.at += 1;
        Ok(self.white_space())
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// After a value: true past a comma, false at the closing bracket.
    #[inline(always)]
    fn another(&mut self, closing: u8) -> Result<bool> {
        match self.white_space() {
            b',' => {
                self.at += 1;
                self.white_space();
                Ok(true)
            }
            byte if byte == closing => Ok(false),
            _ => self.fail(),
        }
    }

    #[inline(always)]
    fn member_key(&mut self) -> Result<Text> {
        if self.peek() != b'"' {
            return self.fail();
        }
        let key = self.string()?;
        if self.white_space() != b':' {
            return self.fail();
        }
        self.at += 1;
        self.white_space();
        Ok(key)
    }

    /// Past white space: what comes then.
    #[inline(always)]
    fn white_space(&mut self) -> u8 {
        match self.peek() {
            b' ' | b'\n' | b'\r' | b'\t' => self.more_white_space(),
            byte => byte,
        }
    }

    #[inline(never)]
    fn more_white_space(&mut self) -> u8 {
        loop {
            self.at += 1;
            let byte = self.peek();
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
        }
    }

    /// At the opening quote.
    #[inline(always)]
    fn string(&mut self) -> Result<Text> {
        let start = self.at + 1;
        self.at = string_stop(self.bytes, start);
        if self.peek() != b'"' {
            return self.escaped_string(start);
        }
        let end = self.at;
        self.at += 1;
        Ok(Text { start, end, escaped: false })
    }

    /// Where a string that began at `start` has its first escape, if it is one.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<Text> {
        while self.peek() == b'\\' {
            self.escape()?;
            self.at = string_stop(self.bytes, self.at);
        }
        if self.peek() != b'"' {
            return self.fail();
        }
        let end = self.at;
        self.at += 1;
        Ok(Text { start, end, escaped: true })
    }

    fn escape(&mut self) -> Result<()> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let hex = self.bytes.get(self.at + 2..self.at + 6);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return self.fail();
                }
                6
            }
            _ => return self.fail(),
        };
        self.at += length;
        Ok(())
    }

    fn scalar(&mut self) -> Result<()> {
        let word: &[u8] = match self.peek() {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return self.number(),
        };
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        self.fail()
    }

    fn number(&mut self) -> Result<()> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one.
    fn digits(&mut self) -> Result<()> {
        if !self.peek().is_ascii_digit() {
            return self.fail();
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Iterative: what is open is one bit each, 1 for an object.
    fn skip_container(&mut self) -> Result<()> {
        let base = self.depth;
        let mut objects = 0_u128;
        loop {
            // At the start of a value.
            match self.peek() {
                bracket @ (b'{' | b'[') => {
                    let next = self.open()?;
                    let object = bracket == b'{';
                    objects = objects << 1 | u128::from(object);
                    if next != bracket + 2 {
                        if object {
                            self.member_key()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                _ => self.scalar()?,
            }
            // After a value, or at the bracket that closes an empty container.
            loop {
                let object = objects & 1 == 1;
                if self.another(if object { b'}' } else { b']' })? {
                    if object {
                        self.member_key()?;
                    }
                    break;
                }
                self.close();
                objects >>= 1;
                if self.depth == base {
                    return Ok(());
                }
            }
        }
    }

    #[cold]
    fn fail<T>(&self) -> Result<T> {
        Err(JsonError::Syntax(self.at))
    }
}
