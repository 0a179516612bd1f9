//! What is promised of Tollgate's parsers, as functions of any bytes: the fuzz targets call them, and so do the tests,
//! with the seeds.
//!
//! Beside the promises stands a reference: the same rules again, written to be read and not to be fast, from the RFCs
//! and with `std`'s parsers.

#![forbid(unsafe_code)]

pub mod properties;
pub mod reference;

mod input;
mod ours;
