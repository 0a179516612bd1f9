use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use tollgate_pump_guard::{Deltas, Node};

use super::KEY;

/// What the bytes behind the first one mean.
const VERSION: u8 = 1;
/// The version, the node's number, and the nonce.
const HEAD: usize = 1 + NODE + NONCE_LEN;
const NODE: usize = 6;

/// Seals what nodes tell each other: nobody without the secret reads it, or tells anything.
///
/// Each node has a key of its own, and a nonce is the number of the first event beside the node's own salt: none is used
/// twice.
#[derive(Clone)]
pub(super) struct Seal {
    secret: Prk,
    salt: [u8; 4],
}

impl Seal {
    pub(super) fn new(secret: &[u8], salt: [u8; 4]) -> Self {
        Self { secret: Salt::new(HKDF_SHA256, KEY.as_bytes()).extract(secret), salt }
    }

    pub(super) fn close(&self, deltas: &Deltas) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        let (salt, first) = nonce.split_at_mut(self.salt.len());
        salt.copy_from_slice(&self.salt);
        first.copy_from_slice(&deltas.first().to_be_bytes());
        let [_, _, node @ ..] = deltas.node().number().to_be_bytes();
        let mut head = Vec::with_capacity(HEAD);
        head.push(VERSION);
        head.extend_from_slice(&node);
        head.extend_from_slice(&nonce);
        let mut sealed = deltas.encode();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key(node)?.seal_in_place_append_tag(nonce, Aad::from(&head), &mut sealed).ok()?;
        head.extend_from_slice(&sealed);
        Some(head)
    }

    /// `None` where it was not closed under this secret, or cannot be read by this version.
    pub(super) fn open(&self, bytes: &[u8]) -> Option<Deltas> {
        let (head, sealed) = bytes.split_at_checked(HEAD)?;
        let (&version, rest) = head.split_first()?;
        let (&node, nonce) = rest.split_first_chunk::<NODE>()?;
        if version != VERSION {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = self.key(node)?.open_in_place(nonce, Aad::from(head), &mut sealed).ok()?;
        let deltas = Deltas::decode(plain)?;
        let [a, b, c, d, e, f] = node;
        let named = Node::of(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        Some(deltas).filter(|deltas| deltas.node() == named)
    }

    fn key(&self, node: [u8; NODE]) -> Option<LessSafeKey> {
        let info = [node.as_slice()];
        let key = self.secret.expand(&info, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// Shows nothing.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tollgate_core::FakeClock;
    use tollgate_pump_guard::{Policy, Profile, PumpGuard};

    use super::*;

    async fn told() -> Deltas {
        let guard = PumpGuard::with_clock(Policy::default(), Arc::new(FakeClock::new())).unwrap();
        guard.share_as(Node::of(0xabcd_1234_5678));
        guard.check(&guard.attempt("+6591234567", None, Profile::Otp)).await;
        guard.drain()
    }

    #[tokio::test]
    async fn what_was_sealed_is_opened_by_whoever_has_the_secret_and_by_nobody_else() {
        let told = told().await;
        let sealed = Seal::new(b"a secret of ours", [1; 4]).close(&told).unwrap();
        let opened = Seal::new(b"a secret of ours", [2; 4]).open(&sealed).unwrap();
        assert_eq!((opened.node(), opened.first(), opened.len()), (told.node(), 0, 1));
        assert!(Seal::new(b"a secret of others", [1; 4]).open(&sealed).is_none());
    }

    #[tokio::test]
    async fn neither_number_nor_range_can_be_read() {
        let told = told().await;
        let sealed = Seal::new(b"a secret of ours", [1; 4]).close(&told).unwrap();
        let range = 6_591_234_u64.to_le_bytes();
        let shows = |bytes: &[u8]| bytes.windows(3).any(|bytes| bytes == &range[..3]);
        assert!(shows(&told.encode()), "it is there");
        assert!(!shows(&sealed));
    }

    #[tokio::test]
    async fn a_byte_that_was_changed_is_noticed_and_whatever_there_is_nothing_panics() {
        let seal = Seal::new(b"a secret of ours", [1; 4]);
        let sealed = seal.close(&told().await).unwrap();
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(seal.open(&forged).is_none(), "{at}");
            assert!(seal.open(&sealed[..at]).is_none(), "{at}");
        }
        assert!(seal.open(b"").is_none());
    }
}
