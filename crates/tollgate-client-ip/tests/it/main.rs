//! What the crate promises, seen from outside.

mod attacks;
mod forwarded;
mod layer;
mod property;
mod rules;
mod sanitize;
