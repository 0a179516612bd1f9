/// What a text is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// GSM 03.38: 160 septets in one message, 153 in each part of several.
    Gsm7,
    /// UTF-16: 70 code units in one message, 67 in each part of several.
    Ucs2,
}

/// GSM 03.38's basic character set, without ASCII letters and digits.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";

/// Its extension: two septets each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// 8x8 sends at most this many; a longer text is cut.
const MAX_PARTS: usize = 10;

impl Encoding {
    /// As asked for (`GSM7`, `UCS2`), or what the text needs.
    #[must_use]
    pub fn of(text: &str, asked: Option<&str>) -> Self {
        match asked {
            Some("GSM7") => Self::Gsm7,
            Some("UCS2") => Self::Ucs2,
            _ if text.chars().all(|c| septets(c).is_some()) => Self::Gsm7,
            _ => Self::Ucs2,
        }
    }

    /// 8x8's name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM7",
            Self::Ucs2 => "UCS2",
        }
    }

    /// How many messages the operator is paid for: at most 10, a longer text is cut.
    #[must_use]
    pub fn parts(self, text: &str) -> usize {
        let (units, one, each) = match self {
            Self::Gsm7 => (text.chars().map(|c| septets(c).unwrap_or(1)).sum(), 160, 153),
            Self::Ucs2 => (text.encode_utf16().count(), 70, 67),
        };
        if units <= one { 1 } else { units.div_ceil(each).min(MAX_PARTS) }
    }
}

fn septets(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_what_the_text_needs_unless_asked_for() {
        assert_eq!(Encoding::of("Ünder {50} €", Some("AUTO")), Encoding::Gsm7);
        assert_eq!(Encoding::of("เป็น", None), Encoding::Ucs2);
        assert_eq!(Encoding::of("Hello", Some("UCS2")), Encoding::Ucs2);
    }

    #[test]
    fn long_texts_are_sent_in_parts() {
        assert_eq!(Encoding::Gsm7.parts(&"a".repeat(160)), 1);
        assert_eq!(Encoding::Gsm7.parts(&"a".repeat(161)), 2);
        assert_eq!(Encoding::Gsm7.parts(&"€".repeat(81)), 2);
        assert_eq!(Encoding::Ucs2.parts(&"ü".repeat(71)), 2);
        assert_eq!(Encoding::Ucs2.parts(&"ü".repeat(5_000)), 10);
    }
}
