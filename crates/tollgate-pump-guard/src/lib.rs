//! **SmsPumpGuard**: is this message going to a person, or to a number range that pays a fraudster?
//!
//! # What it decides
//!
//! 1. Requests to other hosts, and 8x8 calls known to send nothing, pass untouched.
//! 2. A request to 8x8 that is not known, or can be read in two ways (a doubtful path, a doubled key, …), is refused.
//!    [`tollgate_8x8`] has the list.
//! 3. Of a *dispatch*, every destination is judged:
//!    * **number shape**: not readable in one way only (in every mode), not a valid number, or one that receives no codes
//!      (premium, shared-cost, toll-free, pager, satellite, …), is blocked; landlines and voice over IP are noted.
//!    * **country policy**: denied, or not among the allowed ones, is blocked; monitored ones are noted.
//!    * **number cool-down**, **number actors**: how often a number is sent to, and how many clients ask for it.
//!    * **tenant rate**: 8x8 takes 1,800 requests a second. Of those strangers may have 80 %, and doubtful ones 60 %.
//!    * **range conversion**, **range surprise**, and what adds to them: *strangers*, numbers that were never verified, of
//!      one number range that do not verify, or are far more than ever.
//!    * **new country**, **country conversion**, **breaker**, **IP budget**: strangers of a place or of a client that do
//!      not verify. Places make a message doubtful at most.
//!    * **spend velocity**: what strangers of a range and of a country cost that do not verify, and a cap on what
//!      everything costs within a day. Silent without [`Prices`].
//! 4. What is doubtful goes over a channel that pays no number range where there is one ([`Shift`]), else it is challenged
//!    ([`challenge`]); what is beyond doubt is blocked. Stops end: see [`engine`].
//! 5. What becomes of messages is read from 8x8's answers as they pass ([`Learned`]), or told by the app
//!    ([`PumpGuard::verified`], [`PumpGuard::observe_id`]). Signals that need outcomes arm themselves once ten people have
//!    verified.
//! 6. Code checks: wrong codes are limited by number, over all its codes, by client, and everywhere.
//! 7. Each dispatch is of a *profile* ([`Profiles`]): `otp`, `notification`, `campaign`, or one of your own. Each has a
//!    policy and a memory of its own, and nothing learned in one says anything in another.
//! 8. A batch is a campaign of the sender's own, not a stranger pressing a button: for it only number shape,
//!    country and the day's cap on money hold. One bad recipient refuses the whole batch, or it is sent without the bad ones ([`BatchPolicy`],
//!    [`NotSent`]); the answer lists which and why.
//! 9. Every verdict has a score from 0 to 100 and reasons with what was measured. What was stopped never counts as
//!    unverified, nor what a layer further in or 8x8 refused (400, 401, 403, 429, …).
//! 10. A second press of the same button within ten seconds gets the first answer again, and no other message goes out.
//! 11. Of doubtful numbers somebody can be asked who knows more ([`intelligence`]).
//! 12. [`Mode::Monitor`] decides and records only, for the guard or for one signal. (What cannot be read is refused in
//!     that mode too: its body cannot be given back.)
//! 13. Where asked to, it makes short codes longer or refuses them ([`CodeLengthPolicy`]), and answers what it blocks as
//!     if it had been sent ([`Decoy`]).
//! 14. An app whose trap for machines caught a form says so ([`Honeytoken`], [`Attempt::trapped`]). It adds to what else
//!     speaks against a stranger, and stops nobody alone.
//!
//! The rules are the pure [`engine`]; [`PumpGuard`] adds the clock and the memory, [`SmsPumpGuardLayer`] the request.
//!
//! # Caveats
//!
//! * The memory is of fixed size, 32 MiB by default ([`State::new`]), and begins empty. [`PumpGuard::changes`] and
//!   [`PumpGuard::with_state`] carry it over a restart. An [`Observer`] is told what is judged and learned, to be written
//!   down and replayed.
//! * A number without `+` beside a `country` can be a national and an international one; which of them 8x8 takes is not
//!   documented. Where both are valid and differ it is refused: send `+` and the calling code.
//! * Number metadata is loaded country by country, up to some 150 MB when all were asked for. Countries that are not
//!   sent to are not loaded.
//! * Batches are not counted, but for what they cost: an app that lets strangers fill batches says so with [`Profile::Otp`].
//! * An answer is learned from once its body has been read to the end.
//!
//! # Examples
//!
//! By default, around an outbound client:
//!
//! ```
//! use tollgate_pump_guard::SmsPumpGuardLayer;
//! use tower_layer::Layer;
//! # let client = tower::service_fn(|_: http::Request<http_body_util::Full<bytes::Bytes>>| async {
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
//! # });
//! let service = SmsPumpGuardLayer::default().layer(client);
//! ```
//!
//! In front of a route of the app's own: [`RouteGuardLayer`]. Configured, and asked by a handler whose body no layer can read:
//!
//! ```
//! use tollgate_pump_guard::{Action, Mode, Policy, Preset, Profile, PumpGuard};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut policy = Policy::preset(Preset::Strict);
//! policy.country.deny.insert("TN".parse()?);
//! policy.surprise.mode = Mode::Monitor;
//! let guard = PumpGuard::new(policy)?;
//!
//! let attempt = guard.attempt("+216 20 123 456", None, Profile::Otp);
//! let verdict = guard.check(&attempt).await;
//! assert_eq!(verdict.action, Action::Block);
//! assert_eq!(verdict.reasons[0].to_string(), "country_policy: TN is denied");
//! # Ok(())
//! # }
//! ```

pub mod challenge;
mod checking;
mod code_length;
mod decoy;
pub mod engine;
#[cfg(feature = "feedback")]
mod feedback;
mod future;
mod guard;
#[cfg(test)]
mod guess_tests;
mod honeytoken;
pub mod intelligence;
mod judging;
mod known;
mod layer;
mod learning;
mod messages;
mod not_sent;
mod observer;
#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod partial_tests;
mod pass;
#[cfg(test)]
mod pass_tests;
mod profiles;
mod proof;
mod refuse;
mod repeats;
mod service;
mod serving;
mod step;
#[cfg(test)]
mod testing;
#[cfg(any(feature = "siteverify", feature = "number-lookup"))]
mod whole;

pub use decoy::Decoy;
pub use engine::{
    Absorbed, Action, ActorsPolicy, AdjacencyPolicy, Asn, Attempt, BatchPolicy, Caller, Changes, Channel,
    Charge, ClientsPolicy, CodeLengthPolicy, ConversionPolicy, CooldownPolicy, Country, CountryError,
    CountryPolicy, CountrySurprisePolicy, Deltas, Entry, EntryAction, Facts, GuessesPolicy, HoneytokenPolicy,
    LookupPolicy, Matcher, Mode, Money, Node, Number, Operator, Operators, Outcome, OwnProfile, PlacePolicy,
    PlacesPolicy, Policy, PolicyError, Preset, PriceTable, Prices, Profile, RatePolicy, Reading, Reason,
    ResendPolicy, Secret, ShapePolicy, Shift, Signal, Sim, SpendPolicy, State, SurprisePolicy, TimingPolicy,
    UsersPolicy, Verdict,
};
#[cfg(feature = "feedback")]
pub use feedback::{Feedback, FeedbackError};
pub use future::ResponseFuture;
pub use guard::PumpGuard;
pub use honeytoken::Honeytoken;
pub use judging::Judging;
pub use layer::SmsPumpGuardLayer;
pub use learning::Learned;
pub use not_sent::NotSent;
pub use observer::Observer;
pub use pass::{Pass, WithPass};
pub use profiles::{Dispatches, ProfileError, Profiles};
pub use service::SmsPumpGuard;
pub use serving::{
    Asked, FormField, JsonField, NumberFrom, ResponseFuture as RouteResponseFuture, RouteGuard,
    RouteGuardLayer,
};
