//! Which recipients were taken out of a batch that was sent, and why.

use std::fmt::Write as _;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response};

use crate::engine::{Signal, Verdict};

/// How many were not sent to.
const COUNT: HeaderName = HeaderName::from_static("tollgate-not-sent");
/// Which, by their index in the batch as it came, and why.
const RECIPIENTS: HeaderName = HeaderName::from_static("tollgate-not-sent-recipients");

/// How many are listed in the header, which stays below 4 KiB; the rest is counted.
const LISTED: usize = 100;

/// The recipients of a batch that it was sent without ([`BatchPolicy::SendRest`](crate::BatchPolicy::SendRest)): in the
/// extensions of the answer, whose body is 8x8's own.
#[derive(Clone, Debug)]
pub struct NotSent {
    recipients: Arc<[(usize, Verdict)]>,
}

impl NotSent {
    /// The headers that say the same: how many, and which.
    pub const HEADERS: [HeaderName; 2] = [COUNT, RECIPIENTS];

    pub(crate) fn new(recipients: Vec<(usize, Verdict)>) -> Self {
        Self { recipients: recipients.into() }
    }

    /// Each by its index in the batch as it came, from 0, in rising order, with its verdict.
    #[must_use]
    pub fn recipients(&self) -> &[(usize, Verdict)] {
        &self.recipients
    }

    /// Counts them and tells of them.
    pub(crate) fn tell(&self, of: usize) {
        for (_, verdict) in self.recipients.iter() {
            let reason = reason(verdict);
            metrics::counter!("tollgate_pump_guard_not_sent_total", "reason" => reason).increment(1);
        }
        tracing::info!(not_sent = self.recipients.len(), of, "batch sent in part");
    }

    /// `4 range_surprise, 17 number_shape, +12`
    fn list(&self) -> String {
        let mut list = String::new();
        for (index, verdict) in self.recipients.iter().take(LISTED) {
            let comma = if list.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(list, "{comma}{index} {}", reason(verdict));
        }
        if self.recipients.len() > LISTED {
            let _ = write!(list, ", +{}", self.recipients.len() - LISTED);
        }
        list
    }
}

/// The code of the reason that weighs most.
fn reason(verdict: &Verdict) -> &'static str {
    let noted = || verdict.reasons.first();
    verdict.main_reason().or_else(noted).map_or("none", |reason| Signal::as_str(reason.signal))
}

/// Writes the headers of an answer that comes with a [`NotSent`]. What is there by these names is not ours.
pub(crate) fn write<B>(response: &mut Response<B>) {
    let Some(not_sent) = response.extensions().get::<NotSent>().cloned() else { return };
    let headers = response.headers_mut();
    headers.remove(&RECIPIENTS);
    headers.insert(COUNT, HeaderValue::from(not_sent.recipients.len()));
    if let Ok(list) = HeaderValue::try_from(not_sent.list()) {
        headers.insert(RECIPIENTS, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Policy;

    fn many(count: usize) -> NotSent {
        let mut verdict = crate::engine::hard_rules(&Policy::default(), &Policy::default().read("x", None));
        verdict.reasons[0].signal = Signal::CountryConversion;
        NotSent::new((0..count).map(|index| (9_000 + index, verdict.clone())).collect())
    }

    #[test]
    fn a_hundred_are_listed_within_4_kib_and_the_rest_is_counted() {
        let mut response = Response::new(());
        response.headers_mut().insert(COUNT, HeaderValue::from_static("7"));
        response.headers_mut().append(RECIPIENTS, HeaderValue::from_static("1 manual"));
        response.headers_mut().append(RECIPIENTS, HeaderValue::from_static("2 manual"));
        response.extensions_mut().insert(many(999));
        write(&mut response);
        assert_eq!(response.headers()[COUNT], "999");
        let lists: Vec<_> = response.headers().get_all(RECIPIENTS).iter().collect();
        let [list] = lists[..] else { panic!("{lists:?}") };
        let list = list.to_str().unwrap();
        assert!(list.starts_with("9000 country_conversion, 9001 country_conversion"), "{list}");
        assert!(list.ends_with("9099 country_conversion, +899") && list.len() < 4096, "{list}");
        assert_eq!(many(100).list().split(", ").count(), 100);
    }
}
