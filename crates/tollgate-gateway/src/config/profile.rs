//! `[pump_guard.profile.NAME]`: use cases that are judged by themselves.

use serde::{Deserialize, Serialize};
use tollgate::eight::Endpoint;
use tollgate::pump_guard::{Dispatches, Policy, Profile as Known, Profiles};
use toml::{Table, Value};

use super::{Problems, PumpGuard};

/// One profile; what it leaves out is `[pump_guard]`'s.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Profile {
    /// Whose rules it has. Default: its own name's, of a built-in one; else it has to be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<Like>,
    /// Dispatches of these subaccounts belong to it; empty: of every one.
    pub subaccounts: Vec<String>,
    /// Dispatches to these endpoints do; empty: to every one.
    pub endpoints: Vec<String>,
    /// The keys of `[pump_guard]` that are others here.
    #[serde(flatten)]
    pub overrides: Table,
}

/// The profiles that there always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Like {
    /// A stranger's button.
    Otp,
    /// Messages to people the sender knows.
    Notification,
    /// The sender's own batches.
    Campaign,
}

/// What is one for the whole guard.
const GLOBAL: [&str; 3] = ["mode", "memory", "profile"];

impl Like {
    fn profile(self) -> Known {
        match self {
            Self::Otp => Known::Otp,
            Self::Notification => Known::Notification,
            Self::Campaign => Known::Campaign,
        }
    }
}

impl PumpGuard {
    /// The policy it means, and that of each profile.
    pub(crate) fn profiles(&self, problems: &mut Problems) -> (Policy, Profiles) {
        let before = problems.0.len();
        let policy = self.policy(problems);
        let mut profiles = Profiles::new(policy.clone());
        // What is wrong in it is wrong in all of them.
        if problems.0.len() == before {
            for (name, profile) in &self.profile {
                self.add(&mut profiles, name, profile, problems);
            }
        }
        (policy, profiles)
    }

    fn add(&self, profiles: &mut Profiles, name: &str, profile: &Profile, problems: &mut Problems) {
        let field = format!("pump_guard.profile.{name}");
        let Some(guard) = self.overridden(&field, profile, problems) else { return };
        guard.number_lookup.check_beside(&self.number_lookup, &field, problems);
        let mut found = Problems::default();
        let policy = guard.policy(&mut found);
        for mut problem in found.0 {
            problem.field = problem.field.replacen("pump_guard", &field, 1);
            problems.0.push(problem);
        }
        let built_in = Known::BUILT_IN.into_iter().find(|known| profiles.named(name) == Some(*known));
        let added = match (built_in, profile.like) {
            (Some(known), like) if like.is_none_or(|like| like.profile() == known) => {
                profiles.set_policy(known, policy).map(|()| known)
            }
            (Some(_), _) => {
                problems.add(
                    format!("{field}.like"),
                    format!("{name} is built in and like itself: leave it out"),
                );
                return;
            }
            (None, Some(like)) => profiles.add(name, like.profile(), policy),
            (None, None) => {
                let remedy = "is missing: write \"otp\", \"notification\" or \"campaign\"";
                problems.add(format!("{field}.like"), remedy);
                return;
            }
        };
        let Some(known) = problems.take(&field, added) else { return };
        let Some(endpoints) = endpoints(&field, &profile.endpoints, problems) else { return };
        let dispatches = Dispatches { subaccounts: profile.subaccounts.clone(), endpoints };
        problems.take(field, profiles.assign(known, dispatches));
    }

    /// `[pump_guard]` with a profile's keys in the place of its own.
    fn overridden(&self, field: &str, profile: &Profile, problems: &mut Problems) -> Option<Self> {
        if let Some(global) = GLOBAL.into_iter().find(|key| profile.overrides.contains_key(*key)) {
            problems.add(format!("{field}.{global}"), "is one for the whole guard: write it in [pump_guard]");
            return None;
        }
        let mut base = problems.take(field, Table::try_from(self))?;
        base.remove("profile");
        merge(&mut base, &profile.overrides);
        base.try_into().map_err(|error| problems.refused(field, &error)).ok()
    }

    /// Each profile with all of its keys written out, as those of `[pump_guard]` are by [`filled`](Self::filled).
    pub(crate) fn filled_profiles(&mut self, profiles: &Profiles) {
        // Only a configuration that was built without problems is printed.
        let mut unheard = Problems::default();
        for (name, profile) in std::mem::take(&mut self.profile) {
            let guard = self.overridden(&name, &profile, &mut unheard);
            let known = profiles.named(&name);
            let filled = guard.zip(known).map(|(guard, known)| guard.filled(profiles.policy(known)));
            let overrides = filled.and_then(|filled| Table::try_from(filled).ok());
            let overrides = overrides.map_or(profile.overrides, |mut table| {
                GLOBAL.into_iter().for_each(|key| drop(table.remove(key)));
                table.iter_mut().for_each(|(_, value)| shorten(value));
                table
            });
            self.profile.insert(name, Profile { overrides, ..profile });
        }
    }
}

fn endpoints(field: &str, names: &[String], problems: &mut Problems) -> Option<Vec<Endpoint>> {
    let known = Endpoint::DISPATCHES.map(Endpoint::as_str).join(", ");
    let each = names.iter().enumerate().map(|(i, name)| {
        let found = Endpoint::named(name).filter(|endpoint| endpoint.is_dispatch());
        let found = found.ok_or_else(|| format!("{name:?} is no endpoint that sends: known are {known}"));
        problems.take(format!("{field}.endpoints[{i}]"), found)
    });
    let each: Vec<_> = each.collect();
    each.into_iter().collect()
}

/// Puts `over` into `base`, key by key; lists whole.
fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

/// Numbers that were given with 32 bits, as short as they were given.
fn shorten(value: &mut Value) {
    match value {
        Value::Float(float) => {
            #[allow(clippy::cast_possible_truncation, reason = "what does not come back the same stays")]
            let single = *float as f32;
            if f64::from(single).to_bits() == float.to_bits()
                && let Ok(short) = single.to_string().parse()
            {
                *float = short;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| shorten(value)),
        _ => {}
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
