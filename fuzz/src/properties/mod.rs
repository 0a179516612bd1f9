//! What is promised, each a function that panics where the promise is broken.

mod address;
mod forwarded;
mod json_inject;
mod x_forwarded_for;

pub use address::address;
pub use forwarded::forwarded;
pub use json_inject::json_inject;
pub use x_forwarded_for::x_forwarded_for;

use tollgate_client_ip::Strategy;

use crate::reference::Method;

/// What is asked of every list.
const METHODS: [Method; 4] = [Method::Ranges, Method::Count(1), Method::Count(2), Method::Count(5)];

fn strategy(method: Method) -> Strategy {
    match method {
        Method::Ranges => Strategy::Ranges,
        Method::Count(count) => Strategy::Count(count),
    }
}

/// Beside what the fuzzer thinks of, two of the known ones: all of them on every input would take all its time.
fn attacks(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    ATTACKS.into_iter().cycle().skip(data.len() % ATTACKS.len()).take(2)
}

/// What has fooled other resolvers.
const ATTACKS: [&[u8]; 11] = [
    b"",
    b"198.51.100.66",
    b"10.0.0.9",
    b"garbage",
    b"\xff",
    b"\"",
    b",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
    b"for=198.51.100.66",
    b"for=\"198.51.100.66",
    b"for=\"198.51.100.66, for=\\",
    b"for=198.51.100.66;for=10.0.0.9",
];
