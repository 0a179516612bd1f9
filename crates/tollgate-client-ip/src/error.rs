use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// Why a [`Rule`](crate::Rule) cannot be: which field, where in its list, what stood there, and what would be right.
///
/// ```
/// use tollgate_client_ip::{Rule, Strategy};
///
/// let error = Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges)?
///     .with_trusted(["10.0.0.0/8", "10.0.0.0/33"])
///     .unwrap_err();
/// assert_eq!(error.to_string(), "trusted[1]: \"10.0.0.0/33\" is not a CIDR (prefix 0–32)");
/// assert_eq!((error.field(), error.index()), ("trusted", Some(1)));
/// # Ok::<(), tollgate_client_ip::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    field: &'static str,
    index: Option<usize>,
    value: String,
    remedy: Cow<'static, str>,
}

impl RuleError {
    pub(crate) fn new(
        field: &'static str,
        value: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field, index: None, value: value.into(), remedy: remedy.into() }
    }

    pub(crate) fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// Where the peers were taken from the field `trusted`.
    #[cfg(feature = "serde")]
    pub(crate) fn of_trusted(mut self) -> Self {
        if self.field == "peers" && self.index.is_some() {
            self.field = "trusted";
        }
        self
    }

    /// Where the ranges came from a file.
    #[cfg(feature = "serde")]
    pub(crate) fn of_file(mut self) -> Self {
        self.field = "peers_file";
        self
    }

    /// `peers`, `header`, `strategy`, `trusted`, `format` or `required`; `ranges` of a replacement; `count` and
    /// `peers_file` of a configuration.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Where in the field's list, from 0; `None` where the fault is the field's as a whole.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// What stood there; empty where nothing did.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is wrong with the value and what would be right: the rest of a sentence that starts with the value.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        f.write_str(": ")?;
        if !self.value.is_empty() || self.index.is_some() {
            write!(f, "{:?} ", self.value)?;
        }
        f.write_str(&self.remedy)
    }
}

impl Error for RuleError {}
