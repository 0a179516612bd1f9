//! Keys, as a reader would see them that decodes escapes and folds letter case.

/// The keys Tollgate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    ClientIp,
    Destination,
    Destinations,
    Messages,
    Country,
    Channel,
    Template,
    CodeLength,
    WhatsApp,
}

/// The lengths of the shortest and the longest name.
const SHORTEST: usize = Key::Country.name().len();
const LONGEST: usize = Key::Destinations.name().len();

impl Key {
    const ALL: [Self; 9] = [
        Self::ClientIp,
        Self::Destination,
        Self::Destinations,
        Self::Messages,
        Self::Country,
        Self::Channel,
        Self::Template,
        Self::CodeLength,
        Self::WhatsApp,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClientIp => "clientIp",
            Self::Destination => "destination",
            Self::Destinations => "destinations",
            Self::Messages => "messages",
            Self::Country => "country",
            Self::Channel => "channel",
            Self::Template => "template",
            Self::CodeLength => "codeLength",
            Self::WhatsApp => "whatsapp",
        }
    }

    /// One bit a key, to see which were there before.
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u8
    }

    /// The key that `raw`, the inside of a JSON string, stands for.
    #[inline(always)]
    pub(crate) fn of(raw: &[u8], escaped: bool) -> Option<Self> {
        if raw.len() < SHORTEST {
            // Escapes and letters beyond ASCII make a spelling longer, never shorter.
            return None;
        }
        Some(match raw {
            b"clientIp" => Self::ClientIp,
            b"destination" => Self::Destination,
            b"destinations" => Self::Destinations,
            b"messages" => Self::Messages,
            b"country" => Self::Country,
            b"channel" => Self::Channel,
            b"template" => Self::Template,
            b"codeLength" => Self::CodeLength,
            b"whatsapp" => Self::WhatsApp,
            _ => return Self::respelt(raw, escaped),
        })
    }

    fn respelt(raw: &[u8], escaped: bool) -> Option<Self> {
        let plain = !escaped && raw.is_ascii();
        // A letter is `\u0000` at the longest.
        if raw.len() > if plain { LONGEST } else { 6 * LONGEST } {
            return None;
        }
        Self::ALL.into_iter().find(|key| {
            let name = key.name().as_bytes();
            if plain { raw.eq_ignore_ascii_case(name) } else { folds_to(raw, name) }
        })
    }
}

/// Whether `raw`, the inside of a JSON string, is this name once escapes are decoded and letter case is folded.
#[cold]
pub(crate) fn folds_to(raw: &[u8], name: &[u8]) -> bool {
    let Ok(mut rest) = std::str::from_utf8(raw) else { return false };
    // The first letter that differs ends it: nobody buys much time with long keys.
    for want in name {
        let next = match rest.strip_prefix('\\') {
            Some(tail) => escape(tail),
            None => rest.chars().next().map(|c| (c, rest.get(c.len_utf8()..).unwrap_or_default())),
        };
        match next {
            Some((c, after)) if fold(c) == want.to_ascii_lowercase() => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Folds to ASCII lower case; 0 where there is none. Beside A–Z, the four letters that some Unicode case foldings take
/// for ASCII ones: a reader's library decides, not ours.
fn fold(c: char) -> u8 {
    match c {
        '\u{130}' | '\u{131}' => b'i',
        '\u{17f}' => b's',
        '\u{212a}' => b'k',
        c if c.is_ascii() => (c as u8).to_ascii_lowercase(),
        _ => 0,
    }
}

/// The text of a JSON string with its quotes.
pub(crate) fn quoted(raw: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    decode(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

/// The text of a JSON string's inside; `None` where it is not text (a lone surrogate, not UTF-8).
fn decode(raw: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    let text = std::str::from_utf8(raw).ok()?;
    let Some(first) = text.find('\\') else {
        return Some(text.into());
    };
    let (start, mut rest) = text.split_at_checked(first)?;
    let mut out = String::with_capacity(text.len());
    out.push_str(start);
    while let Some(tail) = rest.strip_prefix('\\') {
        let (decoded, after) = escape(tail)?;
        out.push(decoded);
        let next = after.find('\\').unwrap_or(after.len());
        let (plain, further) = after.split_at_checked(next)?;
        out.push_str(plain);
        rest = further;
    }
    Some(out.into())
}

/// One escape without its backslash, and what follows it.
fn escape(tail: &str) -> Option<(char, &str)> {
    let after = tail.get(1..)?;
    Some(match tail.as_bytes().first()? {
        b'u' => return unicode(after),
        b'b' => ('\u{8}', after),
        b'f' => ('\u{c}', after),
        b'n' => ('\n', after),
        b'r' => ('\r', after),
        b't' => ('\t', after),
        &plain @ (b'"' | b'\\' | b'/') => (char::from(plain), after),
        _ => return None,
    })
}

fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let high = unit(text)?;
    let after = text.get(4..)?;
    if let Some(c) = char::from_u32(high) {
        return Some((c, after));
    }
    let low = unit(after.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&high) || !(0xdc00..0xe000).contains(&low) {
        return None;
    }
    let c = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
    Some((c, after.get(6..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_key_is_that_key() {
        for raw in [
            "clientIp",
            "ClientIP",
            "CLIENTIP",
            "clientip",
            "clien\\u0074Ip",
            "\\u0063lientIp",
            "cl\u{131}entIp",
        ] {
            assert_eq!(Key::of(raw.as_bytes(), raw.contains('\\')), Some(Key::ClientIp), "{raw}");
        }
        assert_eq!(Key::of("de\u{17f}tination".as_bytes(), false), Some(Key::Destination));
        for raw in ["clientIp ", "client_ip", "clientIp\\u0000", "clientI", "", "\\ud800", "client\\/Ip"] {
            assert_eq!(Key::of(raw.as_bytes(), raw.contains('\\')), None, "{raw}");
        }
    }

    #[test]
    fn strings_are_decoded_as_rfc_8259_says() {
        assert_eq!(decode(br#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#).unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
        assert!(decode(br"\ud800").is_none());
        assert!(decode(br"\ud800\u0041").is_none());
        assert!(decode(br"\udc00").is_none());
    }
}
