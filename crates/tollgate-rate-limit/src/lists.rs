use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use tollgate_core::{CidrSet, ClientIp, parse_cidr};

use crate::ConfigError;
use crate::levels::bits_of;

/// Clients that are never limited, and clients that are always refused. Can be replaced while requests are answered.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    allowed: ArcSwap<CidrSet>,
    denied: ArcSwap<CidrSet>,
    /// Whether there is anything in them: most limiters have none, and do not look.
    any: AtomicBool,
    /// One change at a time.
    changing: Mutex<()>,
}

/// What the lists say of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Allowed,
    Denied,
}

impl Lists {
    /// Who is on both is denied.
    #[inline]
    pub(crate) fn look(&self, client: ClientIp) -> Option<Listed> {
        if !self.any.load(Relaxed) {
            return None;
        }
        let bits = bits_of(client.addr());
        if self.denied.load().contains_bits(bits) {
            return Some(Listed::Denied);
        }
        self.allowed.load().contains_bits(bits).then_some(Listed::Allowed)
    }

    pub(crate) fn set_allowed(
        &self,
        cidrs: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), ConfigError> {
        self.set(&self.allowed, read("allowed", cidrs)?);
        Ok(())
    }

    pub(crate) fn set_denied(
        &self,
        cidrs: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), ConfigError> {
        self.set(&self.denied, read("denied", cidrs)?);
        Ok(())
    }

    fn set(&self, list: &ArcSwap<CidrSet>, new: CidrSet) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        list.store(new.into());
        self.any.store(!self.allowed.load().is_empty() || !self.denied.load().is_empty(), Relaxed);
    }
}

fn read(
    field: &'static str,
    cidrs: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<CidrSet, ConfigError> {
    let mut nets = Vec::new();
    for text in cidrs {
        let text = text.as_ref();
        let net =
            parse_cidr(text).map_err(|remedy| ConfigError::new(field, format_args!("{text:?}"), remedy))?;
        // A slip of the pen that would switch off all limits, or the service.
        let least = if matches!(net.network(), IpAddr::V4(_)) { 4 } else { 8 };
        if net.prefix_len() < least {
            let remedy = format!("is a great part of the internet; give prefixes of at least /{least}");
            return Err(ConfigError::new(field, format_args!("{text:?}"), remedy));
        }
        nets.push(net);
    }
    Ok(CidrSet::new(nets))
}
