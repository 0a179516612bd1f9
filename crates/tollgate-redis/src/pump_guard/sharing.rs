use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tollgate_pump_guard::{Node, PumpGuard, Secret};

use super::hearing::Hearing;
use super::listen::listen;
use super::seal::Seal;
use super::tell::{self, Teller};
use crate::{Connection, Server, ServerError};

/// No request waits for it: it only says when the server is given up.
const DEADLINE: Duration = Duration::from_millis(50);

/// The most nodes that can share what they know.
const MOST_NODES: u32 = 256;

/// A secret that is shorter can be guessed.
const SHORTEST: usize = 16;

/// A guard that tells other nodes what it knows, and is told; until it is dropped.
#[must_use = "nothing is shared any more once it is dropped"]
pub struct Shared {
    teller: JoinHandle<()>,
    listener: JoinHandle<()>,
    stop: watch::Sender<bool>,
    hearing: watch::Receiver<Hearing>,
}

/// Why a guard cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError {
    /// The secret has so many bytes only.
    ShortSecret(usize),
    /// The guard's memory hashes under another secret than [`Secret::derived`] of this one.
    OtherSecret,
    /// So many nodes there cannot be.
    Nodes(u32),
    /// The system has no randomness.
    NoRandomness,
}

/// A connection for [`share`], with a deadline of 50 ms for each call.
///
/// # Errors
///
/// Those of [`Connection::open`].
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn open(server: Server) -> Result<Connection, ServerError> {
    Connection::open_for("guard", server, DEADLINE)
}

/// Shares what `guard` knows with all nodes that have the same secret, over a connection of the guard's own ([`open`]).
/// Clones of the guard are the same one. While the server is away, or this node does not hear the others, it may spend one
/// of `nodes` parts of what is left of the day's cap on money.
///
/// # Errors
///
/// The secret is too short, or not the one that the guard's memory is hashed under; no nodes, or more than 256.
pub fn share(
    guard: &PumpGuard,
    connection: Connection,
    secret: &[u8],
    nodes: u32,
) -> Result<Shared, ShareError> {
    if !(1..=MOST_NODES).contains(&nodes) {
        return Err(ShareError::Nodes(nodes));
    }
    if secret.len() < SHORTEST {
        return Err(ShareError::ShortSecret(secret.len()));
    }
    if !guard.is_keyed_by(Secret::derived(secret)) {
        return Err(ShareError::OtherSecret);
    }
    let node = Node::random().ok_or(ShareError::NoRandomness)?;
    let [.., a, b, c, d] = Node::random().ok_or(ShareError::NoRandomness)?.number().to_be_bytes();
    let seal = Seal::new(secret, [a, b, c, d]);
    guard.share_as(node);
    tracing::info!(%node, "the guard shares what it knows");
    let (script, call) = tell::probe();
    connection.also_probe(script, call);
    let (stop, stopped) = watch::channel(false);
    let (hears, hearing) = Hearing::channel();
    let runtime = connection.runtime().clone();
    let listener = runtime.spawn(listen(guard.clone(), connection.clone(), seal.clone(), hears, nodes));
    let teller = Teller::new(guard.clone(), connection, seal, hearing.clone(), nodes);
    let teller = runtime.spawn(teller.run(stopped));
    Ok(Shared { teller, listener, stop, hearing })
}

impl Shared {
    /// Waits until it knows what other nodes told before it was there, for so long at the most: whether it does. What
    /// comes before is judged without that.
    pub async fn caught_up_within(&self, wait: Duration) -> bool {
        let mut hearing = self.hearing.clone();
        matches!(timeout(wait, hearing.wait_for(Hearing::has_caught_up)).await, Ok(Ok(_)))
    }

    /// Tells what is left to be told, for so long at the most, and ends. Whether nothing is left.
    pub async fn finish(mut self, wait: Duration) -> bool {
        self.stop.send_replace(true);
        timeout(wait, &mut self.teller).await.is_ok()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.teller.abort();
        self.listener.abort();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("hears", &self.hearing.borrow().reads()).finish_non_exhaustive()
    }
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret(length) => write!(
                f,
                "secret: {length} bytes: give at least {SHORTEST}, the same on all nodes, that nobody can guess"
            ),
            Self::OtherSecret => f.write_str(
                "secret: not the one that the guard's memory is hashed under: make it with Secret::derived of this one",
            ),
            Self::Nodes(nodes) => {
                write!(f, "nodes: {nodes}: give how many nodes share the server, 1 to {MOST_NODES}")
            }
            Self::NoRandomness => f.write_str("the system has no randomness"),
        }
    }
}

impl Error for ShareError {}
