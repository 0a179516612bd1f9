//! What the benches share: [`Contender`]s, the [`race`] that times them in turn, [`Table`]s of the outcome, [`Targets`],
//! the service [`AtOnce`] for layers to be put around, and a [`Counting`] allocator.
//!
//! Criterion keeps the record from run to run, but it times one contender after another, and on a machine with
//! neighbours the ratio of two figures taken a minute apart is the neighbours' ratio. So whatever is compared is also
//! raced: every contender runs a short batch, in turn, hundreds of times over.

mod alloc;
mod at_once;
mod contender;
mod race;
mod table;
mod targets;

pub use alloc::{Allocations, Counting, allocations};
pub use at_once::AtOnce;
pub use contender::Contender;
pub use race::{Effort, Lap, race};
pub use table::{Table, nanoseconds};
pub use targets::Targets;
