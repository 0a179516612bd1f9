use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use tollgate_core::{ClientIp, IpKey};

use crate::RequestHead;

/// What a limit counts by: an address's prefix, or whatever a [`KeyExtractor`] makes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u128);

impl Key {
    /// The key of a user, an API key, an address and a route together: of anything that can be hashed.
    ///
    /// Keys are 128 bits of a hash that is seeded at random in every process: nobody can look for two things that share
    /// one, and keys mean nothing outside the process.
    #[must_use]
    pub fn of(value: impl Hash) -> Self {
        static HALVES: LazyLock<[SeedableRandomState; 2]> = LazyLock::new(|| [seeded(), seeded()]);
        let [low, high] = [0, 1].map(|half| u128::from(HALVES[half].hash_one(&value)));
        Self(high << 64 | low)
    }

    /// The key with these bits, for limits that several processes share: 128 bits of a hash of your own that is the same
    /// in all of them, and keyed, so that nobody can look for two things that share one.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits: of an address's key, the prefix of the address.
    #[must_use]
    pub fn bits(self) -> u128 {
        self.0
    }
}

/// A hasher with a seed of the system's randomness, by way of the standard hasher: foldhash alone takes addresses and
/// the time.
pub(crate) fn seeded() -> SeedableRandomState {
    let seed = std::hash::RandomState::new().hash_one(0_u8);
    SeedableRandomState::with_seed(seed, SharedSeed::global_random())
}

impl From<IpKey> for Key {
    fn from(key: IpKey) -> Self {
        Self(key.bits())
    }
}

/// Without the bits: of an address's key they are the address.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Says what a limit counts a request by, where that is not the client's address alone.
///
/// It is given the client IP, and what layers in front have put into the request's extensions. A header can be read
/// too, but whoever writes it chooses his own bucket.
pub trait KeyExtractor: Send + Sync {
    /// The request's key; `None` where the limit has nothing to count it by, and so does not apply to it: a limit by
    /// user says nothing of requests without one. Leave those to a limit by address.
    fn key(&self, client: ClientIp, head: &RequestHead<'_>) -> Option<Key>;
}

impl<F> KeyExtractor for F
where
    F: Fn(ClientIp, &RequestHead<'_>) -> Option<Key> + Send + Sync,
{
    fn key(&self, client: ClientIp, head: &RequestHead<'_>) -> Option<Key> {
        self(client, head)
    }
}
