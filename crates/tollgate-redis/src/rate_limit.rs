//! The limiter's counts on a server that all nodes ask.
//!
//! 1. **One atomic call** decides about all counts of a request, all or nothing, by the server's clock: the nodes' own
//!    clocks may differ as they like.
//! 2. **A refusal is remembered** until its wait is over, for at most 10 s: a client that hammers costs the server nothing.
//!    When something is forgiven on one node, others may go on refusing for that long.
//! 3. **A busy client's quota is leased**: a node takes a part of it at once, up to a sixteenth divided by the nodes, and
//!    spends it by itself. What is leased is charged when it is taken, so that no quota is ever exceeded; a limit may bite
//!    earlier by what other nodes hold or a dead one held, an eighth of the burst at the most. Small quotas (fewer than 16
//!    at once for each node), limits whose charges are settled afterwards, and what has been given back or forgotten
//!    lately, are not leased.
//! 4. **When the server is away** each node decides by what it knows of the server's counts, and by what it has let
//!    through since, with its part of the quota. Of clients that it knows nothing of, all nodes together may let through
//!    another burst. When the server is back, it is told what was let through. A server that comes back empty learns from
//!    each node what that one knew.
//! 5. **On the server**, keys expire when nothing is owed any more, and begin with `tollgate1:`, the schema's version.
//!    Addresses are there as keyed hashes ([`Sharing::over`]).

mod ask;
mod change;
mod kept;
mod keys;
mod leases;
mod pending;
mod question;
mod sharing;
mod store;
mod together;

pub use kept::Kept;
pub use sharing::{Sharing, SharingError};
pub use store::RedisStore;
