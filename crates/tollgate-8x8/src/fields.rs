use std::borrow::Cow;

use tollgate_core::{Refusal, RefusalKind};

use crate::ScanError;
use crate::json::{Cursor, Text};
use crate::key::{folds_to, quoted};

/// The texts that a JSON object has at its top level under these names, in their order; `None` where there is none, or
/// null. It is read as strictly as a dispatch, whichever API's body it is.
///
/// # Errors
///
/// It is not strict JSON or not an object; one of the names is there twice, escapes and letter case aside; or its value
/// is no text.
pub fn text_fields<'a, const N: usize>(
    body: &'a [u8],
    names: [&str; N],
) -> Result<[Option<Cow<'a, str>>; N], Refusal> {
    if u32::try_from(body.len()).is_err() {
        return Err(ScanError::TooLong.into());
    }
    if let Err(error) = std::str::from_utf8(body) {
        return Err(ScanError::Utf8(error.valid_up_to()).into());
    }
    let mut cursor = Cursor::new(body);
    if cursor.peek() != b'{' {
        // Tell broken JSON from JSON that is not an object.
        cursor.skip().and_then(|()| cursor.end()).map_err(ScanError::from)?;
        return Err(ScanError::NotAnObject.into());
    }
    let mut values = [const { None }; N];
    let mut doubled = None;
    cursor
        .object(|cursor, key: Text| {
            let start = cursor.at();
            cursor.skip()?;
            let raw = cursor.raw(key);
            for (name, value) in
                names.iter().zip(&mut values).filter(|(name, _)| folds_to(raw, name.as_bytes()))
            {
                if value.replace(start..cursor.at()).is_some() {
                    doubled = Some(*name);
                }
            }
            Ok::<_, ScanError>(())
        })
        .and_then(|()| Ok(cursor.end()?))?;
    if let Some(name) = doubled {
        return Err(Refusal::new(
            RefusalKind::AmbiguousKey,
            format!("the key {name:?} is given twice (escapes and letter case aside): give it once"),
        ));
    }
    let mut texts = [const { None }; N];
    for ((name, value), text) in names.iter().zip(values).zip(&mut texts) {
        let Some(raw) = value.and_then(|value| body.get(value)).filter(|raw| *raw != b"null") else {
            continue;
        };
        *text = Some(quoted(raw).ok_or_else(|| {
            Refusal::new(RefusalKind::InvalidShape, format!("{name:?} is not a text: write it in quotes"))
        })?);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<[Option<String>; 2], RefusalKind> {
        let texts = text_fields(body.as_bytes(), ["phone", "country"]);
        texts.map(|texts| texts.map(|text| text.map(Cow::into_owned))).map_err(|refusal| refusal.kind())
    }

    #[test]
    fn texts_are_found_at_the_top_level_alone_in_any_spelling_of_their_names() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read(r#"{"phone":"+65","country":"SG"}"#), Ok([some("+65"), some("SG")]));
        assert_eq!(
            read(r#"{"PH\u006fne":"\u002b65","x":{"phone":"1","phone":"2"}}"#),
            Ok([some("+65"), None])
        );
        assert_eq!(read(r#"{"phone":null}"#), Ok([None, None]));
        assert_eq!(read("{}"), Ok([None, None]));
    }

    #[test]
    fn what_two_readers_could_read_as_two_things_is_refused() {
        for (body, kind) in [
            (r#"{"phone":"1","phone":"2"}"#, RefusalKind::AmbiguousKey),
            (r#"{"phone":"1","Phone":"2"}"#, RefusalKind::AmbiguousKey),
            (r#"{"phone":null,"ph\u006fne":"2"}"#, RefusalKind::AmbiguousKey),
            (r#"{"country":"SG","COUNTRY":"ID"}"#, RefusalKind::AmbiguousKey),
            (r#"{"phone":6591234567}"#, RefusalKind::InvalidShape),
            (r#"{"phone":["1"]}"#, RefusalKind::InvalidShape),
            (r#"{"phone":"\ud800"}"#, RefusalKind::InvalidShape),
            (r#"["phone"]"#, RefusalKind::InvalidShape),
            (r#"{"phone":"1"}{"phone":"2"}"#, RefusalKind::InvalidJson),
            (r#"{"phone":"1",}"#, RefusalKind::InvalidJson),
            ("", RefusalKind::InvalidJson),
        ] {
            assert_eq!(read(body), Err(kind), "{body}");
        }
        assert!(text_fields(b"{\"phone\":\"\xff\"}", ["phone"]).is_err());
    }
}
