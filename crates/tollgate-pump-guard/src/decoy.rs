//! Answers that look as if a message had been sent.

mod session_id;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tollgate_8x8::{CodeCheck, Dispatch, Endpoint, SessionMimic, SessionStatus, SessionTerms, accepted};

use crate::engine::{Action, Attempt, CHALLENGE_AT, Channel, Reading, Signal, Verdict};
use session_id::{Sealed, SessionIds};

/// So many wrong codes end a verification.
const ATTEMPTS: u8 = 5;
/// Of how many verifications wrong codes are counted: some 700 KiB. Beyond that the oldest begin anew.
const COUNTED: usize = 1 << 14;
/// How long a verification that has run out is still known.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 3600);
/// No code holds longer.
const LONGEST: Duration = Duration::from_secs(7200);

/// In the extensions of an answer that 8x8 did not give: nothing was sent, though the answer says so. It is on no header,
/// so that whoever is deceived cannot see it; an app that is to know asks for it.
#[derive(Clone, Debug)]
pub struct Decoy {
    verdict: Option<Verdict>,
}

impl Decoy {
    /// Why nothing was sent; `None` for a code check.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }
}

/// Whether a verdict may be hidden from whoever asked: he is stopped for what strangers do, and not for what an honest
/// person could correct or wait for.
fn may_deceive(verdict: &Verdict) -> bool {
    let about_strangers = |signal| {
        matches!(
            signal,
            Signal::NumberActors
                | Signal::RangeConversion
                | Signal::RangeSurprise
                | Signal::Adjacency
                | Signal::ResendRatio
                | Signal::TimeToVerify
                | Signal::NewCountry
                | Signal::CountrySurprise
                | Signal::CountryConversion
                | Signal::IpBudget
                | Signal::UserBudget
                | Signal::Asn
                | Signal::OperatorShare
                | Signal::IpCountries
                | Signal::Breaker
                | Signal::SpendVelocity
                | Signal::CountrySpend
        )
    };
    let mut grave = verdict.reasons.iter().filter(|reason| reason.enforced && reason.score >= CHALLENGE_AT);
    verdict.action == Action::Block
        && verdict.main_reason().is_some_and(|reason| about_strangers(reason.signal))
        && grave.all(|reason| about_strangers(reason.signal))
}

/// What decoys are made with.
#[derive(Debug)]
pub(crate) struct Decoys {
    ids: SessionIds,
    wrong: Mutex<Wrong>,
}

/// Wrong codes of each verification.
#[derive(Debug, Default)]
struct Wrong {
    codes: HashMap<u128, u8>,
    /// Oldest first.
    order: VecDeque<u128>,
}

impl Wrong {
    fn add(&mut self, id: u128) {
        if let Some(wrong) = self.codes.get_mut(&id) {
            *wrong = wrong.saturating_add(1).min(ATTEMPTS);
            return;
        }
        if self.order.len() >= COUNTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.codes.remove(&oldest);
        }
        self.codes.insert(id, 1);
        self.order.push_back(id);
    }
}

impl Decoys {
    /// Under this secret or one drawn now. `None` where the system gives no randomness: then people are told the truth.
    pub(crate) fn new(secret: Option<[u8; 32]>) -> Option<Self> {
        let ids = secret.map_or_else(SessionIds::new, |secret| SessionIds::with_secret(&secret))?;
        Some(Self { ids, wrong: Mutex::default() })
    }

    /// The answer to a dispatch, which came by this path, in place of its refusal; `None` where it has to be refused.
    pub(crate) fn start(
        &self,
        dispatch: &Dispatch,
        path: &str,
        attempt: &Attempt,
        verdict: &Verdict,
        now: Duration,
    ) -> Option<Response<Bytes>> {
        let Reading::Number(number) = &attempt.reading else { return None };
        if !may_deceive(verdict) {
            return None;
        }
        let (endpoint, number) = (dispatch.endpoint(), number.digits());
        let mut response = match endpoint {
            Endpoint::SmsSingle | Endpoint::LegacySingle | Endpoint::SurveySingle => {
                accepted(dispatch.body(), number)
            }
            // A device cannot open a page of 8x8's that is not there.
            Endpoint::VerifyStart if attempt.channel != Channel::Sma => {
                let terms = SessionTerms::of(dispatch.body());
                let expires_at = hundredths(now + terms.validity);
                let id = self.ids.seal(Sealed { number, expires_at })?;
                self.session(id, &format!("{path}/{id:032x}"), Sealed { number, expires_at }, terms, now).0
            }
            _ => return None,
        };
        metrics::counter!("tollgate_pump_guard_decoys_total", "endpoint" => endpoint.as_str()).increment(1);
        response.extensions_mut().insert(Decoy { verdict: Some(verdict.clone()) });
        Some(response)
    }

    /// The answer to a code check, which came by this path, where the verification is a decoy; and whether a code was
    /// wrong, as each is.
    pub(crate) fn check(
        &self,
        check: &CodeCheck,
        path: &str,
        now: Duration,
    ) -> Option<(Response<Bytes>, bool)> {
        let id = parse(&check.session)?;
        let sealed = self.ids.open(id)?;
        let (ends, longest) = (expiry(sealed, now), now + LONGEST + Duration::from_secs(1));
        if ends + KNOWN_FOR <= now || ends > longest {
            return None;
        }
        let wrong = check.has_code && now < ends;
        if wrong {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).add(id);
        }
        let (mut response, status) = self.session(id, path, sealed, SessionTerms::default(), now);
        response.extensions_mut().insert(Decoy { verdict: None });
        Some((response, wrong && status != SessionStatus::Expired))
    }

    fn session(
        &self,
        id: u128,
        path: &str,
        sealed: Sealed,
        terms: SessionTerms,
        now: Duration,
    ) -> (Response<Bytes>, SessionStatus) {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = wrong.codes.get(&id).copied().unwrap_or(0);
        drop(wrong);
        let expires_at = expiry(sealed, now);
        let status = match attempt {
            ATTEMPTS.. => SessionStatus::Failed,
            _ if now >= expires_at => SessionStatus::Expired,
            _ => SessionStatus::Waiting,
        };
        let mimic = SessionMimic {
            id: &format!("{id:032x}"),
            path,
            number: sealed.number,
            status,
            attempt,
            expires_at,
            retry_after: expires_at.saturating_sub(terms.validity) + terms.interval,
        };
        (mimic.answer(), status)
    }
}

/// In hundredths of a second, as 8x8 tells it, of which 2³² are 497 days.
#[allow(clippy::cast_possible_truncation, reason = "which of those spans it is, `expiry` knows")]
fn hundredths(time: Duration) -> u32 {
    (time.as_millis() / 10) as u32
}

/// The time that is nearest to now.
fn expiry(sealed: Sealed, now: Duration) -> Duration {
    let to_come = sealed.expires_at.wrapping_sub(hundredths(now)).cast_signed();
    let span = Duration::from_millis(u64::from(to_come.unsigned_abs()) * 10);
    let now = Duration::from_millis(u64::try_from(now.as_millis() / 10 * 10).unwrap_or(u64::MAX));
    if to_come < 0 { now.saturating_sub(span) } else { now + span }
}

/// A UUID with or without dashes.
fn parse(id: &str) -> Option<u128> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    let hexadecimal = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u128::from_str_radix(&digits, 16).ok())?
}

#[cfg(test)]
mod tests;
