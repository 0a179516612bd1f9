//! What a dispatch's headers say of its body.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tollgate_core::{Refusal, RefusalKind};

/// Refuses a body that is not plain JSON in UTF-8 by its headers.
///
/// # Errors
///
/// [`RefusalKind::ContentEncoding`] or [`RefusalKind::ContentType`].
pub fn refuse_other_than_json(headers: &HeaderMap) -> Result<(), Refusal> {
    refuse_encoded(headers)?;
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    match (lines.next(), lines.next()) {
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        _ => Err(Refusal::new(
            RefusalKind::ContentType,
            "the content type is not JSON in UTF-8: send one header `Content-Type: application/json`",
        )),
    }
}

/// Refuses a body that is compressed or otherwise encoded.
///
/// # Errors
///
/// [`RefusalKind::ContentEncoding`].
pub fn refuse_encoded(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")
            && !value.as_bytes().trim_ascii().is_empty()
    }) {
        return Err(Refusal::new(
            RefusalKind::ContentEncoding,
            "the body is encoded (Content-Encoding): send it plain",
        ));
    }
    Ok(())
}

/// Refuses a request whose signature or digest covers the body, for whoever changes it.
///
/// # Errors
///
/// [`RefusalKind::SignedBody`], naming the header.
pub fn refuse_signed(headers: &HeaderMap) -> Result<(), Refusal> {
    const SIGNED: [&str; 6] =
        ["content-digest", "repr-digest", "digest", "content-md5", "signature", "signature-input"];
    match SIGNED.iter().find(|name| headers.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::new(
            RefusalKind::SignedBody,
            format!(
                "the header {name} would not match the body with clientIp in it: sign after the injector"
            ),
        )),
    }
}

/// `application/json` or `application/…+json`, with `charset=utf-8` or no charset (RFC 8259 §8.1).
fn is_json(value: &[u8]) -> bool {
    // A comma may begin a second one.
    let Some(value) =
        std::str::from_utf8(value).ok().filter(|value| value.is_ascii() && !value.contains(','))
    else {
        return false;
    };
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix("application/") else {
        return false;
    };
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    if !token(subtype) || !(subtype == "json" || subtype.ends_with("+json")) {
        return false;
    }
    let mut charsets = 0;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.trim().trim_end_matches('*').eq_ignore_ascii_case("charset") {
            charsets += 1;
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            if !value.eq_ignore_ascii_case("utf-8") && !value.eq_ignore_ascii_case("utf8") {
                return false;
            }
        }
    }
    charsets <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_is_taken_and_nothing_else() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/vnd.api+json",
            "application/json; profile=x",
        ] {
            assert!(is_json(value.as_bytes()), "{value}");
        }
        for value in [
            "",
            "text/plain",
            "application/json, text/plain",
            "application/json; x=1, application/xml",
            "application/json; charset*=utf-16''x",
            "application/json\u{a0}",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; charset=utf-7",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "application/json5",
            "json",
        ] {
            assert!(!is_json(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn an_encoded_body_a_second_content_type_and_none_are_refused() {
        let kind = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            refuse_other_than_json(&headers).err().map(|refusal| refusal.kind())
        };
        let json = ("content-type", "application/json");
        assert_eq!(kind(&[json]), None);
        assert_eq!(kind(&[json, ("content-encoding", "identity")]), None);
        assert_eq!(kind(&[json, ("content-encoding", "gzip")]), Some(RefusalKind::ContentEncoding));
        assert_eq!(kind(&[json, json]), Some(RefusalKind::ContentType));
        assert_eq!(kind(&[]), Some(RefusalKind::ContentType));
    }
}
