use std::error::Error;
use std::fmt;

use tollgate_rate_limit::Limiter;

use super::store::RedisStore;
use crate::Connection;

/// A secret that is shorter can be guessed.
const SHORTEST_SECRET: usize = 16;

/// How a limiter's counts are shared.
#[must_use = "nothing is shared until a limiter is"]
pub struct Sharing {
    connection: Connection,
    nodes: u32,
    secret: Vec<u8>,
    leases: bool,
}

/// Why counts cannot be shared so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharingError {
    /// The secret has so many bytes only.
    ShortSecret(usize),
    /// So many nodes there cannot be.
    Nodes(u32),
}

impl Sharing {
    /// The most nodes that can share a quota.
    pub const MOST_NODES: u32 = 256;

    /// Over this connection, which others may use, too. `secret` is the key of the hashes by which addresses are named on
    /// the server: at least 16 bytes that nobody can guess, the same on all nodes. By one node and with leases, if nothing
    /// else is said.
    ///
    /// # Errors
    ///
    /// The secret is shorter.
    pub fn over(connection: Connection, secret: impl Into<Vec<u8>>) -> Result<Self, SharingError> {
        let secret = secret.into();
        if secret.len() < SHORTEST_SECRET {
            return Err(SharingError::ShortSecret(secret.len()));
        }
        Ok(Self { secret, ..Self::insecure_without_secret(connection) })
    }

    /// Whoever reads the server's keys can find the IPv4 addresses among them by trying all.
    pub fn insecure_without_secret(connection: Connection) -> Self {
        Self { connection, nodes: 1, secret: Vec::new(), leases: true }
    }

    /// How many nodes share the counts: each has its part of a quota while the server is away, and leases as much less.
    /// Too few let through more than the quota then; too many, less.
    ///
    /// # Errors
    ///
    /// None, or more than 256.
    pub fn with_nodes(mut self, nodes: u32) -> Result<Self, SharingError> {
        if !(1..=Self::MOST_NODES).contains(&nodes) {
            return Err(SharingError::Nodes(nodes));
        }
        self.nodes = nodes;
        Ok(self)
    }

    /// Asks the server about every request that is not refused: a limit bites exactly when it is used up, on whichever
    /// node.
    pub fn without_leases(mut self) -> Self {
        self.leases = false;
        self
    }

    /// The limiter with its counts on the server. Limits are the same for all nodes that have the same names for them.
    /// Its memory, and twice as much again, holds what this node knows.
    #[must_use]
    pub fn share(self, limiter: Limiter) -> Limiter<RedisStore> {
        let Self { connection, nodes, secret, leases } = self;
        limiter.with_store_of(|memory, limits, clock| {
            RedisStore::new(connection, memory, limits, nodes, &secret, leases, clock)
        })
    }
}

/// Without the secret.
impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing")
            .field("connection", &self.connection)
            .field("nodes", &self.nodes)
            .field("leases", &self.leases)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SharingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret(length) => write!(
                f,
                "secret: {length} bytes: give at least {SHORTEST_SECRET}, the same on all nodes, that nobody can guess"
            ),
            Self::Nodes(nodes) => {
                write!(
                    f,
                    "nodes: {nodes}: give how many nodes share the server, 1 to {}",
                    Sharing::MOST_NODES
                )
            }
        }
    }
}

impl Error for SharingError {}
