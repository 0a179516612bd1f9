use std::fmt;
use std::sync::Arc;

use tollgate_8x8::Endpoint;

use crate::engine::{MOST_PROFILES, Mode, Policy, PolicyError, Profile};

/// The profiles there are, with what each is judged by, and which dispatches belong to which.
///
/// The first that says something decides: a [`Profile`] in the request's extensions, then the profile that a dispatch was
/// [assigned](Self::assign) to, then the endpoint (batches are [`Profile::Campaign`], everything else [`Profile::Otp`]).
///
/// ```
/// use tollgate_pump_guard::{Dispatches, Policy, Preset, Profile, Profiles, PumpGuard};
///
/// let mut profiles = Profiles::new(Policy::default());
/// let launch = profiles.add("launch", Profile::Otp, Policy::preset(Preset::Cautious))?;
/// profiles.assign(launch, Dispatches { subaccounts: vec!["acme_launch".to_owned()], endpoints: vec![] })?;
/// let guard = PumpGuard::new(profiles)?;
/// assert_eq!(guard.profiles().named("launch"), Some(launch));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Profiles {
    /// The built-in ones first, of which the first is asked for what is not known.
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    profile: Profile,
    name: Arc<str>,
    policy: Policy,
    dispatches: Option<Dispatches>,
}

/// Which dispatches belong to a profile: those of one of these subaccounts to one of these endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispatches {
    /// In any letter case; empty: of every subaccount.
    pub subaccounts: Vec<String>,
    /// Empty: to every endpoint.
    pub endpoints: Vec<Endpoint>,
}

impl Profiles {
    /// The three built-in ones, all judged by this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let known = Profile::BUILT_IN.map(|profile| Known {
            profile,
            name: profile.built_in_name().unwrap_or_default().into(),
            policy: policy.clone(),
            dispatches: None,
        });
        Self { known: known.into() }
    }

    /// Adds one of your own, with the rules of `like`: 13 at most. Its memory is kept under its name, so that it is found
    /// again whatever others come and go. The guard's mode stays what it is.
    ///
    /// # Errors
    ///
    /// The name is no name, is taken, or is one too many.
    pub fn add(&mut self, name: &str, like: Profile, policy: Policy) -> Result<Profile, ProfileError> {
        let spelled = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !spelled || !(1..=32).contains(&name.len()) {
            return Err(ProfileError(format!(
                "{name:?} is no name of a profile: write 1 to 32 of a-z, 0-9, \"-\" and \"_\""
            )));
        }
        let profile = Profile::own(name, like);
        if let Some(other) = self.known.iter().find(|other| other.profile.id() == profile.id()) {
            return Err(ProfileError(if *other.name == *name {
                format!("{name:?} is there already: choose another name")
            } else {
                format!(
                    "{name:?} cannot be told apart from {:?} in what is kept: choose another name",
                    other.name
                )
            }));
        }
        if self.named(name).is_some() {
            return Err(ProfileError(format!("{name:?} is built in: choose another name")));
        }
        if self.known.len() >= MOST_PROFILES {
            let most = MOST_PROFILES - Profile::BUILT_IN.len();
            return Err(ProfileError(format!("{name:?} is one too many: {most} of your own is the most")));
        }
        self.known.push(Known { profile, name: name.into(), policy, dispatches: None });
        self.set_mode(self.mode());
        Ok(profile)
    }

    /// Judges a profile by another policy. The guard's mode stays what it is.
    ///
    /// # Errors
    ///
    /// The profile is none of these.
    pub fn set_policy(&mut self, profile: Profile, policy: Policy) -> Result<(), ProfileError> {
        let mode = self.mode();
        self.known_mut(profile)?.policy = policy;
        self.set_mode(mode);
        Ok(())
    }

    /// Says which dispatches belong to a profile, in place of what was said before; with neither subaccounts nor endpoints,
    /// none do.
    ///
    /// # Errors
    ///
    /// The profile is none of these; a subaccount cannot stand in a path as it is, an endpoint is no dispatch; or a dispatch
    /// would belong to two profiles.
    pub fn assign(&mut self, profile: Profile, dispatches: Dispatches) -> Result<(), ProfileError> {
        dispatches.check()?;
        let dispatches = Some(dispatches).filter(|dispatches| *dispatches != Dispatches::default());
        for other in self.known.iter().filter(|other| other.profile.id() != profile.id()) {
            if let (Some(mine), Some(others)) = (&dispatches, &other.dispatches)
                && let Some(both) = mine.overlap(others)
            {
                return Err(ProfileError(format!(
                    "{both} would be of {:?} and of {:?}: let one of them name other subaccounts or endpoints",
                    self.name(profile),
                    other.name
                )));
            }
        }
        self.known_mut(profile)?.dispatches = dispatches;
        Ok(())
    }

    /// The mode of the whole guard.
    pub fn set_mode(&mut self, mode: Mode) {
        self.known.iter_mut().for_each(|known| known.policy.mode = mode);
    }

    /// The mode of the whole guard.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.known.first().map_or(Mode::Enforce, |known| known.policy.mode)
    }

    /// The profile of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Profile> {
        self.known.iter().find(|known| *known.name == *name).map(|known| known.profile)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|known| &*known.name)
    }

    /// Each profile, with what it is judged by.
    pub fn iter(&self) -> impl Iterator<Item = (Profile, &Policy)> {
        self.known.iter().map(|known| (known.profile, &known.policy))
    }

    /// A profile's name; one that is none of these has that of the one it is like.
    #[must_use]
    pub fn name(&self, profile: Profile) -> &str {
        self.find(profile).map_or("otp", |known| &known.name)
    }

    /// What a profile is judged by; one that is none of these, by the policy of the one it is like.
    #[must_use]
    pub fn policy(&self, profile: Profile) -> &Policy {
        static DEFAULT: std::sync::LazyLock<Policy> = std::sync::LazyLock::new(Policy::default);
        self.find(profile).map_or(&DEFAULT, |known| &known.policy)
    }

    /// The profile itself, or, where it is none of these, the one it is like: what nobody configured gets no memory.
    pub(crate) fn known(&self, profile: Profile) -> Profile {
        if self.knows(profile) { profile } else { profile.like() }
    }

    pub(crate) fn knows(&self, profile: Profile) -> bool {
        self.known.iter().any(|known| known.profile.id() == profile.id())
    }

    /// Which profile a dispatch is of, where its request does not say.
    #[must_use]
    pub fn of(&self, endpoint: Endpoint, subaccount: Option<&str>) -> Profile {
        let belongs =
            |known: &&Known| known.dispatches.as_ref().is_some_and(|rule| rule.have(endpoint, subaccount));
        match self.known.iter().find(belongs) {
            Some(known) => known.profile,
            None if endpoint.is_batch() => Profile::Campaign,
            None => Profile::Otp,
        }
    }

    /// Whether the values of every policy make sense.
    pub(crate) fn validate(&self) -> Result<(), PolicyError> {
        self.known.iter().try_for_each(|known| known.policy.validate())
    }

    /// For metrics: a clone of it costs no allocation.
    pub(crate) fn label(&self, profile: Profile) -> metrics::SharedString {
        self.find(profile).map_or_else(|| "otp".into(), |known| Arc::clone(&known.name).into())
    }

    fn find(&self, profile: Profile) -> Option<&Known> {
        let find = |id: u16| self.known.iter().find(move |known| known.profile.id() == id);
        find(profile.id()).or_else(|| find(profile.like().id()))
    }

    fn known_mut(&mut self, profile: Profile) -> Result<&mut Known, ProfileError> {
        let found = self.known.iter_mut().find(|known| known.profile.id() == profile.id());
        found.ok_or_else(|| ProfileError("is none of these profiles: add it first".to_owned()))
    }
}

/// The built-in profiles, all judged by this policy.
impl From<Policy> for Profiles {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

impl Dispatches {
    fn check(&self) -> Result<(), ProfileError> {
        // What has to be escaped in a path could be spelled in two ways: of these only "&" may be.
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'&');
        let odd = |name: &&String| !(1..=128).contains(&name.len()) || !name.bytes().all(plain);
        if let Some(odd) = self.subaccounts.iter().find(odd) {
            return Err(ProfileError(format!(
                "{odd:?} is no subaccount: write 1 to 128 letters, digits, \"-\", \".\", \"_\", \"~\" and \"&\""
            )));
        }
        match self.endpoints.iter().find(|endpoint| !endpoint.is_dispatch()) {
            Some(quiet) => Err(ProfileError(format!("{:?} sends nothing: leave it out", quiet.as_str()))),
            None => Ok(()),
        }
    }

    fn have(&self, endpoint: Endpoint, subaccount: Option<&str>) -> bool {
        let to = self.endpoints.is_empty() || self.endpoints.contains(&endpoint);
        let subaccount = subaccount.map(|spelled| spelled.replace("%26", "&"));
        let is = |known: &String| {
            subaccount.as_ref().is_some_and(|subaccount| known.eq_ignore_ascii_case(subaccount))
        };
        to && (self.subaccounts.is_empty() || self.subaccounts.iter().any(is))
    }

    /// A dispatch that is in both, in words.
    fn overlap(&self, other: &Self) -> Option<String> {
        let endpoint = Endpoint::DISPATCHES.into_iter().find(|endpoint| {
            let of = |rule: &Self| rule.endpoints.is_empty() || rule.endpoints.contains(endpoint);
            of(self) && of(other)
        })?;
        let subaccount = match (self.subaccounts.as_slice(), other.subaccounts.as_slice()) {
            ([], []) => None,
            ([], [any, ..]) | ([any, ..], []) => Some(any),
            (mine, others) => {
                Some(mine.iter().find(|mine| others.iter().any(|other| other.eq_ignore_ascii_case(mine)))?)
            }
        };
        let whose =
            subaccount.map_or("every subaccount".to_owned(), |name| format!("the subaccount {name:?}"));
        Some(format!("{} of {whose}", endpoint.as_str()))
    }
}

/// A profile that cannot be, or dispatches that cannot be its: what was given, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError(String);

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProfileError {}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
