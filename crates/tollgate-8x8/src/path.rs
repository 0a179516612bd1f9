//! Whether a path is in its normal form (RFC 3986 §6.2.2), so that every reader sees the same segments.

/// What is doubtful about `path`, in words.
pub(crate) fn doubt(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("a dot segment");
    }
    if path.len() > 1 && path.ends_with('/') {
        return Some("a slash at its end");
    }
    if path.contains("//") {
        return Some("a double slash");
    }
    if bytes.iter().any(|byte| !(0x21..=0x7e).contains(byte)) {
        return Some("a character outside printable ASCII");
    }
    if bytes.iter().any(|byte| matches!(byte, b'\\' | b';')) {
        return Some("a backslash or a semicolon, which servers read differently");
    }
    let mut rest = bytes;
    while let Some(percent) = rest.iter().position(|&byte| byte == b'%') {
        let octet = rest.get(percent + 1..percent + 3).and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok()?;
            if hex.starts_with('+') { None } else { u8::from_str_radix(hex, 16).ok() }
        });
        match octet {
            None => return Some("a percent sign without two hexadecimal digits"),
            // What is left encoded in the normal form and can split no segment: `+` of a phone number, `@`, …
            Some(b'!' | b'"' | b'$' | b'&'..=b',' | b':' | b'<'..=b'>' | b'@') => {}
            Some(_) => return Some("a percent-encoding that its normal form does not have"),
        }
        rest = rest.get(percent + 3..).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_path_has_no_doubt() {
        for path in
            ["/", "/api/v1/subaccounts/my-sub_1.&/messages", "/api/v1/subaccounts/a/phones/%2B6591234567"]
        {
            assert_eq!(doubt(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_that_two_readers_could_read_differently_is_doubtful() {
        for path in [
            "/api/v1/subaccounts/a/messages/../messages",
            "/api/v1/./subaccounts",
            "/api//v1",
            "//evil",
            "/api/v2/subaccounts/a/sessions/x/",
            "/api/v1/subaccounts/a/%6dessages",
            "/api/v1/subaccounts/a%2Fmessages",
            "/api/v1/subaccounts/a%2fb",
            "/api/v1/subaccounts/a/messages%20",
            "/api/v1/subaccounts/a/messages%00",
            "/a/%2e%2e/b",
            "/a%5Cb",
            "/a\\b",
            "/a%",
            "/a%4",
            "/a%+1",
            "/a%zz",
            "/a%25%32%66",
            "/a;x=y/b",
            "/a%3bx",
            "/a%3Fx",
            "/ä",
        ] {
            assert!(doubt(path).is_some(), "{path}");
        }
    }
}
