//! CIDRs that can be replaced while requests are answered.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use ipnet::IpNet;
use tollgate_core::{CidrSet, parse_cidr};

use crate::RuleError;

/// Nobody's proxies are a whole /7 of the IPv4 internet, or more than a registry's IPv6 block.
const BROADEST: (u8, u8) = (8, 16);

/// Nor are a sixteenth of all IPv4 addresses, in however many pieces.
const MOST_V4: u64 = 1 << 28;

/// The ranges of a [`Rule`](crate::Rule), to be kept and replaced while the rule is in use; a clone is the same ranges.
///
/// A CDN's list grows, and an edge that is not in an old copy of it would be taken for the client.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tollgate_client_ip::{Resolver, Rule, Strategy};
///
/// let rule = Rule::new(["192.0.2.0/24"], "CF-Connecting-IP", Strategy::Single)?;
/// let edges = rule.peers().clone();
/// let resolver = Resolver::new().with_rule(rule);
///
/// // Some time later, from whatever fetches the list:
/// edges.replace(["192.0.2.0/24", "198.51.100.0/24"], SystemTime::UNIX_EPOCH)?;
/// assert!(edges.contains("198.51.100.7".parse()?));
///
/// // What cannot be right leaves the last good list in place.
/// for wrong in [&[][..], &["0.0.0.0/0"], &["<html>"]] {
///     assert!(edges.replace(wrong, SystemTime::UNIX_EPOCH).is_err());
/// }
/// assert!(edges.contains("198.51.100.7".parse()?));
/// assert_eq!(edges.age(SystemTime::UNIX_EPOCH + Duration::from_secs(60)), Some(Duration::from_secs(60)));
/// # drop(resolver);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ranges(Arc<ArcSwap<Snapshot>>);

/// One state of the ranges.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) set: CidrSet,
    cidrs: usize,
    as_of: Option<SystemTime>,
}

impl Ranges {
    pub(crate) fn of(nets: &[IpNet], as_of: Option<SystemTime>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Snapshot::of(nets, as_of))))
    }

    /// Puts other CIDRs and bare addresses in their place, for every rule that uses these ranges. `as_of` is the day
    /// of the list: now, if it was just fetched.
    ///
    /// # Errors
    ///
    /// `ranges`: empty, or an entry is no CIDR or is broader than /8 (IPv4) or /16
    /// (IPv6), or all of them hold more than a sixteenth of the IPv4 addresses. Then nothing is changed.
    pub fn replace(
        &self,
        cidrs: impl IntoIterator<Item = impl AsRef<str>>,
        as_of: SystemTime,
    ) -> Result<(), RuleError> {
        let mut nets = Vec::new();
        for (index, text) in cidrs.into_iter().enumerate() {
            let text = text.as_ref();
            let net = parse_cidr(text).map_err(|remedy| RuleError::new("ranges", text, remedy).at(index))?;
            if is_broad(&net) {
                let remedy = "is broader than any list of proxies; the ranges are left as they were";
                return Err(RuleError::new("ranges", text, remedy).at(index));
            }
            nets.push(net);
        }
        if nets.is_empty() {
            let remedy = "empty, which would make every proxy a client; the ranges are left as they were";
            return Err(RuleError::new("ranges", "", remedy));
        }
        let new = Snapshot::of(&nets, Some(as_of));
        if new.is_a_great_part_of_the_internet() {
            let remedy = "hold more than a sixteenth of all IPv4 addresses; the ranges are left as they were";
            return Err(RuleError::new("ranges", "", remedy));
        }
        self.0.store(Arc::new(new));
        Ok(())
    }

    /// Whether the address, made canonical, is in them.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        self.0.load().set.contains(addr)
    }

    /// How many CIDRs were given.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.load().cidrs
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How old the list is; none where it came without a date, as one written into a configuration does.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let as_of = self.0.load().as_of?;
        Some(now.duration_since(as_of).unwrap_or_default())
    }

    /// Says of what day the list is.
    pub(crate) fn date(&self, as_of: SystemTime) {
        self.0.rcu(|old| Snapshot { set: old.set.clone(), cidrs: old.cidrs, as_of: Some(as_of) });
    }

    pub(crate) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }
}

impl Snapshot {
    pub(crate) fn is_a_great_part_of_the_internet(&self) -> bool {
        self.set.v4_addresses() > MOST_V4
    }

    fn of(nets: &[IpNet], as_of: Option<SystemTime>) -> Self {
        Self { set: CidrSet::new(nets.iter().copied()), cidrs: nets.len(), as_of }
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load().set.fmt(f)
    }
}

pub(crate) fn is_broad(net: &IpNet) -> bool {
    net.prefix_len() < if net.addr().is_ipv4() { BROADEST.0 } else { BROADEST.1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_narrow_ranges_are_as_broad_as_one() {
        let ranges = Ranges::of(&[], None);
        let every_eighth: Vec<_> = (0..32).map(|n| format!("{}.0.0.0/8", n * 8)).collect();
        let error = ranges.replace(&every_eighth, SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("a sixteenth"), "{error}");
        assert!(ranges.is_empty());
    }

    #[test]
    fn a_clone_sees_the_replacement_and_a_date_to_come_is_no_age() {
        let ranges = Ranges::of(&[], None);
        let clone = ranges.clone();
        assert_eq!(clone.age(SystemTime::UNIX_EPOCH), None);
        let tomorrow = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        ranges.replace(["10.0.0.0/8"], tomorrow).unwrap();
        assert!(clone.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert_eq!((clone.len(), clone.age(SystemTime::UNIX_EPOCH)), (1, Some(Duration::ZERO)));
    }
}
