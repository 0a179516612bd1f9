//! The rules again, to be read.
//!
//! Bytes are taken for characters one by one (Latin-1), so that every header line is a text and `std`'s parsers can be
//! asked; none of them accepts anything beyond ASCII.

mod forwarded;
mod list;
mod node;

pub mod json;

pub use forwarded::{forwarded, is_forwarded};
pub use list::{Method, x_forwarded_for};
pub use node::{single, single_with_port};

use std::net::IpAddr;

/// The client, or why there is none.
pub type Answer = Result<IpAddr, Refusal>;

/// Why there is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason's name.
    pub code: &'static str,
    /// Of the entry that cannot be read: how many non-empty ones stand right of it.
    pub index: Option<usize>,
}

impl Refusal {
    fn of_list(code: &'static str) -> Self {
        Self { code, index: None }
    }

    /// Whether it is about one entry, and not about how many there are.
    pub(crate) fn is_of_an_entry(&self) -> bool {
        self.index.is_some()
    }
}

/// The networks whose hosts are proxies.
pub const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.0/28", "2001:db8:5::/48"];

fn is_trusted(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => match v4.octets() {
            [10, ..] => true,
            [192, 0, 2, last] => last < 16,
            _ => false,
        },
        IpAddr::V6(v6) => v6.segments().starts_with(&[0x2001, 0xdb8, 5]),
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}
