//! Whom the limiters are asked about, and in which order.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Which addresses. Ours counts an IPv6 address on three levels, an IPv4 address on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
    /// One after the other.
    Mixed,
}

/// How many keys, of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) family: Family,
    pub(crate) count: u32,
}

const COUNTS: [u32; 3] = [1, 10_000, 1_000_000];

/// These families in every number, but not a single key of two families.
pub(crate) fn cases(families: &[Family]) -> impl Iterator<Item = Keys> {
    let all = families.iter().flat_map(|&family| COUNTS.map(|count| Keys { family, count }));
    all.filter(|keys| keys.family != Family::Mixed || keys.count > 1)
}

impl Keys {
    pub(crate) fn addresses(self) -> Arc<[IpAddr]> {
        let address = |n: u32| match self.family {
            Family::V4 => v4(n),
            Family::V6 => v6(n),
            Family::Mixed if n.is_multiple_of(2) => v4(n),
            Family::Mixed => v6(n),
        };
        (0..self.count).map(address).collect()
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
            Family::Mixed => "half IPv6",
        };
        write!(f, "{family}, {} {}", self.count, if self.count == 1 { "key" } else { "keys" })
    }
}

fn v4(n: u32) -> IpAddr {
    Ipv4Addr::from(n.wrapping_mul(2_654_435_761)).into()
}

/// The `n`th /64 of as many /48s, so that no level has fewer keys than another.
fn v6(n: u32) -> IpAddr {
    Ipv6Addr::from(0x2_u128 << 124 | u128::from(n) << 80 | 1).into()
}

/// Gives its items in no order that a prefetcher knows.
#[derive(Debug)]
pub(crate) struct Shuffled<T> {
    items: Arc<[T]>,
    state: u64,
}

impl<T: Copy> Shuffled<T> {
    /// Another order for each `seed`.
    pub(crate) fn new(items: Arc<[T]>, seed: u64) -> Self {
        Self { items, state: 0x9e37_79b9_7f4a_7c15 ^ seed }
    }

    pub(crate) fn next(&mut self) -> T {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.items[((self.state >> 32) as usize * self.items.len()) >> 32]
    }
}
