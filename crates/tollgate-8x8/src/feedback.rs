//! 8x8's feedback call: an SMS did what it was sent for.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};

use crate::{Endpoint, text_fields};

/// The call that tells 8x8 that the code of one SMS was given back.
///
/// 8x8 counts it for messages sent with `"track":"Outcome"`, or by a subaccount that tracks by default, and wants it
/// within 15 minutes of the message. Source: <https://developer.8x8.com/connect/reference/api-sms-feedback>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackCall {
    uri: Uri,
}

impl FeedbackCall {
    /// The call for the message that was sent by a request to `dispatch`, and that 8x8 named `umid`. `None` for anything but a
    /// single SMS, and for a name that is none.
    #[must_use]
    pub fn of(endpoint: Endpoint, dispatch: &Uri, umid: &str) -> Option<Self> {
        let is_name = (1..=64).contains(&umid.len())
            && umid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if endpoint != Endpoint::SmsSingle || !is_name {
            return None;
        }
        let path = format!("{}/{umid}/feedback", dispatch.path());
        let mut parts = dispatch.clone().into_parts();
        parts.path_and_query = Some(path.try_into().ok()?);
        Some(Self { uri: Uri::from_parts(parts).ok()? })
    }

    /// The name of the message that a request to here is about, where it is this call. A path is in its normal form.
    #[must_use]
    pub fn message<'a>(method: &Method, uri: &'a Uri) -> Option<&'a str> {
        let mut segments = uri.path().strip_prefix('/')?.split('/');
        let mut next_is =
            |name: &str| segments.next().is_some_and(|segment| segment.eq_ignore_ascii_case(name));
        let before = next_is("api") && next_is("v1") && next_is("subaccounts");
        let [_, messages, umid, feedback] = [(); 4].map(|()| segments.next());
        let here = messages?.eq_ignore_ascii_case("messages") && feedback?.eq_ignore_ascii_case("feedback");
        (before && here && segments.next().is_none() && method == Method::POST).then_some(umid?)
    }

    /// Whether the body of such a call says that the message did what it was sent for; `None` where it cannot be read.
    #[must_use]
    pub fn succeeded(body: &[u8]) -> Option<bool> {
        let [outcome] = text_fields(body, ["outcome"]).ok()?;
        Some(outcome? == "success")
    }

    /// Where it goes: to the host that took the message.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The request. It has no `Authorization`.
    #[must_use]
    pub fn request<B: From<Bytes>>(&self) -> Request<B> {
        let mut request = Request::new(B::from(Bytes::from_static(br#"{"outcome":"success"}"#)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{Class, Hosts};

    #[test]
    fn it_goes_where_the_message_went_and_is_known_to_send_nothing() {
        let sent: Uri = "https://sms.us.8x8.com/api/v1/subaccounts/mine/messages?x=1".parse().unwrap();
        let call = FeedbackCall::of(Endpoint::SmsSingle, &sent, "0b3c-9F").unwrap();
        let request: Request<Bytes> = call.request();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "https://sms.us.8x8.com/api/v1/subaccounts/mine/messages/0b3c-9F/feedback")
        );
        let class = Hosts::new().classify(request.method(), request.uri(), &HeaderMap::new()).unwrap();
        assert_eq!(class, Class::Quiet);
    }

    #[test]
    fn it_is_known_again_by_its_path() {
        let message = |method: Method, path: &str| {
            let uri: Uri = path.parse().unwrap();
            FeedbackCall::message(&method, &uri).map(str::to_owned)
        };
        let path = "/api/V1/subaccounts/mine/messages/0b3c-9F/Feedback";
        assert_eq!(message(Method::POST, path).as_deref(), Some("0b3c-9F"));
        assert_eq!(message(Method::GET, path), None);
        for other in
            ["/", "/api/v1/subaccounts/mine/messages", "/api/v1/subaccounts/mine/messages/u/feedback/x"]
        {
            assert_eq!(message(Method::POST, other), None, "{other}");
        }
        assert_eq!(FeedbackCall::succeeded(br#"{"outcome":"success"}"#), Some(true));
        assert_eq!(FeedbackCall::succeeded(br#"{"outcome":"failure"}"#), Some(false));
        for unreadable in ["", "{}", r#"{"outcome":1}"#, r#"{"outcome":"success","Outcome":"failure"}"#] {
            assert_eq!(FeedbackCall::succeeded(unreadable.as_bytes()), None, "{unreadable}");
        }
    }

    #[test]
    fn a_name_that_could_change_the_path_is_none() {
        let sent: Uri = "https://sms.8x8.com/api/v1/subaccounts/mine/messages".parse().unwrap();
        for umid in ["", "..", "a/b", "a?b", "a%2fb", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(FeedbackCall::of(Endpoint::SmsSingle, &sent, umid), None, "{umid}");
        }
        assert_eq!(FeedbackCall::of(Endpoint::VerifyStart, &sent, "u"), None);
    }
}
