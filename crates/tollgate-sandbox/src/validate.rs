use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use http::Uri;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::{ApiError, code};

/// What 8x8 takes in one request.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// The members of a JSON object, read as the published schema declares them.
///
/// A member that is null counts as left out, and members that are not declared are ignored. Each fault is answered with
/// the code of its member: wrong type and wrong value alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    parent: &'static str,
    index: Option<usize>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value) -> Result<Self, ApiError> {
        Self::at(value, "", None, code::PARAMETER)
    }

    /// The item of an array.
    pub(crate) fn item(value: &'a Value, parent: &'static str, index: usize) -> Result<Self, ApiError> {
        Self::at(value, parent, Some(index), code::PARAMETER)
    }

    fn at(value: &'a Value, parent: &'static str, index: Option<usize>, code: u16) -> Result<Self, ApiError> {
        match value {
            Value::Object(members) => Ok(Self { members, parent, index }),
            _ => Err(ApiError::bad(
                code,
                format!("Invalid parameter: {} is not an object", place(parent, index, "")),
            )),
        }
    }

    pub(crate) fn object(&self, name: &'static str, code: u16) -> Result<Option<Self>, ApiError> {
        self.value(name).map(|value| Self::at(value, name, None, code)).transpose()
    }

    /// An array of 1 to 10,000 items.
    pub(crate) fn items(&self, name: &str) -> Result<Option<&'a [Value]>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        match value {
            Value::Array(items) if items.len() > MAX_ITEMS => Err(ApiError::bad(
                code::BULK,
                format!("Bulk limit reached: {name} has {} items, at most {MAX_ITEMS}", items.len()),
            )),
            Value::Array(items) if !items.is_empty() => Ok(Some(items)),
            _ => Err(self.fault(name, code::PARAMETER, "is not an array of 1 to 10,000 items")),
        }
    }

    pub(crate) fn text(&self, name: &str, code: u16) -> Result<Option<&'a str>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(name, code, "is not a string")),
        }
    }

    /// A string whose length in characters is in the range.
    pub(crate) fn text_of(
        &self,
        name: &str,
        length: RangeInclusive<usize>,
        code: u16,
    ) -> Result<Option<&'a str>, ApiError> {
        let text = self.text(name, code)?;
        match text {
            Some(text) if !length.contains(&text.chars().count()) => {
                let (min, max) = length.into_inner();
                Err(self.fault(name, code, format!("is not {min} to {max} characters long")))
            }
            _ => Ok(text),
        }
    }

    pub(crate) fn choice(
        &self,
        name: &str,
        choices: &[&'static str],
        code: u16,
    ) -> Result<Option<&'static str>, ApiError> {
        let Some(text) = self.text(name, code)? else {
            return Ok(None);
        };
        match choices.iter().find(|choice| **choice == text) {
            Some(choice) => Ok(Some(choice)),
            None => Err(self.fault(name, code, format!("is none of {}", choices.join(", ")))),
        }
    }

    /// An array of two-letter strings.
    pub(crate) fn countries(&self, name: &str) -> Result<(), ApiError> {
        let is_country = |value: &Value| value.as_str().is_some_and(|country| country.chars().count() == 2);
        match self.value(name) {
            None => Ok(()),
            Some(Value::Array(items)) if items.iter().all(is_country) => Ok(()),
            Some(_) => Err(self.fault(name, code::COUNTRY, "is not an array of two-letter strings")),
        }
    }

    pub(crate) fn time(&self, name: &str, code: u16) -> Result<Option<Timestamp>, ApiError> {
        self.text(name, code)?
            .map(|text| text.parse().map_err(|_| self.fault(name, code, "is not a date-time with an offset")))
            .transpose()
    }

    pub(crate) fn ip(&self) -> Result<Option<IpAddr>, ApiError> {
        self.text("clientIp", code::IP)?
            .map(|text| text.parse().map_err(|_| self.fault("clientIp", code::IP, "is not an IP address")))
            .transpose()
    }

    /// An absolute `http` or `https` URL.
    pub(crate) fn url(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        let text = self.text(name, code::PARAMETER)?;
        let is_url = |text: &str| {
            text.parse::<Uri>().is_ok_and(|uri| {
                uri.authority().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
            })
        };
        match text {
            Some(text) if !is_url(text) => {
                Err(self.fault(name, code::PARAMETER, "is not an absolute HTTP URL"))
            }
            _ => Ok(text),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.fault(name, code::PARAMETER, "is not a boolean")),
        }
    }

    pub(crate) fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let Some(number) = value.as_f64() else {
            return Err(self.fault(name, code::PARAMETER, "is not a number"));
        };
        if range.contains(&number) {
            Ok(Some(number))
        } else {
            let (min, max) = range.into_inner();
            Err(self.fault(name, code::RANGE, format!("is out of range ({min} to {max})")))
        }
    }

    /// A whole number; `5.0` is one too.
    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, ApiError> {
        let (min, max) = range.into_inner();
        match self.number(name, f64::from(min)..=f64::from(max))? {
            None => Ok(None),
            Some(number) if number.fract() == 0.0 => Ok(Some(number as u32)),
            Some(_) => Err(self.fault(name, code::PARAMETER, "is not a whole number")),
        }
    }

    /// The fault of a member, named with its place: `messages[3].source is not a string`.
    pub(crate) fn fault(&self, name: &str, code: u16, what: impl Display) -> ApiError {
        let place = place(self.parent, self.index, name);
        ApiError::bad(code, format!("Invalid parameter: {place} {what}"))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }
}

fn place(parent: &str, index: Option<usize>, name: &str) -> String {
    let mut place = parent.to_owned();
    if let Some(index) = index {
        place.push_str(&format!("[{index}]"));
    }
    if !place.is_empty() && !name.is_empty() {
        place.push('.');
    }
    place.push_str(name);
    if place.is_empty() {
        place.push_str("the body");
    }
    place
}

/// `^[A-Za-z0-9\-._&]{3,50}$`
pub(crate) fn is_sub_account(text: &str) -> bool {
    (3..=50).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'&'))
}

/// `^[0-9A-Fa-f]{8}[-]?(?:[0-9A-Fa-f]{4}[-]?){3}[0-9A-Fa-f]{12}$`
pub(crate) fn is_account(text: &str) -> bool {
    let mut rest = text;
    for (group, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if group > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((digits, tail)) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest = tail,
            _ => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_a_uuid_with_or_without_dashes() {
        assert!(is_account("91b106f0-c0da-4aba-a43a-7af9c5893a80"));
        assert!(is_account("91b106f0c0da4abaa43a7af9c5893a80"));
        assert!(!is_account("91b106f0c0da4abaa43a7af9c5893a8"));
        assert!(!is_account("91b106f0-c0da-4aba-a43a-7af9c5893a80-"));
        assert!(!is_account("91b106f0--c0da-4aba-a43a-7af9c5893a80"));
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        assert_eq!(place("messages", Some(3), "source"), "messages[3].source");
        assert_eq!(place("template", None, "text"), "template.text");
        assert_eq!(place("", None, "text"), "text");
    }
}
