//! What the crate promises, seen from outside.

mod attacks;
mod layer;
mod property;
