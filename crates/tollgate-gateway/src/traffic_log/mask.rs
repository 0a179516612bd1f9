use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tollgate::pump_guard::Reading;
use tollgate::pump_guard::engine::Number;

/// What the MAC is for: the secret has other uses.
const CONTEXT: &[u8] = b"tollgate traffic log 1";

/// How many numbers a 1k range has.
const RANGE: u16 = 1000;

/// Makes numbers for a log of phone numbers, and names for sends. The same one gives the same one, under the same key.
#[derive(Clone)]
pub(super) struct Mask {
    mac: Hmac<Sha256>,
}

impl Mask {
    /// A key of any length gives one.
    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?;
        Some(Self { mac: mac.chain_update(CONTEXT) })
    }

    /// The number with its last three digits permuted: another one of the same 1k range, for each number another.
    ///
    /// It is of the same country and type, so that it is judged as the number is. Where its range has no other of them, it
    /// is any other.
    pub(super) fn permuted(&self, number: &Number) -> String {
        let e164 = e164(number);
        let (range, last) = e164.split_at_checked(e164.len().saturating_sub(3)).unwrap_or_default();
        let own = last.parse::<u16>().unwrap_or_default();
        let next = self.permutation(range);
        let another = |last: u16| next.get(usize::from(last)).copied().filter(|last| *last != own);
        let written = |last: u16| format!("{range}{last:03}");
        let like = |written: &String| {
            matches!(Reading::of(written, None, |_| false), Reading::Number(other)
                if other.country() == number.country() && other.kind() == number.kind())
        };
        // One after the other around the cycle: each number of a kind steps on to the next of it, so no two meet.
        let mut others = std::iter::successors(another(own), |last| another(*last)).map(written);
        let first = others.next().unwrap_or_default();
        if like(&first) { first } else { others.find(like).unwrap_or(first) }
    }

    /// A permutation of a 1k range that is one cycle: it leaves no number where it is (Sattolo).
    fn permutation(&self, range: &str) -> Vec<u16> {
        let mut order: Vec<u16> = (0..RANGE).collect();
        let mac = self.mac.clone().chain_update(b"range").chain_update(range);
        let draws = (0_u32..).flat_map(|block| {
            let block: [u8; 32] =
                mac.clone().chain_update(block.to_be_bytes()).finalize().into_bytes().into();
            let draws: [u32; 8] = std::array::from_fn(|i| {
                block.iter().skip(4 * i).take(4).fold(0, |draw, byte| draw << 8 | u32::from(*byte))
            });
            draws
        });
        for (at, draw) in (1..order.len()).rev().zip(draws) {
            // Below 1000 of 2³²: no order is likelier than another by more than a millionth.
            order.swap(at, draw as usize % at);
        }
        order
    }

    /// The number's keyed hash, in hexadecimal.
    pub(super) fn hash(&self, number: &Number) -> String {
        self.hex(b"number", e164(number).as_bytes(), 16)
    }

    /// A session's or a user's keyed hash: the app's own words for people stay with the app.
    pub(super) fn text(&self, text: &str) -> String {
        self.hex(b"text", text.as_bytes(), 8)
    }

    /// The name of a send, by what the guard knows it by.
    pub(super) fn name(&self, charge: u128) -> String {
        self.hex(b"send", &charge.to_be_bytes(), 8)
    }

    fn hex(&self, of: &[u8], value: &[u8], bytes: usize) -> String {
        let mac = self.mac.clone().chain_update(of).chain_update(value).finalize().into_bytes();
        mac.iter().take(bytes).fold(String::with_capacity(2 * bytes), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// The number as it is.
pub(super) fn e164(number: &Number) -> String {
    format!("+{}", number.digits())
}

/// Without the key.
impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}
