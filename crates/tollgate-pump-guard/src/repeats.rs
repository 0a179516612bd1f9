//! Answers of the last seconds: whoever presses the same button again gets the first one's.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// How long an answer is kept.
const FOR: Duration = Duration::from_secs(10);
/// How many are, and how long a body may be.
const MOST: usize = 4096;
const LONGEST: usize = 4096;

const REPEAT: HeaderName = HeaderName::from_static("tollgate-repeat");

/// By a number's keyed hash, and the request's.
type Of = (u64, u64);

#[derive(Debug, Default)]
pub(crate) struct Repeats {
    answers: HashMap<Of, Kept>,
    /// Oldest first.
    order: VecDeque<(Duration, Of)>,
}

#[derive(Debug)]
struct Kept {
    at: Duration,
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

impl Repeats {
    pub(crate) fn keep(
        &mut self,
        of: Of,
        status: StatusCode,
        content_type: Option<HeaderValue>,
        body: &[u8],
        now: Duration,
    ) {
        self.expire(now);
        if body.len() > LONGEST || self.order.len() >= MOST {
            return;
        }
        let kept = Kept { at: now, status, content_type, body: Bytes::copy_from_slice(body) };
        self.answers.insert(of, kept);
        self.order.push_back((now, of));
    }

    /// The answer again, marked as such.
    pub(crate) fn again(&mut self, of: Of, now: Duration) -> Option<Response<Bytes>> {
        self.expire(now);
        let kept = self.answers.get(&of)?;
        let mut response = Response::new(kept.body.clone());
        *response.status_mut() = kept.status;
        if let Some(content_type) = &kept.content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        response.headers_mut().insert(REPEAT, HeaderValue::from_static("true"));
        Some(response)
    }

    fn expire(&mut self, now: Duration) {
        while let Some((at, of)) = self.order.front().copied().filter(|(at, _)| *at + FOR <= now) {
            self.order.pop_front();
            if self.answers.get(&of).is_some_and(|kept| kept.at == at) {
                self.answers.remove(&of);
            }
        }
    }
}
