//! The decisions: pure, without I/O or a clock of their own. The same attempts and outcomes at the same times give the
//! same verdicts.

mod actors;
mod adjacency;
mod asn;
mod attempt;
mod bill;
mod budget;
mod caller;
mod cells;
mod charge;
mod clients;
mod code_length;
mod conversion;
mod cooldown;
mod country;
mod country_surprise;
mod deltas;
mod entries;
mod event;
mod facts;
mod fade;
mod guesses;
mod heard;
mod hold;
mod honeytoken;
mod hours;
mod money;
mod number;
mod numbers;
mod observe;
mod operators;
mod packed;
mod persist;
mod places;
mod policy;
mod press;
mod price;
mod profile;
mod ranges;
mod rate;
mod record;
mod resends;
mod sends;
mod shape;
mod shared;
mod sketch;
mod spend;
mod state;
mod surprise;
mod tenants;
mod times;
mod timing;
mod under_way;
mod verdict;

use std::time::Duration;

pub use actors::ActorsPolicy;
pub use adjacency::AdjacencyPolicy;
pub use attempt::{Attempt, Channel, Charge, Outcome};
pub use caller::{Asn, Caller, UsersPolicy};
pub use charge::forget;
pub use clients::ClientsPolicy;
pub use code_length::CodeLengthPolicy;
pub use conversion::ConversionPolicy;
pub use cooldown::CooldownPolicy;
pub use country::{Country, CountryError, CountryPolicy};
pub use country_surprise::CountrySurprisePolicy;
pub use deltas::Deltas;
pub use entries::{Entry, EntryAction, Matcher};
pub use facts::{Facts, LookupPolicy, Operator, Sim};
pub use guesses::{GuessesPolicy, judge_check, observe_guess};
pub use honeytoken::HoneytokenPolicy;
pub use money::Money;
pub use number::{Number, NumberType, Reading, Unreadable};
pub use observe::observe;
pub use operators::Operators;
pub use persist::{Changes, Secret};
pub use places::{PlacePolicy, PlacesPolicy};
pub use policy::{BatchPolicy, Mode, Policy, PolicyError, Preset, ShapePolicy, Shift};
pub use price::{PriceTable, Prices};
pub(crate) use profile::MOST as MOST_PROFILES;
pub use profile::{OwnProfile, Profile};
pub use rate::RatePolicy;
pub use resends::ResendPolicy;
pub use sends::{last_send, track, tracked};
pub use shared::{Absorbed, Node, await_id, await_number};
pub use spend::SpendPolicy;
pub(crate) use state::press_key;
pub use state::{State, number_key};
pub use surprise::SurprisePolicy;
pub use timing::TimingPolicy;
pub use under_way::{Guess, let_out, take_back};
pub use verdict::{Action, Reason, Signal, Verdict};

use charge::Passing;
use conversion::{HOME, Stopped};
pub(crate) use number::warm_up;
use ranges::{COARSE, PEOPLE};
use rate::Rank;
use state::Seen;

/// From this score on, an attempt is doubtful: it is shifted or challenged.
pub const CHALLENGE_AT: u8 = 50;

/// From this score on, an attempt is stopped.
pub const BLOCK_AT: u8 = 80;

/// From this score on, and up to [`BLOCK_AT`], it is worth asking what is known of the number.
pub const UNCERTAIN_FROM: u8 = 30;

/// Within how many seconds a second press of the same button is the first one's.
const SAME_PRESS: u32 = 10;

/// Judges an attempt at `now` (time since any fixed moment) and, where it goes out, remembers it.
///
/// It goes out when the verdict allows or shifts it, or the policy only monitors. Then there is a charge, to which
/// outcomes are [`observe`]d, and which [`forget`] takes back.
pub fn decide(
    policy: &Policy,
    state: &mut State,
    attempt: &Attempt,
    now: Duration,
) -> (Verdict, Option<Charge>) {
    let now = state.advance(now);
    let Judged { mut verdict, seen, stopped, rank } = judge(policy, state, attempt, now);
    if let Some(rank) = rank {
        verdict = keep_rate(policy, state, attempt, verdict, rank, now);
    }
    let Some(seen) = seen else { return (verdict, None) };
    if verdict.repeat {
        state.pressed_again(&seen);
        return (verdict, None);
    }
    let passing = passing(policy, &verdict);
    if attempt.profile.is_campaign() {
        let charge =
            (passing != Passing::Stopped).then(|| state.charge_money(policy, &seen, attempt, passing, now));
        return (verdict, charge);
    }
    if passing != Passing::Sent && verdict.is_about_strangers() {
        state.press(policy, &seen, attempt.profile, stopped);
    }
    let charge = (passing != Passing::Stopped).then(|| state.charge(policy, &seen, attempt, passing, now));
    (verdict, charge)
}

fn passing(policy: &Policy, verdict: &Verdict) -> Passing {
    match verdict.action {
        _ if policy.mode != Mode::Enforce => Passing::Sent,
        Action::Allow => Passing::Sent,
        Action::Shift(channel) => Passing::Shifted(channel),
        Action::Challenge | Action::Block => Passing::Stopped,
    }
}

/// What everything of the profile cost within the day.
fn judge_day(policy: &Policy, state: &State, seen: &Seen<'_>, profile: Profile) -> Option<Reason> {
    let bill = seen.bill.as_ref()?;
    let unheard = state.unheard(profile, bill.price);
    policy.spend.judge_day(&state.tenant(profile).day, bill, unheard, seen.exempt(), seen.now)
}

/// Whether to ask what is known of the attempt's number before it is [decided](decide): its score is neither harmless nor
/// one that stops it. Remembers nothing.
#[must_use]
pub fn is_uncertain(policy: &Policy, state: &State, attempt: &Attempt, now: Duration) -> bool {
    let asks = policy.mode == Mode::Enforce && policy.lookup.mode != Mode::Off;
    if !asks || attempt.facts.is_some() || attempt.profile.is_campaign() {
        return false;
    }
    let judged = judge(policy, state, attempt, state.latest.max(now));
    judged.seen.is_some() && (UNCERTAIN_FROM..BLOCK_AT).contains(&judged.verdict.score)
}

/// What is said of an attempt, and what it was said by; `seen` is missing where memory has no part in it, `rank` where
/// 8x8's rate has none.
struct Judged<'a> {
    verdict: Verdict,
    seen: Option<Seen<'a>>,
    stopped: u8,
    rank: Option<Rank>,
}

fn judge<'a>(policy: &'a Policy, state: &State, attempt: &'a Attempt, now: Duration) -> Judged<'a> {
    let without = |verdict, rank| Judged { verdict, seen: None, stopped: 0, rank };
    let mut verdict = hard_rules(policy, &attempt.reading);
    let step_up = step_up(policy, attempt);
    let Reading::Number(number) = &attempt.reading else { return without(verdict.weigh(step_up), None) };
    let by_hand = entries::judge(&policy.entries, &policy.operators, attempt, number, now);
    let allowed = matches!(by_hand, Some((EntryAction::Allow, _)));
    verdict.add(by_hand.and_then(|(_, reason)| reason));
    // A campaign is the sender's own: how many go where is his business, and only what they cost is limited.
    let campaign = attempt.profile.is_campaign();
    if campaign && !(policy.spend.caps() && policy.prices.is_some()) {
        return without(verdict.weigh(step_up), Some(campaign_rank(allowed)));
    }
    let seen = Seen::of(policy, state, attempt, number, state::seconds(now));
    if campaign {
        verdict.add(judge_day(policy, state, &seen, attempt.profile));
        let rank = Some(campaign_rank(allowed));
        return Judged { verdict: verdict.weigh(step_up), seen: Some(seen), stopped: 0, rank };
    }
    if !verdict.reasons.iter().any(|reason| reason.enforced && reason.score >= CHALLENGE_AT)
        && let Some(again) = same_press(policy, &seen)
    {
        return Judged { verdict: again, seen: Some(seen), stopped: 0, rank: None };
    }
    if let Some(facts) = &attempt.facts {
        verdict.reasons.extend(policy.lookup.judge(facts, number));
    }
    // Where no outcomes are reported, nobody is known to be a stranger.
    let known = seen.confirmed.is_some() || !seen.armed;
    verdict.add(policy.cooldown.judge(&seen.cell, number, known, seen.now));
    verdict.add(policy.guesses.judge(&seen.cell, number, 0, seen.now));
    verdict.add(judge_day(policy, state, &seen, attempt.profile));
    let stopped =
        if allowed || seen.exempt() { 0 } else { judge_strangers(policy, &seen, attempt, &mut verdict) };
    let verdict = verdict.weigh(step_up);
    let rank = match verdict.score {
        _ if allowed || seen.exempt() => Rank::Known,
        0 => Rank::Stranger,
        _ => Rank::Doubtful,
    };
    Judged { verdict, seen: Some(seen), stopped, rank: Some(rank) }
}

const fn campaign_rank(allowed: bool) -> Rank {
    if allowed { Rank::Known } else { Rank::Stranger }
}

/// Stops what would go out where 8x8 takes no more of its kind within this second, and counts what goes.
fn keep_rate(
    policy: &Policy,
    state: &mut State,
    attempt: &Attempt,
    mut verdict: Verdict,
    rank: Rank,
    now: Duration,
) -> Verdict {
    let goes = |verdict: &Verdict| matches!(verdict.action, Action::Allow | Action::Shift(_));
    if attempt.batched {
        return verdict;
    }
    if goes(&verdict)
        && let Some(reason) = policy.rate.judge(&state.rate, rank, now)
    {
        verdict.add(Some(reason));
        verdict = verdict.weigh(step_up(policy, attempt));
    }
    if goes(&verdict) || policy.mode != Mode::Enforce {
        state.rate.sent(now);
    }
    verdict
}

/// What becomes of the attempt where it is doubtful.
fn step_up(policy: &Policy, attempt: &Attempt) -> Action {
    if attempt.proven { Action::Allow } else { policy.step_up(attempt) }
}

/// What strangers of its ranges, its place and its client do. Says at which levels of ranges it is stopped (bits).
fn judge_strangers(policy: &Policy, seen: &Seen<'_>, attempt: &Attempt, verdict: &mut Verdict) -> u8 {
    let mut stopped = Stopped::default();
    if seen.confirmed.is_none() {
        verdict.add(policy.actors.judge(seen));
        let reason;
        (reason, stopped) = policy.conversion.judge(seen);
        verdict.add(reason);
        verdict.add(policy.adjacency.judge(seen));
        verdict.add(policy.resends.judge(seen));
        verdict.add(policy.timing.judge(seen));
        verdict.add(policy.spend.judge_ranges(seen));
        verdict.add(policy.spend.judge_country(seen));
        verdict.add(policy.honeytoken.judge(attempt));
        let [client, _] = &seen.clients;
        if seen.armed {
            verdict.add(policy.clients.judge(&seen.clients));
            verdict.add(policy.users.judge(seen));
            verdict.add(asn::judge(&policy.asn, seen));
            let country = seen.number.country().index();
            verdict.add(policy.clients.judge_countries(client.as_ref(), country, seen.now));
            if stopped.probes == 0 {
                judge_places(policy, seen, verdict);
                verdict.add(operators::judge(&policy.operator_share, seen));
            }
        }
    }
    if stopped.probes == 0 {
        verdict.add(policy.country_surprise.judge(seen));
    }
    let (reason, levels) = policy.surprise.judge(seen);
    verdict.add(reason);
    stopped.levels | levels
}

/// Strangers of a place in which strangers do not verify. Where people of the number's own range have, it passes; and
/// where so many of one range were stopped that something could be learned from one of them, one passes.
fn judge_places(policy: &Policy, seen: &Seen<'_>, verdict: &mut Verdict) {
    let (places, now) = (&policy.places, seen.now);
    let ranges = || seen.ranges().filter(|(level, _)| *level < COARSE);
    let people = seen.doubt < 2.0 && ranges().any(|(_, range)| range.verified >= PEOPLE);
    // At home there are people in every range to learn from.
    let widest = ranges().last().filter(|_| seen.country.verified < HOME);
    let learns = widest.is_some_and(|(_, range)| range.stopped >= 3.0 && range.owed() < 0.5);
    if people || learns || seen.is_vouched_for() {
        return;
    }
    if seen.country_is_new() {
        verdict.add(places.new_country.judge_new(seen.number.country(), &seen.new, now));
    } else {
        let name = seen.number.country();
        verdict.add(places.country.judge(Signal::CountryConversion, name.as_str(), &seen.country, now));
    }
    verdict.add(places.breaker.judge(Signal::Breaker, "all countries", &seen.world, now));
}

/// The same client for the same number within seconds: no other message, but the first one's answer.
fn same_press(policy: &Policy, seen: &Seen<'_>) -> Option<Verdict> {
    let last = seen.cell.sends(seen.now).next()?;
    let ago = seen.now.saturating_sub(last);
    // Once, of the first message: whoever goes on pressing meets the cool-down.
    let first = seen.cell.sends(seen.now).nth(1).is_none() && seen.cell.repeats == 0;
    let same = ago < SAME_PRESS && seen.cell.asked_last(seen.actor()) && first;
    if !same || policy.cooldown.mode != Mode::Enforce || policy.mode != Mode::Enforce {
        return None;
    }
    let mut verdict = Verdict::allow();
    verdict.repeat = true;
    let evidence =
        format!("asked for again by the same client after {ago} s: the first answer again, no other message");
    verdict.add(Mode::Monitor.reason(Signal::NumberCooldown, 0, evidence, None));
    Some(verdict)
}

/// The rules that need no memory: what a number is and where.
#[must_use]
pub fn hard_rules(policy: &Policy, reading: &Reading) -> Verdict {
    let mut verdict = Verdict::allow();
    verdict.add(policy.shape.judge(reading));
    verdict.add(policy.country.judge(reading));
    verdict
}

#[cfg(test)]
#[path = "engine/memory_tests.rs"]
mod memory_tests;

#[cfg(test)]
#[path = "engine/strangers_tests.rs"]
mod strangers_tests;

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;
