//! What the guard reads and changes in a verification start beside its destination.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::scan::Span;
use crate::{Fault, Scan};

/// How long 8x8 makes a code at least and at most.
///
/// Source: 8x8's OpenAPI documents, `VerifyRequest`.
pub const CODE_LENGTH: RangeInclusive<u8> = 3..=10;

/// How long 8x8 makes a code that is not asked to have a length.
pub const DEFAULT_CODE_LENGTH: u8 = 4;

/// So many bytes of a value that is wrong are told: more could be a number or a text that is nobody's business.
const TOLD: usize = 4;

impl Scan {
    /// How long the code of a verification start is asked to be; 4 where it does not say.
    ///
    /// # Errors
    ///
    /// It is not a whole number from 3 to 10, written as one.
    pub fn code_length(&self, body: &[u8]) -> Result<u8, Fault> {
        let Some(span) = self.code_length else { return Ok(DEFAULT_CODE_LENGTH) };
        let raw = body.get(span.range()).unwrap_or_default();
        let text = std::str::from_utf8(raw).unwrap_or_default();
        let length = text.parse().ok().filter(|length| CODE_LENGTH.contains(length));
        length.ok_or_else(|| Fault::CodeLength((text.len() <= TOLD).then(|| text.to_owned())))
    }
}

/// Members of a verification start that get another value. All other bytes stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartEdit<'a> {
    /// `channel`: one of 8x8's names.
    pub channel: Option<&'a str>,
    /// `whatsapp.templateName`; what else is in `whatsapp` goes.
    pub template: Option<&'a str>,
    /// `codeLength`: within [`CODE_LENGTH`].
    pub code_length: Option<u8>,
}

impl StartEdit<'_> {
    /// Whether it changes anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The body with the edit made: a member that is there gets its value in place, a new one becomes the last. `None`
    /// where the scan is not of this body.
    #[must_use]
    pub fn apply(&self, scan: &Scan, body: &[u8]) -> Option<Bytes> {
        let mut splices = Vec::new();
        let mut tail = String::new();
        let mut put = |span: Option<Span>, key: &str, value: String| match span {
            Some(span) => splices.push((span.start(), span.end(), value)),
            None => {
                if !scan.top.empty || !tail.is_empty() {
                    tail.push(',');
                }
                tail.push_str(&format!("\"{key}\":{value}"));
            }
        };
        if let Some(channel) = self.channel {
            put(scan.channel, "channel", serde_json::to_string(channel).ok()?);
        }
        if let Some(template) = self.template {
            let settings = serde_json::json!({ "templateName": template });
            put(scan.whatsapp, "whatsapp", settings.to_string());
        }
        if let Some(length) = self.code_length {
            put(scan.code_length, "codeLength", length.to_string());
        }
        splices.push((scan.top.end as usize, scan.top.end as usize, tail));
        splices.sort_unstable_by_key(|(start, ..)| *start);
        let mut out = Vec::with_capacity(body.len() + 64);
        let mut at = 0;
        for (start, end, text) in splices {
            out.extend_from_slice(body.get(at..start)?);
            out.extend_from_slice(text.as_bytes());
            at = end;
        }
        out.extend_from_slice(body.get(at..)?);
        Some(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn edited(body: &str, edit: StartEdit<'_>) -> String {
        let scan = Scan::read(Endpoint::VerifyStart, body.as_bytes()).unwrap();
        String::from_utf8(edit.apply(&scan, body.as_bytes()).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn a_shift_changes_the_channel_and_nothing_else() {
        let shift =
            |template| StartEdit { channel: Some("whatsapp"), template: Some(template), code_length: None };
        assert_eq!(
            edited(r#"{ "destination" : "+6591234567", "n": 1e400 }"#, shift("o\"tp")),
            r#"{ "destination" : "+6591234567", "n": 1e400,"channel":"whatsapp","whatsapp":{"templateName":"o\"tp"} }"#
        );
        assert_eq!(
            edited(r#"{"whatsapp":{"x":1},"channel":"sms","destination":"+6591234567"}"#, shift("otp")),
            r#"{"whatsapp":{"templateName":"otp"},"channel":"whatsapp","destination":"+6591234567"}"#
        );
    }

    #[test]
    fn a_code_is_made_longer_in_place_or_at_the_end_and_nothing_else_changes() {
        let six = StartEdit { code_length: Some(6), ..StartEdit::default() };
        for (body, want) in [
            (r#"{"destination":"1" }"#, r#"{"destination":"1","codeLength":6 }"#),
            (r#"{"codeLength" : 4 , "destination":"1"}"#, r#"{"codeLength" : 6 , "destination":"1"}"#),
            (
                r#"{"destination":"1","CODELENGTH":10,"sms":{"codeLength":4}}"#,
                r#"{"destination":"1","CODELENGTH":6,"sms":{"codeLength":4}}"#,
            ),
            (r#"{"sms":{"codeLength":9},"n":1e400}"#, r#"{"sms":{"codeLength":9},"n":1e400,"codeLength":6}"#),
        ] {
            assert_eq!(edited(body, six), want);
        }
        let both = StartEdit { channel: Some("viber"), ..six };
        assert_eq!(
            edited(r#"{"codeLength":4,"destination":"1"}"#, both),
            r#"{"codeLength":6,"destination":"1","channel":"viber"}"#
        );
    }

    #[test]
    fn a_code_length_is_a_whole_number_from_three_to_ten() {
        let length = |value: &str| {
            let body = format!(r#"{{"destination":"1","codeLength":{value}}}"#);
            Scan::read(Endpoint::VerifyStart, body.as_bytes()).unwrap().code_length(body.as_bytes())
        };
        assert_eq!((length("3"), length("10")), (Ok(3), Ok(10)));
        for value in ["2", "11", "-4", "6.0", "6e0", "\"6\"", "null", "true", "[6]", "{}", "1e1", "256", "0"]
        {
            assert_eq!(length(value), Err(Fault::CodeLength(Some(value.to_owned()))), "{value}");
        }
        let told = length("6591234567").unwrap_err().to_string();
        assert_eq!(told, "\"codeLength\": no such number: write a whole number from 3 to 10");
        let absent = br#"{"destination":"1","sms":{"codeLength":9}}"#;
        assert_eq!(Scan::read(Endpoint::VerifyStart, absent).unwrap().code_length(absent), Ok(4));
    }
}
