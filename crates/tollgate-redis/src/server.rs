//! Where Redis or Valkey is, parsed from a URL.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use redis::cluster::ClusterClientBuilder;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode,
};

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;

/// A Redis or Valkey, alone, behind Sentinels, or as a Cluster.
///
/// | URL | is |
/// |---|---|
/// | `redis://[[user]:password@]host[:port][/db]` | one server |
/// | `redis+sentinel://[[user]:password@]host[:port],…/master[/db]` | the master of that name, as these Sentinels know it |
/// | `redis+cluster://[[user]:password@]host[:port],…` | the Cluster that these nodes belong to |
///
/// With `rediss` for `redis` the servers (and Sentinels) are asked by TLS, with the system's certificate authorities or
/// [`with_ca`](Self::with_ca). User and password are the servers' own (Redis ACL); Sentinels are asked without.
///
/// ```
/// use tollgate_redis::Server;
///
/// let server: Server = "rediss://limits:s%40cret@redis.example:6380/2".parse()?;
/// assert_eq!(server.to_string(), "rediss://redis.example:6380/2");
/// # Ok::<(), tollgate_redis::ServerError>(())
/// ```
#[derive(Clone)]
pub struct Server {
    kind: Kind,
    is_tls: bool,
    hosts: Vec<(String, u16)>,
    user: Option<String>,
    password: Option<String>,
    db: i64,
    ca: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Single,
    Sentinel(String),
    Cluster,
}

/// A URL that names no [`Server`]. Says which part of it, never with what is before the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    part: &'static str,
    value: String,
    remedy: &'static str,
}

/// What makes connections.
pub(crate) enum Opener {
    Single(Box<Client>),
    /// To be asked by one at a time.
    Sentinel(Box<tokio::sync::Mutex<SentinelClient>>),
    Cluster(Box<redis::cluster::ClusterClient>),
}

impl Server {
    /// With this certificate authority (PEM) in place of the system's.
    #[must_use]
    pub fn with_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Whether it is a Cluster, whose scripts may only touch keys of one hash slot.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.kind == Kind::Cluster
    }

    /// Whether what is said to it, its password too, crosses a network without TLS: it is on another host than this one.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        let is_here = |host: &str| match host.parse::<IpAddr>() {
            Ok(addr) => addr.to_canonical().is_loopback(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        };
        !self.is_tls && !self.hosts.iter().all(|(host, _)| is_here(host))
    }

    pub(crate) fn opener(&self) -> RedisResult<Opener> {
        if self.is_tls && rustls::crypto::CryptoProvider::get_default().is_none() {
            // With the features of two providers in one build, rustls would not choose, and panic. An error means that
            // somebody was faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let certificates = || TlsCertificates { client_tls: None, root_cert: self.ca.clone() };
        let tls = || if self.is_tls { Some(TlsMode::Secure) } else { None };
        match &self.kind {
            Kind::Single => {
                let Some(addr) = self.addrs().next() else { return Err(no_host()) };
                let info = addr.into_connection_info()?.set_redis_settings(self.settings());
                let client = match self.is_tls {
                    true => Client::build_with_tls(info, certificates())?,
                    false => Client::open(info)?,
                };
                Ok(Opener::Single(Box::new(client)))
            }
            Kind::Sentinel(master) => {
                let mut builder =
                    SentinelClientBuilder::new(self.addrs(), master, SentinelServerType::Master)?
                        .set_client_to_redis_db(self.db);
                if let Some(user) = &self.user {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = &self.password {
                    builder = builder.set_client_to_redis_password(password);
                }
                if let Some(mode) = tls() {
                    builder = builder
                        .set_client_to_redis_tls_mode(mode)
                        .set_client_to_redis_certificates(certificates())
                        .set_client_to_sentinel_tls_mode(mode)
                        .set_client_to_sentinel_certificates(certificates());
                }
                Ok(Opener::Sentinel(Box::new(builder.build()?.into())))
            }
            Kind::Cluster => {
                let mut builder = ClusterClientBuilder::new(self.addrs());
                if let Some(user) = &self.user {
                    builder = builder.username(user);
                }
                if let Some(password) = &self.password {
                    builder = builder.password(password);
                }
                if let Some(mode) = tls() {
                    builder = builder.tls(mode).certs(certificates());
                }
                // Redirections within the deadline, which is ours to keep.
                Ok(Opener::Cluster(Box::new(builder.retries(3).build()?)))
            }
        }
    }

    fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default().set_db(self.db);
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        settings
    }

    fn addrs(&self) -> impl Iterator<Item = ConnectionAddr> {
        self.hosts.iter().cloned().map(|(host, port)| match self.is_tls {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        })
    }
}

fn no_host() -> redis::RedisError {
    (redis::ErrorKind::InvalidClientConfig, "no host").into()
}

impl std::str::FromStr for Server {
    type Err = ServerError;

    fn from_str(url: &str) -> Result<Self, ServerError> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(ServerError::new("scheme", "", "write redis://host:port, or one of the other forms"));
        };
        let (kind, is_tls) = match scheme {
            "redis" => (Kind::Single, false),
            "rediss" => (Kind::Single, true),
            "redis+sentinel" => (Kind::Sentinel(String::new()), false),
            "rediss+sentinel" => (Kind::Sentinel(String::new()), true),
            "redis+cluster" => (Kind::Cluster, false),
            "rediss+cluster" => (Kind::Cluster, true),
            other => {
                let remedy = "write redis, rediss (TLS), redis+sentinel, rediss+sentinel, redis+cluster or rediss+cluster";
                return Err(ServerError::new("scheme", other, remedy));
            }
        };
        // The last `@`: a password may have one in it that nobody escaped, and it must not end up in an error.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(ServerError::new(
                "query",
                "",
                "leave out what follows ? or #: nothing is read there",
            ));
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut path = path.split('/').filter(|part| !part.is_empty());
        let port = if matches!(kind, Kind::Sentinel(_)) { DEFAULT_SENTINEL_PORT } else { DEFAULT_PORT };
        let hosts = hosts.split(',').map(|host| parse_host(host, port)).collect::<Result<Vec<_>, _>>()?;
        if kind == Kind::Single && hosts.len() > 1 {
            let remedy = "give one host, or say redis+sentinel:// or redis+cluster://";
            return Err(ServerError::new("hosts", rest, remedy));
        }
        let kind = match kind {
            Kind::Sentinel(_) => match path.next() {
                Some(master) => Kind::Sentinel(master.to_owned()),
                None => {
                    let remedy =
                        "write the master's name after the hosts: redis+sentinel://host:26379/mymaster";
                    return Err(ServerError::new("master", "", remedy));
                }
            },
            kind => kind,
        };
        let db = match path.next() {
            None => 0,
            Some(db) if kind == Kind::Cluster => {
                return Err(ServerError::new("db", db, "leave it out: a Cluster has one database"));
            }
            Some(db) => match db.parse::<u16>() {
                Ok(number) => number.into(),
                Err(_) => return Err(ServerError::new("db", db, "give the database's number, 0 to 65535")),
            },
        };
        if let Some(more) = path.next() {
            return Err(ServerError::new("path", more, "nothing follows the database's number"));
        }
        let (user, password) = credentials.map_or(Ok((None, None)), parse_credentials)?;
        Ok(Self { kind, is_tls, hosts, user, password, db, ca: None })
    }
}

fn parse_credentials(credentials: &str) -> Result<(Option<String>, Option<String>), ServerError> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        let remedy = "write user:password with percent-encoding, as UTF-8";
        decoded.map(std::borrow::Cow::into_owned).map_err(|_| ServerError::new("password", "", remedy))
    };
    let Some((user, password)) = credentials.split_once(':') else {
        let remedy = "write user:password@, or :password@ for the default user";
        return Err(ServerError::new("password", "", remedy));
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    Ok((some(decode(user)?), some(decode(password)?)))
}

fn parse_host(text: &str, default: u16) -> Result<(String, u16), ServerError> {
    // Up to the colon: what follows may be a password whose host was forgotten.
    let shown = text.split(':').next().unwrap_or_default();
    let wrong = || ServerError::new("host", shown, "write host, host:port, or [IPv6]:port");
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => default,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

/// Without user and password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { "rediss" } else { "redis" })?;
        f.write_str(match self.kind {
            Kind::Single => "://",
            Kind::Sentinel(_) => "+sentinel://",
            Kind::Cluster => "+cluster://",
        })?;
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        if let Kind::Sentinel(master) = &self.kind {
            write!(f, "/{master}")?;
        }
        if self.db != 0 { write!(f, "/{}", self.db) } else { Ok(()) }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

impl ServerError {
    fn new(part: &'static str, value: &str, remedy: &'static str) -> Self {
        Self { part, value: value.to_owned(), remedy }
    }

    pub(crate) fn of_client(error: &redis::RedisError) -> Self {
        let remedy = "give a certificate authority as PEM, or install the system's (ca-certificates)";
        Self { part: "tls", value: error.category().to_owned(), remedy }
    }

    /// Which part of the URL: `scheme`, `host`, `db` …
    #[must_use]
    pub fn part(&self) -> &str {
        self.part
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.part, self.value, self.remedy)
    }
}

impl Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Server, ServerError> {
        url.parse()
    }

    #[test]
    fn each_form_of_url_is_read() {
        for (url, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://[::1]:7000/3", "redis://[::1]:7000/3"),
            ("rediss://:pw@a.example", "rediss://a.example:6379"),
            ("redis+sentinel://u:pw@a,b:7/primary/2", "redis+sentinel://a:26379,b:7/primary/2"),
            ("rediss+cluster://a:1,b:2,c:3", "rediss+cluster://a:1,b:2,c:3"),
        ] {
            assert_eq!(parse(url).unwrap().to_string(), shown);
        }
        let server = parse("redis://us%3Aer:p%40ss@h").unwrap();
        assert_eq!((server.user.as_deref(), server.password.as_deref()), (Some("us:er"), Some("p@ss")));
    }

    #[test]
    fn what_crosses_a_network_without_tls_is_told() {
        for url in
            ["redis://localhost", "redis://127.0.0.2/1", "redis+cluster://[::1],localhost", "rediss://h"]
        {
            assert!(!parse(url).unwrap().is_in_the_clear(), "{url}");
        }
        for url in
            ["redis://h", "redis://10.0.0.5", "redis+cluster://localhost,h", "redis://localhost.evil.example"]
        {
            assert!(parse(url).unwrap().is_in_the_clear(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy() {
        for (url, part) in [
            ("localhost:6379", "scheme"),
            ("http://localhost", "scheme"),
            ("redis://", "host"),
            ("redis://h:0", "host"),
            ("redis://h:port", "host"),
            ("redis://a,b", "hosts"),
            ("redis://h/x", "db"),
            ("redis+cluster://h/1", "db"),
            ("redis+sentinel://h", "master"),
            ("redis://h/1/2", "path"),
            ("redis://h?db=1", "query"),
            ("redis://secret@h", "password"),
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.part(), part, "{url}: {error}");
            assert!(!error.remedy.is_empty());
        }
    }

    #[test]
    fn no_password_is_ever_shown() {
        for url in ["redis://u:hunter2@h:1", "redis://u:hunter2@x@h:1", "rediss+cluster://:hunter2@a,b"] {
            let server = parse(url).unwrap();
            assert!(!format!("{server} {server:?}").contains("hunter2"));
        }
        for url in [
            "redis://u:hunter2@h:x",
            "ftp://u:hunter2@h",
            "redis://u:hunter2@h/x",
            "redis://hunter2@h",
            "redis://u:hunter2%ff@h",
            "redis://u:hunter2",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
