use std::fmt;
use std::str::FromStr;

/// The name of a subaccount of 8x8's, which is part of paths: 3 to 50 letters, digits and `-` `.` `_` `&`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAccount(String);

impl SubAccount {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubAccount {
    type Err = SubAccountError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fits = (3..=50).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._&".contains(&byte));
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(SubAccountError { name: name.chars().take(50).collect() })
        }
    }
}

impl fmt::Display for SubAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not the name of a subaccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAccountError {
    name: String,
}

impl fmt::Display for SubAccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the name of a subaccount: 3 to 50 letters, digits and - . _ &", self.name)
    }
}

impl std::error::Error for SubAccountError {}
