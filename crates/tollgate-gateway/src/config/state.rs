use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate::redis::Server;
use tollgate::redis::rate_limit::Sharing;

use super::{Problems, Span};

/// That of [`tollgate::redis::Connection::open`].
const DEADLINE: Span = Span(Duration::from_millis(25));

/// `[state]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The file in which `tollgate serve` keeps the guard's memory; empty keeps nothing.
    pub path: String,
    /// The Redis or Valkey that several gateways share their limits on. Empty: they share none.
    pub redis: ServerUrl,
    /// The environment variable with the password of the user in `redis`. Empty: it is in `redis`, or there is none.
    pub password_env: String,
    /// How many gateways share it, 1 to 256.
    pub nodes: u32,
    /// How long a request waits for it, 1 ms to 1 s.
    pub deadline: Span,
    /// The environment variable with the key of the hashes that stand for addresses on it, the same for all gateways.
    pub secret_env: String,
}

impl Default for State {
    fn default() -> Self {
        Self {
            path: String::new(),
            redis: ServerUrl::default(),
            password_env: String::new(),
            nodes: 1,
            deadline: DEADLINE,
            secret_env: String::new(),
        }
    }
}

/// Where a Redis is, as it is written: there may be a password in it, which `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct ServerUrl(pub String);

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<Server>() {
            Ok(server) => write!(f, "\"{server}\""),
            Err(_) if self.0.is_empty() => f.write_str("\"\""),
            Err(_) => f.write_str("(not a server's URL)"),
        }
    }
}

impl State {
    /// The server, where one is named that can be.
    pub(super) fn server(&self, problems: &mut Problems) -> Option<Server> {
        const MOST: u32 = Sharing::MOST_NODES;
        if self.redis.0.is_empty() {
            let unshared = "shares nothing while state.redis is empty: name the server there, or";
            if self.nodes != 1 {
                problems.add("state.nodes", format!("{} {unshared} write 1", self.nodes));
            }
            if self.deadline != DEADLINE {
                problems.add("state.deadline", format!("{} {unshared} write \"{DEADLINE}\"", self.deadline));
            }
            for (field, name) in
                [("state.password_env", &self.password_env), ("state.secret_env", &self.secret_env)]
            {
                if !name.is_empty() {
                    problems.add(field, format!("{name:?} {unshared} write \"\""));
                }
            }
            return None;
        }
        if !(1..=MOST).contains(&self.nodes) {
            let remedy = "write how many gateways share the server";
            problems.add("state.nodes", format!("{} is not within 1 and {MOST}: {remedy}", self.nodes));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(1)).contains(&self.deadline.0) {
            let remedy =
                "write how long a request may wait for the server, some times as long as its answers take";
            problems.add("state.deadline", format!("{} is not within 1ms and 1s: {remedy}", self.deadline));
        }
        if self.secret_env.is_empty() {
            problems.add(
                "state.secret_env",
                "\"\" leaves the addresses of clients to be read off state.redis: name an environment variable with a \
                 secret of 16 bytes or more, the same for all gateways",
            );
        }
        let server = problems.take("state.redis", self.redis.0.parse::<Server>())?;
        if !self.password_env.is_empty() {
            // What it is, is not looked up yet.
            problems.take("state.password_env", server.clone().with_password(""));
        }
        Some(server)
    }

    pub(super) fn warn(&self, server: &Server, warnings: &mut Vec<String>) {
        if server.is_in_the_clear() {
            warnings.push(format!(
                "state.redis: {server} is asked without TLS: whoever is on the way there can read the password and change \
                 the limits; rediss in place of redis is TLS"
            ));
        }
        if self.nodes == 1 {
            warnings.push(
                "state.nodes: 1 means that no other gateway shares the server; of several, each would let a whole quota \
                 pass while the server is away"
                    .to_owned(),
            );
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
