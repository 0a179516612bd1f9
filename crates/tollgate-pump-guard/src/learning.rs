//! What is learned from 8x8's answers as they pass: which id a send has, and what became of it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project::{pin_project, pinned_drop};
use tollgate_8x8::{Answer, Endpoint, FeedbackCall, Listed};

use crate::checking::Checking;
use crate::engine::{Charge, Reading};
use crate::guard::PumpGuard;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;
/// The same of a batch: some 5,000 messages, which take some milliseconds.
const LONGEST_BATCH: usize = 1 << 20;

/// 8x8's answer, byte for byte, of which the guard keeps a copy until it has ended.
#[derive(Debug)]
#[pin_project(PinnedDrop)]
pub struct Learned<B> {
    #[pin]
    inner: B,
    learning: Option<Learning>,
}

/// An answer being read.
#[derive(Debug)]
pub(crate) struct Learning {
    guard: PumpGuard,
    what: Asked,
    status: StatusCode,
    content_type: Option<HeaderValue>,
    copy: Vec<u8>,
}

/// What was asked.
#[derive(Debug)]
pub(crate) enum Asked {
    Send(What),
    Check(Checking),
}

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A dispatch to one number, and where it went, where 8x8 may have to be told of it later.
    Dispatch { endpoint: Endpoint, charge: Charge, uri: Option<Uri>, press: u64 },
    /// A batch that went out to so many.
    Batch { endpoint: Endpoint, charges: Vec<Charged>, recipients: usize },
}

/// What is remembered of one recipient of a dispatch.
#[derive(Clone)]
pub(crate) struct Charged {
    pub(crate) charge: Charge,
    /// By which it is found again in the answer.
    digits: u64,
    /// How many go out before it.
    place: usize,
}

impl Charged {
    pub(crate) fn new(charge: Charge, reading: &Reading, place: usize) -> Self {
        let digits = if let Reading::Number(number) = reading { number.digits() } else { 0 };
        Self { charge, digits, place }
    }

    fn is(&self, destination: &str) -> bool {
        let digits: String = destination.chars().filter(char::is_ascii_digit).collect();
        digits.parse() == Ok(self.digits)
    }
}

/// Without the number.
impl fmt::Debug for Charged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charged")
            .field("charge", &self.charge)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Asked {
    fn longest(&self) -> usize {
        match self {
            Self::Send(What::Batch { .. }) => LONGEST_BATCH,
            Self::Send(What::Dispatch { .. }) | Self::Check(_) => LONGEST,
        }
    }
}

impl Learning {
    /// `None` where nothing can be learned from this answer, which is counted.
    pub(crate) fn of<B>(guard: PumpGuard, what: Asked, response: &Response<B>) -> Option<Self> {
        let status = response.status();
        if matches!(what, Asked::Send(_)) && status != StatusCode::OK {
            return None;
        }
        if response.headers().contains_key(CONTENT_ENCODING) {
            not_learned("encoded");
            return None;
        }
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        Some(Self { guard, what, status, content_type, copy: Vec::new() })
    }

    fn finish(self) {
        let Self { guard, what, status, content_type, copy } = self;
        match what {
            Asked::Send(What::Dispatch { endpoint, charge, uri, press }) => {
                match Answer::read(endpoint, &copy) {
                    Some(Answer::Message { rejected: true, .. }) => return guard.forget(charge),
                    Some(Answer::Message { umid, .. }) => {
                        guard.track(&umid, &charge);
                        let call = uri.and_then(|uri| FeedbackCall::of(endpoint, &uri, &umid));
                        if let Some(call) = call {
                            guard.keep_message(&charge, call);
                        }
                    }
                    Some(Answer::Session(session)) => guard.track(&session.id, &charge),
                    _ => return not_learned("not_understood"),
                }
                guard.keep_answer((charge.number, press), status, content_type, &copy);
            }
            Asked::Send(What::Batch { endpoint, charges, recipients }) => match Answer::read(endpoint, &copy)
            {
                Some(Answer::Batch(messages)) => learn_batch(&guard, &charges, recipients, &messages),
                _ => not_learned("not_understood"),
            },
            Asked::Check(checking) => checking.learn(status, &copy),
        }
    }
}

/// Learns from the messages of a batch's answer, which stand in the order of their recipients.
fn learn_batch(guard: &PumpGuard, charges: &[Charged], recipients: usize, messages: &[Listed]) {
    if messages.is_empty() {
        return not_learned("not_listed");
    }
    for charged in charges {
        let listed = messages.get(charged.place).filter(|_| messages.len() == recipients);
        match listed.filter(|message| charged.is(&message.destination)) {
            Some(message) if message.rejected => guard.forget(charged.charge),
            Some(message) => guard.track(&message.umid, &charged.charge),
            None => not_learned("not_understood"),
        }
    }
}

pub(crate) fn not_learned(why: &'static str) {
    metrics::counter!("tollgate_pump_guard_not_learned_total", "why" => why).increment(1);
}

impl<B> Learned<B> {
    pub(crate) fn new(inner: B, learning: Option<Learning>) -> Self {
        Self { inner, learning }
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for Learned<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let ended = match &frame {
            None => true,
            Some(Err(_)) => false,
            Some(Ok(frame)) => {
                if let (Some(data), Some(learning)) = (frame.data_ref(), this.learning.as_mut()) {
                    if data.len() > learning.what.longest() - learning.copy.len() {
                        not_learned("too_long");
                        *this.learning = None;
                    } else {
                        learning.copy.extend_from_slice(data);
                    }
                }
                // Whoever reads by length never asks for the end.
                this.inner.is_end_stream()
            }
        };
        if ended && let Some(learning) = this.learning.take() {
            learning.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[pinned_drop]
impl<B> PinnedDrop for Learned<B> {
    fn drop(self: Pin<&mut Self>) {
        if self.project().learning.take().is_some() {
            not_learned("not_read");
        }
    }
}
