//! Numbers by their shape alone: no plan of any country is known here, only some calling codes.

/// Enough for national numbers in trials; a country that is not here leaves the digits as they are.
const CALLING_CODES: &[(&str, &str)] = &[
    ("AE", "971"),
    ("AU", "61"),
    ("BD", "880"),
    ("BR", "55"),
    ("CA", "1"),
    ("CN", "86"),
    ("DE", "49"),
    ("ES", "34"),
    ("FR", "33"),
    ("GB", "44"),
    ("HK", "852"),
    ("ID", "62"),
    ("IN", "91"),
    ("IT", "39"),
    ("JP", "81"),
    ("KH", "855"),
    ("KR", "82"),
    ("LK", "94"),
    ("MM", "95"),
    ("MX", "52"),
    ("MY", "60"),
    ("NG", "234"),
    ("NL", "31"),
    ("NZ", "64"),
    ("PH", "63"),
    ("PK", "92"),
    ("SA", "966"),
    ("SG", "65"),
    ("TH", "66"),
    ("TW", "886"),
    ("US", "1"),
    ("VN", "84"),
    ("ZA", "27"),
];

/// `^\+{0,1}[1-9]{1}[0-9]{6,14}$`, the pattern of `destination` in 8x8's schema.
pub(crate) fn is_msisdn(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What 8x8 strips from the numbers of verifications: spaces, brackets and dashes.
pub(crate) fn strip_formatting(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '[' | ']' | '-')).collect()
}

/// The digits of the international form, if the number has a possible shape.
///
/// With a country and no `+`, digits are taken for a national number, unless they begin with the country's calling code
/// and have at least eight more.
pub(crate) fn international(number: &str, country: Option<&str>) -> Option<String> {
    let digits = match (number.strip_prefix('+'), country) {
        (Some(digits), _) => digits.to_owned(),
        (None, Some(country)) => with_calling_code(number, country),
        (None, None) => number.to_owned(),
    };
    is_msisdn(&digits).then_some(digits)
}

fn with_calling_code(number: &str, country: &str) -> String {
    let national = number.strip_prefix('0').unwrap_or(number);
    let Some((_, calling_code)) = CALLING_CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(country))
    else {
        return national.to_owned();
    };
    match number.strip_prefix(calling_code) {
        Some(rest) if rest.len() >= 8 => number.to_owned(),
        _ => format!("{calling_code}{national}"),
    }
}

/// The country and the national part of international digits; no country where the calling code is not known, or is
/// that of several.
pub(crate) fn split(digits: &str) -> (Option<&'static str>, &str) {
    CALLING_CODES
        .iter()
        .filter(|(_, calling_code)| *calling_code != "1")
        .find_map(|(country, calling_code)| Some((Some(*country), digits.strip_prefix(calling_code)?)))
        .unwrap_or_else(|| (None, digits.strip_prefix('1').unwrap_or(digits)))
}

/// The numbers this sandbox rejects, so that a rejection can be asked for: they end in exactly four zeros. (8x8's own
/// sample numbers end in more.)
pub(crate) fn is_rejected(digits: &str) -> bool {
    digits.ends_with("0000") && !digits.ends_with("00000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_national_number_gets_its_countrys_calling_code() {
        for (number, country, expected) in [
            ("87654321", Some("SG"), Some("6587654321")),
            ("081234567890", Some("id"), Some("6281234567890")),
            ("2025550308", Some("US"), Some("12025550308")),
            ("6587654321", Some("SG"), Some("6587654321")),
            ("+6587654321", Some("US"), Some("6587654321")),
            ("12345678", Some("ZZ"), Some("12345678")),
            ("081234567890", None, None),
            ("+123456", None, None),
            ("+1234567890123456", None, None),
            ("65x7654321", None, None),
        ] {
            assert_eq!(international(number, country).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn a_rejection_is_asked_for_by_exactly_four_zeros() {
        assert!(is_rejected("6591230000"));
        assert!(!is_rejected("6500000000"));
        assert!(!is_rejected("6591234000"));
    }
}
