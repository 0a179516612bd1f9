use std::error::Error;
use std::fmt;

use tollgate_rate_limit::Limiter;

use super::store::RedisStore;
use crate::Connection;

/// How a limiter's counts are shared.
#[must_use = "nothing is shared until a limiter is"]
pub struct Sharing {
    connection: Connection,
    nodes: u32,
    secret: Vec<u8>,
    leases: bool,
}

/// A number of nodes that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharingError {
    nodes: u32,
}

impl Sharing {
    /// The most nodes that can share a quota.
    pub const MOST_NODES: u32 = 256;

    /// Over this connection, which others may use, too. By one node, with leases, and without a secret, if nothing else is
    /// said.
    pub fn over(connection: Connection) -> Self {
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
            return Err(SharingError { nodes });
        }
        self.nodes = nodes;
        Ok(self)
    }

    /// The key of the hashes by which addresses are named on the server, the same on all nodes. Without one, whoever
    /// reads the server's keys can find the IPv4 addresses among them by trying all.
    pub fn with_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret = secret.into();
        self
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
        write!(f, "nodes: {}: give how many nodes share the server, 1 to {}", self.nodes, Sharing::MOST_NODES)
    }
}

impl Error for SharingError {}
