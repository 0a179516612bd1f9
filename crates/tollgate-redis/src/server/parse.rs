use percent_encoding::percent_decode_str;

use super::{Kind, Server, ServerError};

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;

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
        let remedy =
            "write user:password@, :password@ for the default user, or user:@ with the password elsewhere";
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
