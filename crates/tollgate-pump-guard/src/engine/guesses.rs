use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use super::budget::ClientCell;
use super::event::Event;
use super::fade::{HOUR, fade};
use super::numbers::NumberCell;
use super::policy::{Mode, PolicyError};
use super::record::record;
use super::shared::Flood;
use super::state::{State, seconds};
use super::under_way::Keys;
use super::{Action, Charge, Policy, Profile, Reason, Signal, Verdict, clients};

/// How many wrong codes a number takes, over all its codes and sessions: a guess in ten thousand, made often enough,
/// is right.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GuessesPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Within 24 hours: 1 to 200.
    pub per_day: u8,
    /// Since the last right code, however long that takes: 1 to 200 (NIST SP 800-63B 3.2.2: at most 100).
    pub in_a_row: u8,
    /// Of one client within about a day, whatever the numbers: 1 to 10,000. A fifth of those that verified in a week is
    /// on top.
    pub per_client: f32,
    /// Of everybody within about an hour, whatever the numbers: 1 to 1,000,000, or four times the right codes where that
    /// is more. Beyond that, a number has one try.
    pub per_hour: f32,
}

/// Four wrong codes to one that is right: people are far from that, and whoever guesses is far beyond it.
const WRONG_TO_RIGHT: f32 = 4.0;

/// When checks that are under way will be answered, more or less.
const ANSWERED: Duration = Duration::from_secs(1);

/// 10 a day, 100 in a row; 30 of a client, 200 of everybody.
impl Default for GuessesPolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, per_day: 10, in_a_row: 100, per_client: 30.0, per_hour: 200.0 }
    }
}

impl GuessesPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        for (field, value) in
            [("code_guesses.per_day", self.per_day), ("code_guesses.in_a_row", self.in_a_row)]
        {
            if !(1..=200).contains(&value) {
                return Err(PolicyError { field, value: value.to_string(), remedy: "not within 1 to 200" });
            }
        }
        if !(1.0..=10_000.0).contains(&self.per_client) {
            let (field, value) = ("code_guesses.per_client", self.per_client.to_string());
            return Err(PolicyError { field, value, remedy: "not within 1 to 10000" });
        }
        if !(1.0..=1_000_000.0).contains(&self.per_hour) {
            let (field, value) = ("code_guesses.per_hour", self.per_hour.to_string());
            return Err(PolicyError { field, value, remedy: "not within 1 to 1000000" });
        }
        Ok(())
    }

    /// Judges a number of which so many code checks are under way.
    pub(super) fn judge(
        &self,
        cell: &NumberCell,
        number: impl Display,
        under_way: u32,
        now: u32,
    ) -> Option<Reason> {
        let (today, in_a_row) = (cell.wrong_today(now), cell.wrong_in_a_row);
        let (evidence, wait) = if in_a_row >= self.in_a_row {
            (format!("{in_a_row} wrong codes in a row for this number ({number})"), None)
        } else if today >= self.per_day {
            let wait = Duration::from_secs(cell.wrong_for(now).into());
            (format!("{today} wrong codes for this number ({number}) within 24 hours"), Some(wait))
        } else if under_way >= u32::from((self.per_day - today).min(self.in_a_row - in_a_row)) {
            let evidence = format!(
                "{today} wrong codes for this number ({number}) within 24 hours, and {under_way} are under way"
            );
            (evidence, Some(ANSWERED))
        } else {
            return None;
        };
        self.mode.reason(Signal::CodeGuesses, 90, evidence, wait)
    }
}

impl GuessesPolicy {
    fn judge_client(&self, client: &ClientCell, under_way: u32) -> Option<Reason> {
        let limit = self.per_client + 0.2 * client.budget.verified.min(1000.0);
        let (evidence, wait) = if client.wrong >= limit {
            let wrong = client.wrong;
            let evidence =
                format!("{wrong:.0} wrong codes from this address within a day; it may give {limit:.0}");
            (evidence, Duration::from_secs(3600))
        } else if client.wrong + many(under_way) >= limit {
            let evidence = format!(
                "{:.0} wrong codes from this address within a day, and {under_way} are under way; it may give {limit:.0}",
                client.wrong
            );
            (evidence, ANSWERED)
        } else {
            return None;
        };
        self.mode.reason(Signal::CodeGuesses, 90, evidence, Some(wait))
    }

    /// A number that has a wrong code already, while too many are given everywhere: guesses at many numbers, a few at
    /// each. Never a first try. Of those under way, so many are this number's `own`, and so many there are in `all`.
    fn judge_everywhere(
        &self,
        codes: &Codes,
        cell: &NumberCell,
        number: impl Display,
        [own, all]: [u32; 2],
        now: u32,
    ) -> Option<Reason> {
        let codes = codes.at(now);
        let limit = self.per_hour.max(WRONG_TO_RIGHT * codes.right);
        let today = u32::from(cell.wrong_today(now)) + own;
        if today == 0 || codes.wrong + many(all) < limit {
            return None;
        }
        let evidence = format!(
            "{:.0} wrong codes for all numbers within the hour, beside {:.0} right ones, where {limit:.0} are borne; {today} \
             of them for this number ({number})",
            codes.wrong + many(all),
            codes.right
        );
        // Until so many of them are forgotten, or those under way are answered.
        let halves = f64::from(codes.wrong / limit).log2().max(0.0);
        let wait = Duration::from_secs_f64(f64::from(HOUR) * halves).saturating_add(Duration::from_secs(1));
        self.mode.reason(Signal::CodeGuesses, 90, evidence, Some(wait))
    }
}

#[allow(clippy::cast_precision_loss, reason = "thousands")]
fn many(under_way: u32) -> f32 {
    under_way as f32
}

/// Codes that were given for all numbers of a profile, with a half-life of an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codes {
    at: u32,
    wrong: f32,
    right: f32,
}

record!(Codes { at: u32, wrong: f32, right: f32 });

impl Codes {
    fn at(mut self, now: u32) -> Self {
        let passed = now.saturating_sub(self.at);
        (self.wrong, self.right) = (fade(self.wrong, passed, HOUR), fade(self.right, passed, HOUR));
        self.at = now;
        self
    }

    /// One of so many seconds ago.
    pub(super) fn wrong(&mut self, now: u32, age: u32) {
        *self = self.at(now);
        self.wrong += fade(1.0, age, HOUR);
    }

    pub(super) fn right(&mut self, now: u32, age: u32) {
        *self = self.at(now);
        self.right += fade(1.0, age, HOUR);
    }
}

/// Judges an attempt to check a code of this send, `None` where the session is not known. Checks that are
/// [under way](super::let_out) count as wrong codes.
///
/// The same request again, while the first is under way, is judged as if nothing were: it is the second of a double click,
/// and no guess that the first is not.
#[must_use]
pub fn judge_check(
    policy: &Policy,
    state: &mut State,
    charge: Option<&Charge>,
    client: Option<IpAddr>,
    request: Option<u64>,
    now: Duration,
) -> Verdict {
    let now = seconds(state.advance(now));
    let keys = Keys::of(state, charge, client, request);
    let is_second = state.under_way.of(keys.request) == 1;
    let under_way = |key: u64| if is_second { 0 } else { state.under_way.of(key) };
    let mut verdict = Verdict::allow();
    if let Some(charge) = charge {
        let cell = state.numbers.seen(charge.number, now);
        let number = format_args!("+{}xxx", charge.range);
        let own = under_way(keys.number);
        verdict.add(policy.guesses.judge(&cell, number, own, now));
        let (codes, all) = (&state.tenant(charge.profile).codes, under_way(keys.everybody));
        verdict.add(policy.guesses.judge_everywhere(codes, &cell, number, [own, all], now));
    }
    if keys.client != 0 {
        let client = state.client_at(charge.map_or(Profile::Otp, |charge| charge.profile), client, now);
        verdict.add(policy.guesses.judge_client(&client.unwrap_or_default(), under_way(keys.client)));
    }
    verdict.weigh(Action::Block)
}

/// Takes in a wrong code from this client, also where its session is not known.
pub fn observe_guess(state: &mut State, charge: Option<&Charge>, client: Option<IpAddr>, now: Duration) {
    let now = seconds(state.advance(now));
    let profile = charge.map_or(Profile::Otp, |charge| charge.profile);
    let [client, _] = state.client_keys(profile, client);
    state.guessed(charge, client, now);
    let flood = if charge.is_some() { Flood::Guesses } else { Flood::Blind };
    state.tell_some(flood, now, || Event::guessed(charge, client, now));
}

impl State {
    /// A wrong code, here or on another node, that was given at `then`.
    pub(super) fn guessed(&mut self, charge: Option<&Charge>, client: u64, then: u32) {
        let now = seconds(self.latest);
        // Of a send that is not known, anybody could make them up.
        if let Some(charge) = charge {
            self.wrong_code(charge, then);
        }
        if client != 0 {
            self.clients.change(client, now, |cell| {
                *cell = cell.at(now, clients::FORGOTTEN);
                cell.guessed_wrong(now.saturating_sub(then));
            });
        }
    }
}
