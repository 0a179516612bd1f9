//! What the benches share: [`Contender`]s, the [`race`] that times them in turn, [`Table`]s of the outcome, and a
//! [`Counting`] allocator.
//!
//! Criterion keeps the record from run to run, but it times one contender after another, and on a machine with
//! neighbours the ratio of two figures taken a minute apart is the neighbours' ratio. So whatever is compared is also
//! raced: every contender runs a short batch, in turn, hundreds of times over.

mod alloc;
mod contender;
mod race;
mod table;

pub use alloc::{Allocations, Counting, allocations};
pub use contender::Contender;
pub use race::{Effort, Lap, race};
pub use table::{Table, nanoseconds};
