use uuid::Uuid;

/// 8x8's `codeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeType {
    Numeric,
    NumericWithDash,
    Alphanumeric,
    Capitals,
    Easy,
}

impl CodeType {
    /// The names on the wire.
    pub(crate) const NAMES: &[&str] =
        &["NUMERIC", "NUMERIC_WITH_DASH", "ALPHANUMERIC", "ALPHANUMERIC_CAPITALS", "ALPHANUMERIC_EASY"];

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "NUMERIC_WITH_DASH" => Self::NumericWithDash,
            "ALPHANUMERIC" => Self::Alphanumeric,
            "ALPHANUMERIC_CAPITALS" => Self::Capitals,
            "ALPHANUMERIC_EASY" => Self::Easy,
            _ => Self::Numeric,
        }
    }

    /// A code of `length` characters; a dash is one of them.
    pub(crate) fn draw(self, length: usize) -> String {
        let dash = (self == Self::NumericWithDash && length > 3).then_some((length - 1) / 2);
        let mut characters = random_characters(self.alphabet());
        (0..length).filter_map(|at| if dash == Some(at) { Some('-') } else { characters.next() }).collect()
    }

    const fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Numeric | Self::NumericWithDash => b"0123456789",
            Self::Alphanumeric => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            Self::Capitals => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Self::Easy => b"0123456789ABCDEFGHJKLMNPRTUVWXY",
        }
    }
}

/// Each character as likely as any other: bytes past the last whole alphabet are drawn again.
fn random_characters(alphabet: &'static [u8]) -> impl Iterator<Item = char> {
    let bound = 256 - 256 % alphabet.len();
    std::iter::repeat_with(|| Uuid::new_v4().into_bytes())
        .flat_map(|bytes| {
            // Bytes 6 and 8 of a random UUID hold its version and variant.
            bytes
                .into_iter()
                .enumerate()
                .filter_map(|(at, byte)| (at != 6 && at != 8).then_some(usize::from(byte)))
        })
        .filter(move |byte| *byte < bound)
        .filter_map(|byte| alphabet.get(byte % alphabet.len()).copied().map(char::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_length_and_the_characters_asked_for() {
        for name in CodeType::NAMES {
            let code_type = CodeType::named(name);
            for length in 3..=10 {
                let code = code_type.draw(length);
                assert_eq!(code.len(), length, "{name}");
                let is_allowed = |byte: u8| byte == b'-' || code_type.alphabet().contains(&byte);
                assert!(code.bytes().all(is_allowed), "{name}: {code}");
            }
        }
        for left_out in b"IOQSZ" {
            assert!(!CodeType::Easy.alphabet().contains(left_out));
        }
    }

    #[test]
    fn a_dash_stands_at_the_centre_or_left_of_it() {
        let dash = |length| CodeType::NumericWithDash.draw(length).find('-');
        assert_eq!(dash(3), None);
        assert_eq!(dash(4), Some(1));
        assert_eq!(dash(7), Some(3));
        assert_eq!(dash(8), Some(3));
    }

    #[test]
    fn codes_are_not_alike() {
        let codes: std::collections::HashSet<_> = (0..100).map(|_| CodeType::Alphanumeric.draw(10)).collect();
        assert_eq!(codes.len(), 100);
    }
}
