use std::borrow::Cow;
use std::fmt;

/// What is wrong with a [`Quota`](crate::Quota).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaError {
    field: &'static str,
    value: Cow<'static, str>,
    remedy: &'static str,
}

impl QuotaError {
    pub(crate) fn new(field: &'static str, value: impl ToString, remedy: &'static str) -> Self {
        Self { field, value: value.to_string().into(), remedy }
    }

    /// Which part of the quota: `requests`, `per` or `burst`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value it has.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it, and what would be right.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.field, self.value, self.remedy)
    }
}

impl std::error::Error for QuotaError {}

/// What is wrong with a limiter's configuration.
///
/// A program with a configuration language of its own puts [`limit_index`](Self::limit_index) and
/// [`field`](Self::field) into its own path: `rate_limit[0].burst`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    limit_index: Option<usize>,
    field: &'static str,
    value: String,
    remedy: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(
        field: &'static str,
        value: impl ToString,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { limit_index: None, field, value: value.to_string(), remedy: remedy.into() }
    }

    pub(crate) fn in_limit(mut self, index: usize) -> Self {
        self.limit_index = Some(index);
        self
    }

    /// Which of the limits, counted from 0 in the order given; `None` when it is not about one.
    #[must_use]
    pub fn limit_index(&self) -> Option<usize> {
        self.limit_index
    }

    /// Which setting: a limit's `name`, `requests`, `per` or `burst`; or `limits` or `table_bytes`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value it has.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with it, and what would be right.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl From<QuotaError> for ConfigError {
    fn from(error: QuotaError) -> Self {
        Self::new(error.field, error.value, error.remedy)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.limit_index {
            write!(f, "limits[{index}].")?;
        }
        write!(f, "{}: {}: {}", self.field, self.value, self.remedy)
    }
}

impl std::error::Error for ConfigError {}
