use std::fmt;

use http::uri::Authority;

/// An 8x8 product, each with hosts of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Product {
    /// Send SMS, batches, surveys, price list, webhooks.
    Sms,
    /// Verification: sessions and codes.
    Verify,
    /// Number Lookup.
    Lookup,
    /// Messaging Apps: the same paths as SMS, without `clientIp`.
    MessagingApps,
    /// Contacts.
    Contacts,
    /// Voice and Number Masking.
    Voice,
}

/// Where 8x8 serves a product.
///
/// Source: <https://developer.8x8.com/connect/docs/platform-deployment-regions>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// Asia Pacific, 8x8's default.
    #[default]
    AsiaPacific,
    /// North America.
    NorthAmerica,
    /// Europe.
    Europe,
    /// Indonesia.
    Indonesia,
}

impl Product {
    /// The product's host in a region. Voice has one for all.
    #[must_use]
    pub const fn host(self, region: Region) -> &'static str {
        use Region::{AsiaPacific, Europe, Indonesia, NorthAmerica};
        match (self, region) {
            (Self::Sms, AsiaPacific) => "sms.8x8.com",
            (Self::Sms, NorthAmerica) => "sms.us.8x8.com",
            (Self::Sms, Europe) => "sms.8x8.uk",
            (Self::Sms, Indonesia) => "sms.8x8.id",
            (Self::Verify, AsiaPacific) => "verify.8x8.com",
            (Self::Verify, NorthAmerica) => "verify.us.8x8.com",
            (Self::Verify, Europe) => "verify.8x8.uk",
            (Self::Verify, Indonesia) => "verify.8x8.id",
            (Self::Lookup, AsiaPacific) => "lookup.8x8.com",
            (Self::Lookup, NorthAmerica) => "lookup.us.8x8.com",
            (Self::Lookup, Europe) => "lookup.8x8.uk",
            (Self::Lookup, Indonesia) => "lookup.8x8.id",
            (Self::MessagingApps, AsiaPacific) => "chatapps.8x8.com",
            (Self::MessagingApps, NorthAmerica) => "chatapps.us.8x8.com",
            (Self::MessagingApps, Europe) => "chatapps.8x8.uk",
            (Self::MessagingApps, Indonesia) => "chatapps.8x8.id",
            (Self::Contacts, AsiaPacific) => "contacts.8x8.com",
            (Self::Contacts, NorthAmerica) => "contacts.us.8x8.com",
            (Self::Contacts, Europe) => "contacts.8x8.uk",
            (Self::Contacts, Indonesia) => "contacts.8x8.id",
            (Self::Voice, _) => "voice.8x8.com",
        }
    }
}

impl Product {
    /// The product that serves a path, for a gateway that serves all of them under one name. What is none of the
    /// others' is SMS.
    #[must_use]
    pub fn serving(path: &str) -> Self {
        let path = path.to_ascii_lowercase();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["api", "v2", "subaccounts", ..] | ["verify", "v1", ..] => Self::Verify,
            ["api", "v1", "subaccounts", _, "phones", ..] => Self::Lookup,
            ["api", "v1", "accounts", _, "contacts" | "groups" | "batches", ..] => Self::Contacts,
            [
                "api",
                "v1",
                "subaccounts",
                _,
                "numbers" | "webhooks" | "recording-push-config" | "recordings" | "speech-profiles",
                ..,
            ] => Self::Voice,
            _ => Self::Sms,
        }
    }
}

const PRODUCTS: [Product; 6] = [
    Product::Sms,
    Product::Verify,
    Product::Lookup,
    Product::MessagingApps,
    Product::Contacts,
    Product::Voice,
];
const REGIONS: [Region; 4] = [Region::AsiaPacific, Region::NorthAmerica, Region::Europe, Region::Indonesia];

/// Hosts that still serve paths of the time before 8x8 took Wavecell over.
const LEGACY: [&str; 2] = ["api.wavecell.com", "voice.wavecell.com"];

/// Which hosts are 8x8's: all of 8x8's own, and those named by the user (a sandbox, a gateway).
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    own: Vec<Own>,
}

#[derive(Clone, Debug)]
struct Own {
    host: String,
    port: Option<u16>,
}

impl Hosts {
    /// 8x8's own hosts, in every region.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `authority` (`host` or `host:port`; without a port, any) for a host of 8x8's SMS suite.
    ///
    /// # Errors
    ///
    /// `authority` is not a host with an optional port.
    pub fn with_host(mut self, authority: &str) -> Result<Self, HostError> {
        let error = || HostError { authority: authority.to_owned() };
        let parsed: Authority = authority.parse().map_err(|_| error())?;
        if authority.contains('@') || parsed.host().is_empty() {
            return Err(error());
        }
        let port = match parsed.port() {
            Some(port) => Some(port.as_str().parse().map_err(|_| error())?),
            None if authority.len() != parsed.host().len() => return Err(error()),
            None => None,
        };
        self.own.push(Own { host: canonical(parsed.host()).to_ascii_lowercase(), port });
        Ok(self)
    }

    /// Whose host it is: `None` where it is nobody's we know. Hosts of the SMS suite share one table of paths.
    pub(crate) fn suite(&self, host: &str, port: Option<u16>) -> Option<Suite> {
        let host = canonical(host);
        if self.own.iter().any(|own| {
            own.host.eq_ignore_ascii_case(host)
                && own.port.is_none_or(|own| port.is_none_or(|port| port == own))
        }) {
            return Some(Suite::Sms);
        }
        if LEGACY.iter().any(|legacy| legacy.eq_ignore_ascii_case(host)) {
            return Some(Suite::Sms);
        }
        let product = PRODUCTS
            .into_iter()
            .find(|product| REGIONS.iter().any(|&region| product.host(region).eq_ignore_ascii_case(host)))?;
        Some(if product == Product::MessagingApps { Suite::MessagingApps } else { Suite::Sms })
    }
}

/// Which table of paths a host serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Sms,
    MessagingApps,
}

/// Whether it is under a domain of 8x8's: a region that came later, perhaps.
pub(crate) fn is_8x8s(host: &str) -> bool {
    const DOMAINS: [&str; 4] = [".8x8.com", ".8x8.uk", ".8x8.id", ".wavecell.com"];
    let host = canonical(host).to_ascii_lowercase();
    DOMAINS.iter().any(|domain| host.ends_with(domain))
}

/// `sms.8x8.com.` is `sms.8x8.com`: the root's dot names the same host.
fn canonical(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Not a host with an optional port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    authority: String,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a host with an optional port, such as \"127.0.0.1:9001\"", self.authority)
    }
}

impl std::error::Error for HostError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_is_that_host() {
        let hosts = Hosts::new();
        for host in ["sms.8x8.com", "SMS.8x8.COM", "sms.8x8.com.", "verify.us.8x8.com", "api.wavecell.com"] {
            assert_eq!(hosts.suite(host, Some(8443)), Some(Suite::Sms), "{host}");
        }
        assert_eq!(hosts.suite("chatapps.8x8.id", None), Some(Suite::MessagingApps));
        for host in ["sms.8x8.com.evil.example", "evil-sms.8x8.com", "example.com", ""] {
            assert_eq!(hosts.suite(host, None), None, "{host}");
        }
    }

    #[test]
    fn every_path_has_a_product() {
        for (path, product) in [
            ("/api/v1/subaccounts/x/messages/batch", Product::Sms),
            ("/api/v2/subaccounts/x/Sessions/1", Product::Verify),
            ("/api/v1/subaccounts/x/phones/6591234567", Product::Lookup),
            ("/api/v1/accounts/x/contacts", Product::Contacts),
            ("/api/v1/subaccounts/x/numbers", Product::Voice),
            ("/api/v1/accounts/x/webhooks", Product::Sms),
            ("/", Product::Sms),
        ] {
            assert_eq!(Product::serving(path), product, "{path}");
        }
    }

    #[test]
    fn a_host_of_ones_own_is_taken_with_its_port() {
        let hosts = Hosts::new().with_host("127.0.0.1:9001").unwrap().with_host("[::1]:9002").unwrap();
        assert_eq!(hosts.suite("127.0.0.1", Some(9001)), Some(Suite::Sms));
        assert_eq!(hosts.suite("127.0.0.1", Some(9002)), None);
        assert_eq!(hosts.suite("[::1]", Some(9002)), Some(Suite::Sms));
        for wrong in ["", "a b", "user@host", "host:", "http://host", "host:99999"] {
            assert!(Hosts::new().with_host(wrong).is_err(), "{wrong}");
        }
    }
}
