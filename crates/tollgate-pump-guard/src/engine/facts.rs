//! `number_lookup`: what somebody else knows of a number.

use super::policy::Mode;
use super::{Country, Number, NumberType, Reason, Signal, shape};

/// What is known of a number, as far as it is: [`intelligence`](crate::intelligence).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// What it is for.
    pub line_type: Option<NumberType>,
    /// Where it is.
    pub country: Option<Country>,
    /// Whose it is now.
    pub operator: Option<Operator>,
    /// Whether it went from one operator to another.
    pub ported: Option<bool>,
    /// Whether it is in another operator's network.
    pub roaming: Option<bool>,
    /// Whether the handset is on.
    pub presence: Option<bool>,
    /// The operator's word that its SIM receives nothing.
    pub sim: Option<Sim>,
}

/// An operator, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operator {
    /// Mobile country code, three digits.
    pub mcc: Option<u16>,
    /// Mobile network code, two or three digits.
    pub mnc: Option<u16>,
    /// Its name.
    pub name: Option<String>,
    /// Where it is.
    pub country: Option<Country>,
}

/// Why a SIM receives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sim {
    /// It is in no network.
    Offline,
    /// It was deactivated.
    Deactivated,
}

/// Whether facts act, are only noted, or are neither asked for nor looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookupPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

impl LookupPolicy {
    /// Facts never speak for a number: whoever rents real ones has those too.
    pub(super) fn judge(self, facts: &Facts, number: &Number) -> impl Iterator<Item = Reason> {
        let reason = move |score, what: String| self.mode.reason(Signal::NumberLookup, score, what, None);
        let kind = facts.line_type.and_then(|kind| match shape::weigh(kind)? {
            (100, what) => reason(85, format!("{number} is {what}, as looked up")),
            // What its plan says already is not counted twice.
            _ if kind == number.kind() => None,
            (_, what) => reason(15, format!("{number} is {what}, as looked up")),
        });
        let operator = facts.operator.as_ref().and_then(|operator| operator.country);
        let elsewhere =
            operator.filter(|country| !country.shares_calling_code(number.country())).and_then(|country| {
                reason(15, format!("{number} is with an operator of {country}, not of {}", number.country()))
            });
        let sim = facts.sim.and_then(|sim| match sim {
            Sim::Offline => reason(20, format!("{number} is in no network, says its operator")),
            Sim::Deactivated => reason(20, format!("{number} has a deactivated SIM, says its operator")),
        });
        [kind, elsewhere, sim].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::*;
    use super::*;

    const SINGAPORE: &str = "+6591234567";
    const LANDLINE: &str = "+442079460000";

    fn attempt(destination: &str, facts: Facts) -> Attempt {
        let mut attempt = Attempt::new(Reading::of(destination, None, |_| false), Profile::Otp);
        attempt.facts = Some(facts);
        attempt
    }

    fn judged(policy: &Policy, destination: &str, facts: Facts) -> Verdict {
        let mut state = State::seeded(1 << 20, 7);
        decide(policy, &mut state, &attempt(destination, facts), Duration::from_secs(5)).0
    }

    fn of_type(kind: NumberType) -> Facts {
        Facts { line_type: Some(kind), ..Facts::default() }
    }

    fn with_operator_of(country: &str) -> Facts {
        let operator = Operator { country: Some(country.parse().unwrap()), ..Operator::default() };
        Facts { operator: Some(operator), ..Facts::default() }
    }

    #[test]
    fn what_receives_no_codes_is_blocked_whatever_the_plan_says() {
        for kind in [
            NumberType::Premium,
            NumberType::SharedCost,
            NumberType::TollFree,
            NumberType::Pager,
            NumberType::Voicemail,
            NumberType::UniversalAccess,
        ] {
            let verdict = judged(&Policy::default(), SINGAPORE, of_type(kind));
            assert_eq!((verdict.action, verdict.score), (Action::Block, 85), "{kind:?}");
            assert_eq!(verdict.main_reason().map(|reason| reason.signal), Some(Signal::NumberLookup));
            assert!(!verdict.is_about_strangers());
        }
    }

    #[test]
    fn what_seldom_does_adds_to_others_and_makes_nothing_doubtful_by_itself() {
        let worst = Facts {
            line_type: Some(NumberType::Voip),
            sim: Some(Sim::Deactivated),
            ..with_operator_of("ID")
        };
        let verdict = judged(&Policy::default(), LANDLINE, worst);
        assert_eq!((verdict.action, verdict.score, verdict.reasons.len()), (Action::Allow, 49, 4));
        // The same word twice is one.
        assert_eq!(judged(&Policy::default(), LANDLINE, of_type(NumberType::FixedLine)).score, 30);
        assert_eq!(judged(&Policy::default(), SINGAPORE, of_type(NumberType::Unknown)).score, 15);
        assert_eq!(judged(&Policy::default(), SINGAPORE, of_type(NumberType::Mobile)), Verdict::allow());
        assert_eq!(judged(&Policy::default(), SINGAPORE, Facts::default()), Verdict::allow());
    }

    #[test]
    fn an_operator_of_another_country_counts_but_not_one_that_shares_the_calling_code() {
        assert_eq!(judged(&Policy::default(), SINGAPORE, with_operator_of("MY")).score, 15);
        assert_eq!(judged(&Policy::default(), SINGAPORE, with_operator_of("SG")).score, 0);
        // Jersey's numbers are with British operators, Canada's with American ones.
        assert_eq!(judged(&Policy::default(), "+447797123456", with_operator_of("GB")).score, 0);
        assert_eq!(judged(&Policy::default(), "+14165550123", with_operator_of("US")).score, 0);
    }

    #[test]
    fn monitored_facts_are_noted_and_facts_of_a_policy_without_them_are_not_looked_at() {
        let mut policy = Policy::default();
        policy.lookup.mode = Mode::Monitor;
        let noted = judged(&policy, SINGAPORE, of_type(NumberType::Premium));
        assert_eq!((noted.action, noted.score, noted.reasons.len()), (Action::Allow, 0, 1));
        policy.lookup.mode = Mode::Off;
        assert_eq!(judged(&policy, SINGAPORE, of_type(NumberType::Premium)), Verdict::allow());
    }

    #[test]
    fn only_what_is_between_harmless_and_stopped_is_uncertain() {
        let uncertain = |policy: &Policy, destination: &str, profile| {
            let attempt = Attempt::new(Reading::of(destination, None, |_| false), profile);
            is_uncertain(policy, &State::seeded(1 << 20, 7), &attempt, Duration::from_secs(5))
        };
        let mut policy = Policy::default();
        assert!(uncertain(&policy, LANDLINE, Profile::Otp));
        for destination in [SINGAPORE, "+19002345678", "garbage", "+999", "+881612345678"] {
            assert!(!uncertain(&policy, destination, Profile::Otp), "{destination}");
        }
        assert!(!uncertain(&policy, LANDLINE, Profile::Campaign));
        policy.mode = Mode::Monitor;
        assert!(!uncertain(&policy, LANDLINE, Profile::Otp));
        policy = Policy::default();
        policy.lookup.mode = Mode::Off;
        assert!(!uncertain(&policy, LANDLINE, Profile::Otp));
        policy = Policy::default();
        policy.country.deny.insert("GB".parse().unwrap());
        assert!(!uncertain(&policy, LANDLINE, Profile::Otp));
        let known = attempt(LANDLINE, Facts::default());
        assert!(!is_uncertain(
            &Policy::default(),
            &State::seeded(1 << 20, 7),
            &known,
            Duration::from_secs(5)
        ));
    }

    #[test]
    fn to_look_whether_it_is_uncertain_changes_nothing() {
        let policy = Policy::default();
        let mut states = [State::seeded(1 << 20, 7), State::seeded(1 << 20, 7)];
        for n in 0..60 {
            let number = format!("+44207946{:04}", n * 37 % 10_000);
            let attempt = Attempt::new(Reading::of(&number, None, |_| false), Profile::Otp);
            let now = Duration::from_secs(5 + n);
            let _ = is_uncertain(&policy, &states[0], &attempt, now);
            let [looked, other] = &mut states;
            let (one, two) =
                (decide(&policy, looked, &attempt, now).0, decide(&policy, other, &attempt, now).0);
            assert_eq!(one, two, "{n}");
        }
    }
}
