//! Which number a request of the app's own asks a message for.

use std::borrow::Cow;
use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use tollgate_8x8::{refuse_encoded, refuse_other_than_json, text_fields};
use tollgate_core::{Refusal, RefusalKind};

/// A number as it stands in a request. It need not be one.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// `+` and digits, or a national number.
    pub number: String,
    /// ISO 3166-1 alpha-2; needed for national numbers.
    pub country: Option<String>,
}

/// Shows no number.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("country", &self.country).finish_non_exhaustive()
    }
}

/// Finds the number in a request: [`JsonField`], [`FormField`], or a closure from the head and the body.
///
/// It has to find the number that the handler will find. What it cannot read in one way only it refuses; a request
/// without a number goes no further.
pub trait NumberFrom {
    /// Whether a request with these headers can be read, before its body is.
    ///
    /// # Errors
    ///
    /// What is answered in its place.
    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        refuse_encoded(headers)
    }

    /// The number.
    ///
    /// # Errors
    ///
    /// What is answered in its place.
    fn number_from(&self, head: &Parts, body: &[u8]) -> Result<Asked, Refusal>;
}

impl<F: Fn(&Parts, &[u8]) -> Option<Asked>> NumberFrom for F {
    fn number_from(&self, head: &Parts, body: &[u8]) -> Result<Asked, Refusal> {
        self(head, body).ok_or_else(|| {
            Refusal::new(RefusalKind::InvalidShape, "the request has no phone number that can be read")
        })
    }
}

/// A text at the top level of a JSON object. Its key given twice, in whatever spelling, is refused.
#[derive(Clone, Debug)]
pub struct JsonField(Fields);

/// A field of a form (`application/x-www-form-urlencoded`). Given twice, in whatever letter case, it is refused.
#[derive(Clone, Debug)]
pub struct FormField(Fields);

#[derive(Clone, Debug)]
struct Fields {
    number: Cow<'static, str>,
    country: Option<Cow<'static, str>>,
}

impl Fields {
    fn new(number: impl Into<Cow<'static, str>>) -> Self {
        Self { number: number.into(), country: None }
    }

    fn asked(&self, number: Option<Cow<'_, str>>, country: Option<Cow<'_, str>>) -> Result<Asked, Refusal> {
        let number = number.ok_or_else(|| {
            let detail = format!("the field {:?} is missing: the phone number goes there", self.number);
            Refusal::new(RefusalKind::InvalidShape, detail)
        })?;
        Ok(Asked { number: number.into_owned(), country: country.map(Cow::into_owned) })
    }
}

impl JsonField {
    /// The number is under this key.
    #[must_use]
    pub fn new(key: impl Into<Cow<'static, str>>) -> Self {
        Self(Fields::new(key))
    }

    /// The country, for national numbers, is under this one. It may be missing.
    #[must_use]
    pub fn with_country(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.0.country = Some(key.into());
        self
    }
}

impl NumberFrom for JsonField {
    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        refuse_other_than_json(headers)
    }

    fn number_from(&self, _: &Parts, body: &[u8]) -> Result<Asked, Refusal> {
        let Fields { number, country } = &self.0;
        let (number, country) = match country {
            Some(country) => text_fields(body, [&**number, &**country])?.into(),
            None => (text_fields(body, [&**number])?.into_iter().next().flatten(), None),
        };
        self.0.asked(number, country)
    }
}

impl FormField {
    /// The number is in this field.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(Fields::new(name))
    }

    /// The country, for national numbers, is in this one. It may be missing.
    #[must_use]
    pub fn with_country(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.country = Some(name.into());
        self
    }
}

impl NumberFrom for FormField {
    fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        refuse_encoded(headers)?;
        let mut lines = headers.get_all(CONTENT_TYPE).iter();
        match (lines.next(), lines.next()) {
            (Some(value), None) if is_form(value.as_bytes()) => Ok(()),
            _ => Err(Refusal::new(
                RefusalKind::ContentType,
                "the content type is not a form: send one header `Content-Type: application/x-www-form-urlencoded`",
            )),
        }
    }

    fn number_from(&self, _: &Parts, body: &[u8]) -> Result<Asked, Refusal> {
        let field = |name: &str| {
            let mut found = form_urlencoded::parse(body).filter(|(key, _)| key.eq_ignore_ascii_case(name));
            match (found.next(), found.next()) {
                (found, None) => Ok(found.map(|(_, value)| value)),
                _ => {
                    let detail =
                        format!("the field {name:?} is given twice (letter case aside): give it once");
                    Err(Refusal::new(RefusalKind::AmbiguousKey, detail))
                }
            }
        };
        let number = field(&self.0.number)?;
        let country = self.0.country.as_deref().map(field).transpose()?.flatten();
        self.0.asked(number, country)
    }
}

fn is_form(value: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(from: &impl NumberFrom, body: &str) -> Result<(String, Option<String>), RefusalKind> {
        let (head, ()) = Request::new(()).into_parts();
        let asked = from.number_from(&head, body.as_bytes()).map_err(|refusal| refusal.kind())?;
        Ok((asked.number, asked.country))
    }

    #[test]
    fn a_form_says_its_number_once() {
        let form = FormField::new("phone").with_country("country");
        let sg = ("+6591234567".to_owned(), None);
        assert_eq!(read(&form, "phone=%2B6591234567"), Ok(sg.clone()));
        assert_eq!(read(&form, "p%68one=%2B6591234567&x=phone=1"), Ok(sg));
        assert_eq!(
            read(&form, "country=SG&phone=91234567"),
            Ok(("91234567".to_owned(), Some("SG".to_owned())))
        );
        for body in
            ["phone=1&phone=2", "phone=1&PHONE=2", "phone=1&%70hone=2", "phone=1&country=SG&country=ID"]
        {
            assert_eq!(read(&form, body), Err(RefusalKind::AmbiguousKey), "{body}");
        }
        assert_eq!(read(&form, "mobile=1"), Err(RefusalKind::InvalidShape));
        assert_eq!(read(&form, ""), Err(RefusalKind::InvalidShape));
    }

    #[test]
    fn a_json_object_says_its_number_once() {
        let json = JsonField::new("phone").with_country("country");
        assert_eq!(read(&json, r#"{"phone":"1","country":null}"#), Ok(("1".to_owned(), None)));
        assert_eq!(
            read(&json, r#"{"phone":"1","Country":"SG"}"#),
            Ok(("1".to_owned(), Some("SG".to_owned())))
        );
        assert_eq!(read(&json, r#"{"phone":"1","ph\u006fne":"2"}"#), Err(RefusalKind::AmbiguousKey));
        assert_eq!(read(&json, r#"{"phone":null}"#), Err(RefusalKind::InvalidShape));
        assert_eq!(
            read(&JsonField::new("phone"), r#"{"phone":"1","country":7}"#),
            Ok(("1".to_owned(), None))
        );
    }

    #[test]
    fn a_closure_reads_what_it_likes_and_without_a_number_nothing_goes_on() {
        let path = |head: &Parts, _: &[u8]| {
            let number = head.uri.path().strip_prefix("/")?.to_owned();
            (!number.is_empty()).then_some(Asked { number, country: None })
        };
        assert_eq!(read(&path, ""), Err(RefusalKind::InvalidShape));
    }

    #[test]
    fn a_debug_print_shows_no_number() {
        let asked = Asked { number: "+6591234567".to_owned(), country: None };
        assert!(!format!("{asked:?}").contains("91234567"));
    }

    #[test]
    fn a_body_of_another_type_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
        let kind = |from: &dyn NumberFrom| from.check(&headers).unwrap_err().kind();
        assert_eq!(kind(&FormField::new("phone")), RefusalKind::ContentType);
        assert_eq!(kind(&JsonField::new("phone")), RefusalKind::ContentType);
        headers.insert(CONTENT_TYPE, "Application/X-WWW-Form-Urlencoded; charset=UTF-8".parse().unwrap());
        assert!(FormField::new("phone").check(&headers).is_ok());
        headers.insert(http::header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(FormField::new("phone").check(&headers).unwrap_err().kind(), RefusalKind::ContentEncoding);
    }
}
