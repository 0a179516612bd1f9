use std::fmt;

use super::parse::explain;

/// Something wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, such as `client_ip.rule[0].peers[2]`.
    pub field: String,
    /// What, and what would be right.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.detail)
        } else {
            write!(f, "{}: {}", self.field, self.detail)
        }
    }
}

/// All that is wrong in a configuration, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Only this one.
    pub(crate) fn one(field: &str, detail: impl fmt::Display) -> Self {
        let mut problems = Self::default();
        problems.add(field, detail);
        problems
    }

    /// Notes one.
    pub fn add(&mut self, field: impl Into<String>, detail: impl fmt::Display) {
        self.0.push(Problem { field: field.into(), detail: detail.to_string() });
    }

    /// The value, or the problem noted.
    pub(super) fn take<T, E: fmt::Display>(
        &mut self,
        field: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(field, error)).ok()
    }

    /// Notes what a table was refused for.
    pub(super) fn refused(&mut self, field: &str, error: &toml::de::Error) {
        self.add(field, explain(error.message()));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            let line_break = if i == 0 { "" } else { "\n" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
