use std::net::IpAddr;
use std::time::Duration;

use tollgate::pump_guard::engine::Unreadable;
use tollgate::pump_guard::{Asn, Caller, Channel, Outcome, Profile, Profiles, Reading, Secret};

use super::mask::{Mask, e164};
use crate::traffic::{self, Event, Kind, LoggedOutcome, NOT_SENT};

/// What is to be written. It holds numbers in the clear, and leaves the process only as a [`Line`] has it.
pub(super) enum Entry {
    Send {
        at: Duration,
        name: Named,
        reading: Reading,
        client_ip: Option<IpAddr>,
        channel: Channel,
        profile: Profile,
        caller: Caller,
        asn: Option<Asn>,
        trap: bool,
    },
    Outcome {
        at: Duration,
        charge: u128,
        outcome: Outcome,
    },
    NotSent {
        at: Duration,
        charge: u128,
    },
    /// Nothing comes behind it.
    End,
}

/// By what a send is known.
pub(super) enum Named {
    /// By what its outcomes will name it.
    Charge(u128),
    /// By nothing: it has none.
    Count(u64),
}

/// Makes lines of entries.
#[derive(Debug)]
pub(super) struct Line {
    mask: Mask,
    clear: bool,
    /// Their names.
    profiles: Profiles,
    /// In front of the names of sends that have only a count: those of another run have them too.
    run: String,
}

impl Line {
    /// `None` where the system has no randomness.
    pub(super) fn new(mask: Mask, clear: bool, profiles: Profiles) -> Option<Self> {
        let run = u128::from_be_bytes(Secret::random()?.to_bytes());
        let run = mask.name(run);
        Some(Self { mask, clear, profiles, run })
    }

    /// Whether there was one to write.
    pub(super) fn write(&self, out: &mut Vec<u8>, entry: Entry) -> bool {
        let event = match entry {
            Entry::Send { at, name, reading, client_ip, channel, profile, caller, asn, trap } => {
                let id = match name {
                    Named::Charge(charge) => self.mask.name(charge),
                    Named::Count(count) => format!("{}-{count}", self.run),
                };
                let (destination, country) = self.destination(&reading);
                let number = match &reading {
                    Reading::Number(number) if !self.clear => Some(self.mask.hash(number)),
                    _ => None,
                };
                let send = traffic::Send {
                    id,
                    client_ip,
                    destination,
                    country,
                    channel: channel.as_str().to_owned(),
                    profile: self.profiles.name(profile).to_owned(),
                    number,
                    session: caller.session().map(|session| self.mask.text(session)),
                    user: caller.user().map(|user| self.mask.text(user)),
                    asn: asn.map(|asn| asn.0),
                    trap,
                    ..traffic::Send::default()
                };
                Event { at, kind: Kind::Send(send) }
            }
            Entry::Outcome { at, charge, outcome } => {
                let outcome = match outcome {
                    Outcome::Verified => LoggedOutcome::Verified,
                    Outcome::WrongCode => LoggedOutcome::WrongCode,
                    Outcome::Delivered => LoggedOutcome::Delivery("delivered".to_owned()),
                    Outcome::Undelivered => LoggedOutcome::Delivery("undelivered".to_owned()),
                    Outcome::Rejected => LoggedOutcome::Delivery("rejected".to_owned()),
                    // A newer guard's, that no log has a word for.
                    _ => return false,
                };
                Event { at, kind: Kind::Outcome { id: self.mask.name(charge), outcome } }
            }
            Entry::NotSent { at, charge } => {
                let outcome = LoggedOutcome::Delivery(NOT_SENT.to_owned());
                Event { at, kind: Kind::Outcome { id: self.mask.name(charge), outcome } }
            }
            Entry::End => return false,
        };
        let before = out.len();
        let written = traffic::write(out, &event).is_ok();
        if !written {
            out.truncate(before);
        }
        written
    }

    /// A destination that is judged as this one was, and the country it is national to. What is no number may be a person's
    /// with a slip in it: another text of which as little can be read stands for it.
    fn destination(&self, reading: &Reading) -> (String, Option<String>) {
        match reading {
            Reading::Number(number) if self.clear => (e164(number), None),
            Reading::Number(number) => (self.mask.permuted(number), None),
            Reading::Barred(country) if country.as_str() == "001" => ("+881".to_owned(), None),
            Reading::Barred(country) => ("0".to_owned(), Some(country.to_string())),
            Reading::Unreadable(Unreadable::Invalid) => ("+65".to_owned(), None),
            _ => ("x".to_owned(), None),
        }
    }
}
