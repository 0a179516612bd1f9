//! Tests across crates; see `it/`.
