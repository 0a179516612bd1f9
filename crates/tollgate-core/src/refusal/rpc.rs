//! The few messages of gRPC's richer error model that a refusal needs, as protocol buffers on the wire.

use std::time::Duration;

const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// A `google.rpc.Status` whose one detail is a `google.rpc.RetryInfo`.
///
/// Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>
pub(super) fn status(code: u8, message: &str, retry_delay: Duration) -> Vec<u8> {
    let mut delay = Vec::with_capacity(12);
    number(&mut delay, 1, retry_delay.as_secs());
    number(&mut delay, 2, retry_delay.subsec_nanos().into());
    let mut retry_info = Vec::with_capacity(16);
    bytes(&mut retry_info, 1, &delay);
    let mut any = Vec::with_capacity(64);
    bytes(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
    bytes(&mut any, 2, &retry_info);
    let mut status = Vec::with_capacity(80 + message.len());
    number(&mut status, 1, code.into());
    bytes(&mut status, 2, message.as_bytes());
    bytes(&mut status, 3, &any);
    status
}

/// Zero is not written: that is what an absent field means.
fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value > 0 {
        out.push(field << 3 | VARINT);
        varint(out, value);
    }
}

fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | BYTES);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
