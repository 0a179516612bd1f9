use tollgate_8x8::{Endpoint, Placement, Scan, ScanError, apply};

use crate::reference::json::{self, Body};

/// What no input that the fuzzer begins with has in it.
const ADDRESS: &str = "198.51.100.209";

/// A body to each endpoint, with `clientIp` put at the top, in each message, and nowhere:
///
/// 1. what is no JSON is refused, and what is refused as no JSON is none, or is nested deeper than 128;
/// 2. what is refused as ambiguous the reference finds ambiguous, and the other way round;
/// 3. the result is the reference's, byte for byte: what is not written or removed stays as it was;
/// 4. it is JSON, and doing the same to it again changes nothing;
/// 5. where `clientIp` belongs, a reader who decodes escapes and folds letter case sees it once, elsewhere in what is
///    ours never.
pub fn json_inject(data: &[u8]) {
    let is_json = json::is_json(data);
    let too_deep = json::depth(data) > 128;
    for endpoint in Endpoint::DISPATCHES.into_iter().chain([Endpoint::SmaCoverage]) {
        let read = Scan::read(endpoint, data);
        match &read {
            Ok(_) | Err(ScanError::NotAnObject) => assert!(is_json && !too_deep, "{read:?}"),
            Err(ScanError::Syntax(_) | ScanError::Utf8(_)) => assert!(!is_json, "{read:?}"),
            Err(ScanError::Depth) => assert!(too_deep),
            Err(_) => {}
        }
        if !is_json || too_deep {
            continue;
        }
        let text = std::str::from_utf8(data).unwrap();
        let Some(body) = Body::new(text, endpoint.is_batch()) else {
            assert_eq!(read.unwrap_err(), ScanError::NotAnObject);
            continue;
        };
        assert_eq!(read.is_err(), body.is_refused(), "{read:?}");
        if let Ok(scan) = read {
            for placement in [Placement::Top, Placement::Each, Placement::Nowhere] {
                put(endpoint, placement, data, &scan, &body);
            }
        }
    }
}

fn put(endpoint: Endpoint, placement: Placement, data: &[u8], scan: &Scan, body: &Body<'_>) {
    let out = apply(data, &scan.edits(placement), ADDRESS);
    let out = std::str::from_utf8(&out).unwrap();
    let (top, each) = (placement != Placement::Nowhere, placement == Placement::Each);
    assert_eq!(out, body.with_client_ip(ADDRESS, top, each), "{endpoint:?}, {placement:?}");
    assert!(json::is_json(out.as_bytes()), "{out}");

    let again = Scan::read(endpoint, out.as_bytes()).unwrap();
    assert_eq!(apply(out.as_bytes(), &again.edits(placement), ADDRESS), out, "a second time");

    let (at_top, in_messages) = Body::new(out, endpoint.is_batch()).unwrap().client_ips();
    assert_eq!(at_top, usize::from(top));
    assert!(in_messages.into_iter().all(|count| count == usize::from(each)), "{out}");
}
