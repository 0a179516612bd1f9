//! Session ids that nothing has to be remembered of.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What the MAC is for, lest the secret has other uses.
const CONTEXT: &[u8] = b"tollgate decoy session\0";

/// A UUID of version 4 has 122 bits to choose.
const TAG_BITS: u32 = 40;
const NUMBER_BITS: u32 = 50;
const EXPIRY_BITS: u32 = 32;
const PAYLOAD_BITS: u32 = NUMBER_BITS + EXPIRY_BITS;

const fn low(bits: u32) -> u128 {
    (1 << bits) - 1
}

/// Seals a number and a time into what looks like a random UUID (RFC 9562, version 4), and opens it again.
///
/// The first 40 bits are a MAC (HMAC-SHA-256, RFC 2104) of number and time, the others both of them under a key stream
/// that the MAC begins: the synthetic initialisation vector of RFC 5297. Of 10¹² ids that are somebody else's, one is
/// taken for ours.
pub(super) struct SessionIds {
    /// With the secret as its key.
    mac: Hmac<Sha256>,
}

/// What is in an id.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Sealed {
    /// Digits: at most 15.
    pub(super) number: u64,
    /// In hundredths of a second since the Unix epoch, modulo 2³².
    pub(super) expires_at: u32,
}

impl SessionIds {
    /// Under a secret drawn now; `None` where the system gives no randomness.
    pub(super) fn new() -> Option<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).ok()?;
        Self::with_secret(&secret)
    }

    /// The same under a secret that several share, or that is kept.
    pub(super) fn with_secret(secret: &[u8; 32]) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?.chain_update(CONTEXT);
        Some(Self { mac })
    }

    /// The same for the same number and time. `None` for what is no number.
    pub(super) fn seal(&self, sealed: Sealed) -> Option<u128> {
        let number = u128::from(sealed.number);
        if number > low(NUMBER_BITS) {
            return None;
        }
        let payload = number << EXPIRY_BITS | u128::from(sealed.expires_at);
        let tag = self.tag(payload);
        let bits = tag << PAYLOAD_BITS | (payload ^ self.stream(tag));
        let (high, middle, rest) = (bits >> 74, bits >> 62 & low(12), bits & low(62));
        Some(high << 80 | 4 << 76 | middle << 64 | 2 << 62 | rest)
    }

    /// What was sealed, if it was here.
    pub(super) fn open(&self, id: u128) -> Option<Sealed> {
        if id >> 76 & low(4) != 4 || id >> 62 & low(2) != 2 {
            return None;
        }
        let bits = id >> 80 << 74 | (id >> 64 & low(12)) << 62 | id & low(62);
        let tag = bits >> PAYLOAD_BITS;
        let payload = (bits ^ self.stream(tag)) & low(PAYLOAD_BITS);
        let is_ours = tag.to_be_bytes().ct_eq(&self.tag(payload).to_be_bytes());
        let number = u64::try_from(payload >> EXPIRY_BITS).ok()?;
        let expires_at = u32::try_from(payload & low(EXPIRY_BITS)).ok()?;
        bool::from(is_ours).then_some(Sealed { number, expires_at })
    }

    fn tag(&self, payload: u128) -> u128 {
        self.derive(b't', payload) & low(TAG_BITS)
    }

    fn stream(&self, tag: u128) -> u128 {
        self.derive(b's', tag) & low(PAYLOAD_BITS)
    }

    fn derive(&self, what: u8, from: u128) -> u128 {
        let mac: [u8; 32] = self
            .mac
            .clone()
            .chain_update([what])
            .chain_update(from.to_be_bytes())
            .finalize()
            .into_bytes()
            .into();
        mac.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
    }
}

/// Without the secret.
impl fmt::Debug for SessionIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionIds").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: Sealed = Sealed { number: 6_591_234_567, expires_at: 1_767_225_900 };

    #[test]
    fn what_is_sealed_is_opened_again_and_looks_random() {
        let ids = SessionIds::new().unwrap();
        for sealed in [SEALED, Sealed { number: 999_999_999_999_999, expires_at: u32::MAX }] {
            assert_eq!(ids.open(ids.seal(sealed).unwrap()), Some(sealed));
        }
        let one = ids.seal(SEALED).unwrap();
        let next = ids.seal(Sealed { expires_at: SEALED.expires_at + 1, ..SEALED }).unwrap();
        let differing = (one ^ next).count_ones();
        assert!((30..=92).contains(&differing), "{differing} of 122 bits");
        let text = format!("{one:032x}");
        assert_eq!(&text[12..13], "4");
        assert!(matches!(&text[16..17], "8" | "9" | "a" | "b"), "{text}");
    }

    #[test]
    fn an_id_that_was_changed_anywhere_or_made_elsewhere_is_not_ours() {
        let ids = SessionIds::new().unwrap();
        let id = ids.seal(SEALED).unwrap();
        for bit in 0..128 {
            assert_eq!(ids.open(id ^ 1 << bit), None, "{bit}");
        }
        assert_eq!(SessionIds::new().unwrap().open(id), None);
        let of = |secret: u8| SessionIds::with_secret(&[secret; 32]).unwrap();
        let shared = of(1).seal(SEALED).unwrap();
        assert_eq!((of(1).open(shared), of(2).open(shared)), (Some(SEALED), None));
        assert_eq!(ids.open(0), None);
        assert_eq!(ids.seal(Sealed { number: u64::MAX, ..SEALED }), None);
    }
}
