//! What a challenge and its solution look like: `v1.<expiry>.<difficulty>.<nonce>.<mac>`, and with `:<counter>` behind it.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Rejected;

/// In bits.
pub(super) const DIFFICULTY: RangeInclusive<u8> = 8..=26;

/// The longest solution that is read, in bytes. The longest there is has about 110.
const LONGEST: usize = 512;

/// A challenge whose form is right, and no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    /// The whole of it.
    pub(super) all: &'a str,
    /// All but the MAC, which it covers.
    pub(super) claims: &'a str,
    /// Since the Unix epoch.
    pub(super) expires_at: Duration,
    /// In bits.
    pub(super) difficulty: u8,
    /// In unpadded base64url (RFC 4648 §5).
    pub(super) mac: &'a str,
}

/// Takes a solution apart: the challenge, and the counter as it stands there.
pub(super) fn parse_solution(solution: &str) -> Result<(Text<'_>, &str), Rejected> {
    if solution.len() > LONGEST {
        return Err(Rejected::TooLong);
    }
    let (challenge, counter) = solution.rsplit_once(':').ok_or(Rejected::Malformed)?;
    let _: u64 = decimal(counter).ok_or(Rejected::Malformed)?;
    Ok((Text::parse(challenge).ok_or(Rejected::Malformed)?, counter))
}

impl<'a> Text<'a> {
    pub(super) fn parse(all: &'a str) -> Option<Self> {
        let (claims, mac) = all.rsplit_once('.')?;
        let mut parts = claims.split('.');
        let (version, expiry) = (parts.next()?, parts.next()?);
        let (difficulty, nonce) = (parts.next()?, parts.next()?);
        let difficulty = decimal(difficulty).and_then(|bits| u8::try_from(bits).ok())?;
        let is_read = version == "v1"
            && parts.next().is_none()
            && DIFFICULTY.contains(&difficulty)
            && is_base64url(nonce)
            && is_base64url(mac);
        let expires_at = Duration::from_secs(decimal(expiry)?);
        is_read.then_some(Self { all, claims, expires_at, difficulty, mac })
    }
}

/// Digits alone, where `str::parse` takes a sign too, and without leading zeros: one way to write each number.
fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

fn is_base64url(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
