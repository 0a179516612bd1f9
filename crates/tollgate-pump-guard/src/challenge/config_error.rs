use std::fmt;

/// A setting of a verifier that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeConfigError {
    field: &'static str,
    /// Empty where it is a secret.
    value: String,
    remedy: &'static str,
}

impl ChallengeConfigError {
    pub(super) fn new(field: &'static str, value: impl fmt::Display, remedy: &'static str) -> Self {
        Self { field, value: value.to_string(), remedy }
    }

    /// The setting's name.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ChallengeConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, remedy } = self;
        match value.as_str() {
            "" => write!(f, "challenge.{field}: {remedy}"),
            value => write!(f, "challenge.{field}: {value} is {remedy}"),
        }
    }
}

impl std::error::Error for ChallengeConfigError {}
