//! Where Redis or Valkey is, parsed from a URL.

mod parse;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode,
};

/// A Redis or Valkey, alone, behind Sentinels, or as a Cluster.
///
/// | URL | is |
/// |---|---|
/// | `redis://[[user]:password@]host[:port][/db]` | one server |
/// | `redis+sentinel://[[user]:password@]host[:port],…/master[/db]` | the master of that name, as these Sentinels know it |
/// | `redis+cluster://[[user]:password@]host[:port],…` | the Cluster that these nodes belong to |
///
/// With `rediss` for `redis` the servers (and Sentinels) are asked by TLS, with the system's certificate authorities or
/// [`with_ca`](Self::with_ca). User and password are the servers' own (Redis ACL); Sentinels are told them only where they
/// ask for some.
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
    /// To be asked by one at a time: without a password, and with it where there is one.
    Sentinel(tokio::sync::Mutex<Vec<SentinelClient>>),
    Cluster(Box<redis::cluster::ClusterClient>),
}

impl Server {
    /// With this certificate authority (PEM) in place of the system's.
    #[must_use]
    pub fn with_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// With this password, which stands in no URL then.
    ///
    /// # Errors
    ///
    /// There is one in the URL.
    pub fn with_password(mut self, password: impl Into<String>) -> Result<Self, ServerError> {
        if self.password.is_some() {
            return Err(ServerError::new("password", "", "leave out the one in the URL, or the other one"));
        }
        self.password = Some(password.into());
        Ok(self)
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
        match &self.kind {
            Kind::Single => {
                let Some(addr) = self.addrs().next() else { return Err(no_host()) };
                let info = addr.into_connection_info()?.set_redis_settings(self.settings());
                let info = info.set_tcp_settings(at_once());
                let client = match self.is_tls {
                    true => Client::build_with_tls(info, self.certificates())?,
                    false => Client::open(info)?,
                };
                Ok(Opener::Single(Box::new(client)))
            }
            Kind::Sentinel(master) => {
                let mut clients = vec![self.sentinels(master, false)?.build()?];
                if self.password.is_some() {
                    clients.push(self.sentinels(master, true)?.build()?);
                }
                Ok(Opener::Sentinel(clients.into()))
            }
            Kind::Cluster => {
                let mut builder = ClusterClientBuilder::new(self.addrs()).tcp_settings(at_once());
                if let Some(user) = &self.user {
                    builder = builder.username(user);
                }
                if let Some(password) = &self.password {
                    builder = builder.password(password);
                }
                if self.is_tls {
                    builder = builder.tls(TlsMode::Secure).certs(self.certificates());
                }
                // Redirections within the deadline, which is ours to keep.
                Ok(Opener::Cluster(Box::new(builder.retries(3).build()?)))
            }
        }
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.ca.clone() }
    }

    fn sentinels(&self, master: &str, with_password: bool) -> RedisResult<SentinelClientBuilder> {
        let mut builder = SentinelClientBuilder::new(self.addrs(), master, SentinelServerType::Master)?
            .set_client_to_redis_db(self.db)
            .set_client_to_redis_tcp_settings(at_once())
            .set_client_to_sentinel_tcp_settings(at_once());
        if let Some(user) = &self.user {
            builder = builder.set_client_to_redis_username(user);
            if with_password {
                builder = builder.set_client_to_sentinel_username(user);
            }
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_redis_password(password);
            if with_password {
                builder = builder.set_client_to_sentinel_password(password);
            }
        }
        if self.is_tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(self.certificates())
                .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_certificates(self.certificates());
        }
        Ok(builder)
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

/// No question waits for another one's answer (Nagle's algorithm): from 13 ms on, that would be later than the deadline.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

pub(crate) fn no_host() -> redis::RedisError {
    (redis::ErrorKind::InvalidClientConfig, "no host").into()
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
