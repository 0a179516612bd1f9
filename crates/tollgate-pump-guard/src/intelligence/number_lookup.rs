mod admission;
mod cache;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, Response, StatusCode};
use tollgate_8x8::{LookupAnswer, LookupKind, PhoneType, Region, SimFault, SubAccount};
use tower_service::Service;

use super::{Facts, NumberIntelligence, Operator, Sim, Step};
use crate::engine::{Number, NumberType};
use crate::whole;
use admission::Admission;
use cache::Cache;

/// How long a message waits.
const LIMIT: Duration = Duration::from_millis(300);
/// How long what a number is is remembered.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// The same of a SIM that receives nothing, which may be in a network soon.
const SIM_REMEMBERED: Duration = Duration::from_secs(3600);

/// Asks 8x8's Number Lookup.
///
/// `C` is an HTTP client that speaks TLS, and `B` the body it takes. What it answers has to come within 300 ms and to be
/// at most 64 KiB; else nothing is known. It must not follow redirects. Futures want tokio's timer.
///
/// What was found out is remembered for seven days (a SIM that receives nothing for an hour), of the last 16,384 numbers,
/// by a hash under a secret of this process. At most 64 numbers are asked for at once and 60 in a minute: whoever makes
/// up numbers cannot make lookups, some of which are paid for, the new way to spend the sender's money.
pub struct NumberLookup<C, B> {
    client: C,
    settings: Arc<Settings>,
    cache: Arc<Cache>,
    admission: Arc<Admission>,
    body: PhantomData<fn() -> B>,
}

#[derive(Clone)]
struct Settings {
    sub_account: SubAccount,
    authorization: HeaderValue,
    region: Region,
    kind: LookupKind,
}

impl<C, B> NumberLookup<C, B> {
    /// Lookups of the kind `format`, which are free, in the region Asia Pacific. `authorization` is `Bearer` and the API key.
    #[must_use]
    pub fn new(sub_account: SubAccount, mut authorization: HeaderValue, client: C) -> Self {
        authorization.set_sensitive(true);
        let (region, kind) = (Region::default(), LookupKind::default());
        Self {
            client,
            settings: Arc::new(Settings { sub_account, authorization, region, kind }),
            cache: Arc::default(),
            admission: Arc::default(),
            body: PhantomData,
        }
    }

    /// How much is asked for.
    #[must_use]
    pub fn with_kind(mut self, kind: LookupKind) -> Self {
        Arc::make_mut(&mut self.settings).kind = kind;
        self
    }

    /// The region of the account.
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        Arc::make_mut(&mut self.settings).region = region;
        self
    }

    /// How many numbers are asked for in a minute; 60 by default. Of more than that nothing is known.
    #[must_use]
    pub fn with_per_minute(mut self, lookups: NonZeroU32) -> Self {
        self.admission = Arc::new(Admission::new(lookups.get()));
        self
    }
}

impl<C, B, R> NumberIntelligence for NumberLookup<C, B>
where
    C: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    C::Future: Send + 'static,
    C::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    B: From<Bytes> + Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    fn facts(&self, number: &Number, now: Duration) -> Step<Facts> {
        let digits = number.digits();
        if let Some(facts) = self.cache.known(digits, now) {
            tell("remembered");
            return Step::Now(facts);
        }
        let permit = match self.admission.admit(now) {
            Ok(permit) => permit,
            Err(why) => {
                tell(why);
                return Step::Now(Facts::default());
            }
        };
        let Ok(request) = self.settings.request(digits) else {
            tell("failed");
            return Step::Now(Facts::default());
        };
        let (client, cache) = (self.client.clone(), Arc::clone(&self.cache));
        Step::Later(Box::pin(async move {
            let _permit = permit;
            match tokio::time::timeout(LIMIT, ask(client, request, digits)).await {
                Ok(Ok(answer)) => learn(answer, &cache, digits, now),
                Ok(Err(why)) => {
                    // Not what the client says: that may have the URL in it, and so the number.
                    tracing::warn!(why, "Number Lookup gives no answer");
                    tell("failed");
                    Facts::default()
                }
                Err(_) => {
                    tell("too_slow");
                    Facts::default()
                }
            }
        }))
    }
}

impl Settings {
    fn request<B: From<Bytes>>(&self, digits: u64) -> Result<Request<B>, http::Error> {
        let mut request = Request::new(B::from(Bytes::new()));
        *request.uri_mut() = self.kind.uri(self.region, &self.sub_account, digits)?;
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

async fn ask<C, B, R>(mut client: C, request: Request<B>, digits: u64) -> Result<LookupAnswer, &'static str>
where
    C: Service<Request<B>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes>,
{
    poll_fn(|cx| client.poll_ready(cx)).await.map_err(|_| "the client is not ready")?;
    let response = client.call(request).await.map_err(|_| "the client failed")?;
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err("8x8 does not take the API key"),
        StatusCode::BAD_REQUEST => return Err("8x8 does not take the subaccount or the number"),
        StatusCode::TOO_MANY_REQUESTS => return Err("8x8 was asked too often"),
        _ => return Err("another status than 200"),
    }
    let bytes = whole::read(body).await.ok_or("its body is broken, or longer than 64 KiB")?;
    LookupAnswer::read(&bytes, digits).ok_or("it is not understood, or about another number")
}

/// Takes what an answer says, and remembers it where it will be true for a while.
fn learn(answer: LookupAnswer, cache: &Cache, digits: u64, now: Duration) -> Facts {
    let (failed, sim) = (answer.failed, answer.sim);
    let facts = facts(answer);
    match failed {
        Some(failed) => {
            tracing::warn!(why = %failed, "Number Lookup comes to nothing");
            tell("failed");
        }
        None => {
            let remembered = if sim.is_some() { SIM_REMEMBERED } else { REMEMBERED };
            cache.keep(digits, &facts, now.saturating_add(remembered));
            tell("known");
        }
    }
    facts
}

fn facts(answer: LookupAnswer) -> Facts {
    let country = |code: Option<String>| code.and_then(|code| code.parse().ok());
    Facts {
        line_type: answer.phone_type.and_then(line_type),
        country: country(answer.country),
        operator: answer.operator.map(|operator| Operator {
            mcc: operator.mcc,
            mnc: operator.mnc,
            name: operator.name,
            country: country(operator.country),
        }),
        ported: answer.ported,
        roaming: answer.roaming,
        presence: answer.presence,
        sim: answer.sim.and_then(|fault| match fault {
            SimFault::Offline => Some(Sim::Offline),
            SimFault::Deactivated => Some(Sim::Deactivated),
            _ => None,
        }),
    }
}

fn line_type(kind: PhoneType) -> Option<NumberType> {
    Some(match kind {
        PhoneType::Uan => NumberType::UniversalAccess,
        PhoneType::FixedLine => NumberType::FixedLine,
        PhoneType::Mobile | PhoneType::FixedLineOrMobile => NumberType::Mobile,
        PhoneType::TollFree => NumberType::TollFree,
        PhoneType::PremiumRate => NumberType::Premium,
        PhoneType::SharedCost => NumberType::SharedCost,
        PhoneType::VoIp => NumberType::Voip,
        PhoneType::PersonalNumber => NumberType::Personal,
        PhoneType::Pager => NumberType::Pager,
        PhoneType::Voicemail => NumberType::Voicemail,
        PhoneType::Unknown => NumberType::Unknown,
        _ => return None,
    })
}

fn tell(result: &'static str) {
    metrics::counter!("tollgate_pump_guard_lookups_total", "result" => result).increment(1);
}

/// Without the API key.
impl<C, B> fmt::Debug for NumberLookup<C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NumberLookup")
            .field("sub_account", &self.settings.sub_account)
            .field("region", &self.settings.region)
            .field("kind", &self.settings.kind)
            .finish_non_exhaustive()
    }
}
