//! Rules for proxies that many use: which header, how it is read, who the peers are, and what to look out for.

use std::time::{Duration, SystemTime};

use crate::{Rule, RuleError, Strategy};

/// A provider or a proxy whose rule is known: [`rule`](Self::rule) makes it.
///
/// Five providers publish which addresses connect to their customers' servers; those lists are part of this crate, of a
/// day that [`Ranges::age`](crate::Ranges::age) counts from, and are replaced at run time by
/// [`Ranges::replace`](crate::Ranges::replace). For the others the peers have to be given. A published list holds the
/// proxies of *every* customer, so anybody can order one: where [`caveat`](Self::caveat) says so, add
/// [`Rule::with_required_header`] or mutual TLS.
///
/// ```
/// use tollgate_client_ip::{Preset, Resolver};
///
/// let cloudflare = Preset::Cloudflare.rule()?.with_required_header("X-Origin-Secret", "of your Transform Rule")?;
/// let balancer = Preset::AwsAlb.rule_for(["10.0.1.0/24", "10.0.2.0/24"])?;
/// let resolver = Resolver::new().with_rule(cloudflare).with_rule(balancer);
/// # Ok::<(), tollgate_client_ip::RuleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Preset {
    /// Cloudflare: `CF-Connecting-IP`.
    Cloudflare,
    /// Amazon CloudFront: `CloudFront-Viewer-Address`, which an origin request policy must add.
    #[cfg_attr(feature = "serde", serde(rename = "cloudfront"))]
    CloudFront,
    /// AWS Application Load Balancer: the last entry of `X-Forwarded-For`.
    AwsAlb,
    /// AWS Network Load Balancer: PROXY protocol version 2.
    AwsNlb,
    /// Google Cloud's external Application Load Balancer, global or classic: the last but one of `X-Forwarded-For`.
    Gcp,
    /// Azure Front Door: `X-Azure-SocketIP`, of the profile that `X-Azure-FDID` names.
    AzureFrontDoor,
    /// Azure Application Gateway: the last entry of `X-Forwarded-For`.
    AzureAppGateway,
    /// Fly.io: `Fly-Client-IP`.
    Fly,
    /// Fastly, with VCL that sets it: `Fastly-Client-IP`.
    Fastly,
    /// Akamai, with a property that sets it: `True-Client-IP`.
    Akamai,
    /// Heroku: the last entry of `X-Forwarded-For`.
    Heroku,
    /// Render: `CF-Connecting-IP`.
    Render,
    /// Railway: `X-Real-IP`.
    Railway,
    /// Vercel: `X-Vercel-Forwarded-For`.
    Vercel,
    /// ingress-nginx with its defaults: `X-Real-IP`.
    IngressNginx,
    /// HAProxy with `option forwardfor`: the last entry of `X-Forwarded-For`.
    #[cfg_attr(feature = "serde", serde(rename = "haproxy"))]
    HaProxy,
}

/// A list of CIDRs as published, and the day of it in seconds since 1970.
struct Published {
    list: &'static str,
    as_of: u64,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Cloudflare,
        Self::CloudFront,
        Self::AwsAlb,
        Self::AwsNlb,
        Self::Gcp,
        Self::AzureFrontDoor,
        Self::AzureAppGateway,
        Self::Fly,
        Self::Fastly,
        Self::Akamai,
        Self::Heroku,
        Self::Render,
        Self::Railway,
        Self::Vercel,
        Self::IngressNginx,
        Self::HaProxy,
    ];

    /// The rule, for the peers that the provider publishes.
    ///
    /// # Errors
    ///
    /// * `peers`: the provider publishes none; see [`rule_for`](Self::rule_for);
    /// * `required`: the rule is safe only with a proof; see [`rule_proved_by`](Self::rule_proved_by).
    pub fn rule(self) -> Result<Rule, RuleError> {
        self.needs_no_proof()?;
        self.published_rule()
    }

    /// The rule, for these peers.
    ///
    /// # Errors
    ///
    /// As with [`rule`](Self::rule), and for `peers` with [`Rule::new`].
    pub fn rule_for(self, peers: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Rule, RuleError> {
        self.needs_no_proof()?;
        self.unproved_rule_for(peers)
    }

    /// The rule of [`AzureFrontDoor`](Self::AzureFrontDoor), for published peers that send its
    /// [`required_header`](Self::required_header) with this value: the id of your profile, in whatever case. Other peers
    /// are put in their place by [`Rule::peers`] and [`Ranges::replace`](crate::Ranges::replace).
    ///
    /// # Errors
    ///
    /// `required`: the value cannot be one, or the provider sends no such header.
    pub fn rule_proved_by(self, value: &str) -> Result<Rule, RuleError> {
        self.prove(self.published_rule()?, value)
    }

    pub(crate) fn prove(self, rule: Rule, value: &str) -> Result<Rule, RuleError> {
        match self.required_header() {
            Some(header) => rule.with_required_header(header, &value.to_ascii_lowercase()),
            None => {
                let remedy =
                    format!("{} sends no such header of itself: name the one you let it add", self.as_str());
                Err(RuleError::new("required", "", remedy))
            }
        }
    }

    fn needs_no_proof(self) -> Result<(), RuleError> {
        let Some(header) = self.required_header() else { return Ok(()) };
        let remedy = format!(
            "missing: {} proves nothing without your own {header}; use rule_proved_by",
            self.as_str()
        );
        Err(RuleError::new("required", "", remedy))
    }

    pub(crate) fn published_rule(self) -> Result<Rule, RuleError> {
        let Some(Published { list, as_of }) = self.published() else {
            let remedy = format!("empty, and {} publishes no list: name {}", self.as_str(), self.peers());
            return Err(RuleError::new("peers", "", remedy));
        };
        let rule = self.unproved_rule_for(cidrs(list))?;
        rule.peers().date(SystemTime::UNIX_EPOCH + Duration::from_secs(as_of));
        Ok(rule)
    }

    pub(crate) fn unproved_rule_for(
        self,
        peers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Rule, RuleError> {
        Rule::new(peers, self.header(), self.strategy())
    }

    /// The header it reads; empty where it reads the PROXY protocol.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Cloudflare | Self::Render => "CF-Connecting-IP",
            Self::CloudFront => "CloudFront-Viewer-Address",
            Self::AwsAlb | Self::Gcp | Self::AzureAppGateway | Self::Heroku | Self::HaProxy => {
                "X-Forwarded-For"
            }
            Self::AwsNlb => "",
            Self::AzureFrontDoor => "X-Azure-SocketIP",
            Self::Fly => "Fly-Client-IP",
            Self::Fastly => "Fastly-Client-IP",
            Self::Akamai => "True-Client-IP",
            Self::Railway | Self::IngressNginx => "X-Real-IP",
            Self::Vercel => "X-Vercel-Forwarded-For",
        }
    }

    /// How it is read.
    #[must_use]
    pub fn strategy(self) -> Strategy {
        match self {
            Self::AwsAlb | Self::AzureAppGateway | Self::Heroku | Self::HaProxy => Strategy::Count(1),
            // The balancer appends the client, and then itself.
            Self::Gcp => Strategy::Count(2),
            Self::AwsNlb => Strategy::ProxyProtocol,
            _ => Strategy::Single,
        }
    }

    /// A header that proves that the peer is yours and not another customer's, where the provider sends one.
    #[must_use]
    pub fn required_header(self) -> Option<&'static str> {
        (self == Self::AzureFrontDoor).then_some("X-Azure-FDID")
    }

    /// Where the provider publishes its peers.
    #[must_use]
    pub fn ranges_url(self) -> Option<&'static str> {
        let list = self.published()?.list;
        list.lines().find_map(|line| line.strip_prefix("# source: "))
    }

    /// Its name in configurations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloudflare => "cloudflare",
            Self::CloudFront => "cloudfront",
            Self::AwsAlb => "aws-alb",
            Self::AwsNlb => "aws-nlb",
            Self::Gcp => "gcp",
            Self::AzureFrontDoor => "azure-front-door",
            Self::AzureAppGateway => "azure-app-gateway",
            Self::Fly => "fly",
            Self::Fastly => "fastly",
            Self::Akamai => "akamai",
            Self::Heroku => "heroku",
            Self::Render => "render",
            Self::Railway => "railway",
            Self::Vercel => "vercel",
            Self::IngressNginx => "ingress-nginx",
            Self::HaProxy => "haproxy",
        }
    }

    /// What a deployment must see to, for the rule to be true.
    #[must_use]
    pub fn caveat(self) -> &'static str {
        match self {
            Self::Cloudflare => {
                "the ranges are those of every Cloudflare customer: require a secret header, or use Authenticated Origin \
                 Pulls. Workers of other zones all ask as 2a06:98c0:3600::103. With Pseudo IPv4 set to overwrite, IPv6 \
                 clients are in CF-Connecting-IPv6"
            }
            Self::CloudFront => {
                "the ranges are those of every AWS customer's distributions: require a secret origin header. The header \
                 is there only if an origin request policy adds it"
            }
            Self::AwsAlb => {
                "right for the mode append, the default; in preserve the client writes the header. Behind CloudFront \
                 write the rule out with count = 2"
            }
            Self::AwsNlb => {
                "needs proxy_protocol_v2.enabled=true and preserve_client_ip.enabled=false: with client IPs preserved the \
                 peer is the client itself, and no subnet holds it"
            }
            Self::Gcp => {
                "the published ranges are those of global and classic balancers; for a regional one give its proxy-only \
                 subnet as peers. A backend with a public address needs a firewall rule too"
            }
            Self::AzureFrontDoor => {
                "the ranges are those of every Azure customer, and change often: X-Azure-FDID must be your profile's id, \
                 and the list should be replaced at run time"
            }
            Self::AzureAppGateway => {
                "peers are the gateway's subnet, or its public address where the backend is a public endpoint"
            }
            Self::Fly => "behind another CDN the header holds that CDN's address",
            Self::Fastly => {
                "Fastly keeps what the client sent, unless your VCL sets Fastly-Client-IP where \
                 fastly.ff.visits_this_service == 0 && req.restarts == 0; and the ranges are those of every customer"
            }
            Self::Akamai => {
                "off by default, and the client's own header stands unless the property forbids it; peers are your Site \
                 Shield map, or the Origin IP ACL blocks if that behaviour is on"
            }
            Self::Heroku => {
                "the legacy Common Runtime router let a second X-Forwarded-For line of the client's stand last"
            }
            Self::Render => {
                "10.0.0.0/8, where the routers are, holds your neighbours too; X-Forwarded-For has no fixed count"
            }
            Self::Railway => "the private network goes round the edge that sets the header",
            Self::Vercel => {
                "for code behind Vercel; to a server of your own (a rewrite) Vercel comes from unlisted addresses: require \
                 a secret header"
            }
            Self::IngressNginx => {
                "right while use-forwarded-headers is false, the default; with it clients write the header. With \
                 externalTrafficPolicy: Cluster every client has a node's address"
            }
            Self::HaProxy => {
                "right for option forwardfor without if-none, which lets the client's own header stand"
            }
        }
    }

    fn peers(self) -> &'static str {
        match self {
            Self::AwsAlb | Self::AwsNlb => "the subnets of the load balancer",
            Self::AzureAppGateway => "the subnet of the gateway",
            Self::Akamai => "your Site Shield map",
            Self::IngressNginx => "the pods of the controller",
            Self::HaProxy => "the addresses of your HAProxy",
            _ => "the private network its router connects from",
        }
    }

    fn published(self) -> Option<Published> {
        let published = |list, as_of| Some(Published { list, as_of });
        match self {
            Self::Cloudflare => published(include_str!("preset/cloudflare.txt"), 1_790_121_600),
            Self::CloudFront => published(include_str!("preset/cloudfront.txt"), 1_791_244_800),
            Self::Gcp => published(include_str!("preset/gcp.txt"), 1_776_211_200),
            Self::AzureFrontDoor => published(include_str!("preset/azure-front-door.txt"), 1_788_480_000),
            Self::Fastly => published(include_str!("preset/fastly.txt"), 1_790_121_600),
            _ => None,
        }
    }
}

/// The CIDRs of a list, one a line; a line may end in `# a comment`.
pub(crate) fn cidrs(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter_map(|line| line.split('#').next()).map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_list_is_a_rule_with_its_day() {
        for (preset, cidrs) in [
            (Preset::Cloudflare, 22),
            (Preset::CloudFront, 80),
            (Preset::Gcp, 3),
            (Preset::AzureFrontDoor, 247),
            (Preset::Fastly, 21),
        ] {
            let rule = preset.published_rule().unwrap();
            assert_eq!((rule.peers().len(), rule.warnings().len()), (cidrs, 0), "{preset:?}");
            assert!(preset.ranges_url().is_some_and(|url| url.starts_with("https://")), "{preset:?}");
            let Published { list, as_of } = preset.published().unwrap();
            let day = list.lines().find_map(|line| line.strip_prefix("# as of: ")).unwrap();
            let start: jiff::civil::Date = day.parse().unwrap();
            let start = start.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
            assert_eq!(u64::try_from(start).unwrap(), as_of, "{preset:?} {day}");
            let later = SystemTime::UNIX_EPOCH + Duration::from_secs(as_of + 86_400);
            assert_eq!(rule.peers().age(later), Some(Duration::from_secs(86_400)), "{preset:?}");
        }
    }

    #[test]
    fn azure_front_door_is_no_rule_without_the_id_of_ones_own() {
        let error = |rule: Result<Rule, RuleError>| rule.unwrap_err().to_string();
        assert!(error(Preset::AzureFrontDoor.rule()).contains("X-Azure-FDID"));
        assert!(error(Preset::AzureFrontDoor.rule_for(["10.0.0.0/8"])).contains("X-Azure-FDID"));
        assert!(Preset::AzureFrontDoor.rule_proved_by("E3A1...").is_ok());
        assert!(error(Preset::Cloudflare.rule_proved_by("x")).contains("cloudflare sends no such header"));
    }

    #[test]
    fn where_nothing_is_published_the_peers_are_asked_for() {
        for preset in Preset::ALL {
            assert!(preset.unproved_rule_for(["10.0.0.0/24"]).is_ok(), "{preset:?}");
            if preset.published().is_none() {
                let error = preset.rule().unwrap_err();
                assert_eq!(error.field(), "peers");
                assert!(error.to_string().contains(preset.as_str()), "{error}");
            }
        }
        let error = Preset::AwsAlb.rule().unwrap_err().to_string();
        assert_eq!(
            error,
            "peers: empty, and aws-alb publishes no list: name the subnets of the load balancer"
        );
    }
}
