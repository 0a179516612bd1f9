use std::ops::RangeInclusive;

use super::PolicyError;

/// What becomes of a verification start that asks for a short code: of four digits, one guess in ten thousand is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeLengthPolicy {
    /// It goes out as it is.
    #[default]
    Pass,
    /// It goes out with a code of so many characters.
    Raise {
        /// 3 to 10.
        minimum: u8,
    },
    /// It is refused below so many.
    Refuse {
        /// 3 to 10.
        minimum: u8,
    },
}

impl CodeLengthPolicy {
    /// What a minimum may be: what 8x8 takes as a length.
    pub const MINIMUM: RangeInclusive<u8> = 3..=10;

    pub(super) fn validate(self) -> Result<(), PolicyError> {
        match self {
            Self::Raise { minimum } | Self::Refuse { minimum } if !Self::MINIMUM.contains(&minimum) => {
                let value = minimum.to_string();
                Err(PolicyError { field: "code_length.minimum", value, remedy: "not within 3 to 10" })
            }
            _ => Ok(()),
        }
    }
}
