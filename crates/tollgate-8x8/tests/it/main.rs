//! What no body may do to the injection of `clientIp`, on the public API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutations;
mod traps;

use serde_json::value::RawValue;
use tollgate_8x8::{Endpoint, Placement, Scan, ScanError, apply};

const ADDRESS: &str = "203.0.113.7";
const PLACEMENTS: [Placement; 3] = [Placement::Top, Placement::Each, Placement::Nowhere];

fn put(endpoint: Endpoint, placement: Placement, body: &[u8]) -> Result<Vec<u8>, ScanError> {
    let scan = Scan::read(endpoint, body)?;
    Ok(apply(body, &scan.edits(placement), ADDRESS).to_vec())
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok()
}
