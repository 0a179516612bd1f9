//! Who presses the button: people all over the world, each with a number and an address of their own.

use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tollgate_pump_guard::{Attempt, Policy, Profile, Reading};

/// Mobile prefixes with the calling code, and how many digits follow: ten million numbers each at least, so that a
/// million of them crowd no range.
const PREFIXES: [(&str, usize); 85] = [
    ("62811", 8),
    ("62812", 8),
    ("62813", 8),
    ("62821", 8),
    ("62852", 8),
    ("62857", 8),
    ("62877", 8),
    ("63905", 7),
    ("63906", 7),
    ("63915", 7),
    ("63917", 7),
    ("63918", 7),
    ("63927", 7),
    ("63998", 7),
    ("6012", 7),
    ("6016", 7),
    ("6019", 7),
    ("6681", 7),
    ("6684", 7),
    ("6689", 7),
    ("6695", 7),
    ("8490", 7),
    ("8491", 7),
    ("8493", 7),
    ("8496", 7),
    ("8498", 7),
    ("91981", 7),
    ("91984", 7),
    ("91987", 7),
    ("91991", 7),
    ("91996", 7),
    ("88015", 8),
    ("88016", 8),
    ("88017", 8),
    ("88018", 8),
    ("88019", 8),
    ("92300", 7),
    ("92301", 7),
    ("92312", 7),
    ("92321", 7),
    ("92333", 7),
    ("92345", 7),
    ("9471", 7),
    ("9472", 7),
    ("9475", 7),
    ("9477", 7),
    ("977980", 7),
    ("977984", 7),
    ("977986", 7),
    ("81903", 7),
    ("81906", 7),
    ("81803", 7),
    ("81703", 7),
    ("82102", 7),
    ("82104", 7),
    ("82109", 7),
    ("97150", 7),
    ("97154", 7),
    ("97156", 7),
    ("96650", 7),
    ("96655", 7),
    ("96659", 7),
    ("2010", 8),
    ("2011", 8),
    ("2012", 8),
    ("234803", 7),
    ("234806", 7),
    ("234813", 7),
    ("2772", 7),
    ("2782", 7),
    ("2784", 7),
    ("44741", 7),
    ("44773", 7),
    ("44785", 7),
    ("49170", 7),
    ("49172", 7),
    ("49175", 7),
    ("33661", 6),
    ("33668", 6),
    ("99451", 7),
    ("99455", 7),
    ("22177", 7),
    ("23324", 7),
    ("99291", 7),
    ("99893", 7),
];

/// The range that is attacked: of a hundred thousand numbers, of which nobody has any.
const ATTACKED: (&str, usize) = ("9989012", 5);

/// How many verify, and after how many seconds half of them have.
const CONVERSION: f64 = 0.7;
const MEDIAN: f64 = 20.0;
const SIGMA: f64 = 0.6;

/// Somebody who wants a code.
#[derive(Clone, Debug)]
pub(crate) struct Press {
    pub(crate) attempt: Attempt,
    /// The number, as a limiter without a numbering plan keys it.
    pub(crate) digits: u64,
    pub(crate) address: IpAddr,
    /// After how long the code is given back, if it is.
    pub(crate) verifies: Option<Duration>,
}

/// Strangers spread over the world, no number twice; those that no plan has are left out.
pub(crate) struct Strangers<'a> {
    policy: &'a Policy,
    next: u64,
}

impl<'a> Strangers<'a> {
    pub(crate) fn new(policy: &'a Policy) -> Self {
        Self { policy, next: 0 }
    }
}

impl Iterator for Strangers<'_> {
    type Item = Press;

    fn next(&mut self) -> Option<Press> {
        loop {
            let n = self.next;
            self.next += 1;
            let count = PREFIXES.len() as u64;
            let written = number(PREFIXES[(n % count) as usize], n / count);
            if let Some(press) = press(self.policy, &written, mix(n), true) {
                return Some(press);
            }
        }
    }
}

/// An attack on one range: each number once and in no order, from an address of its own, and nobody verifies.
pub(crate) fn attack(policy: &Policy) -> Vec<Press> {
    let all = (0..10_u64.pow(ATTACKED.1 as u32)).map(|n| number(ATTACKED, n));
    all.enumerate().filter_map(|(n, written)| press(policy, &written, mix(!(n as u64)), false)).collect()
}

/// The `n`th number of a prefix, in an order that is as good as none, and in which none comes twice.
fn number((prefix, free): (&str, usize), n: u64) -> String {
    let (upper, lower) = (10_u64.pow(free as u32 / 2), 10_u64.pow(free as u32 - free as u32 / 2));
    let (mut high, mut low) = (n / lower % upper, n % lower);
    for round in 0..3 {
        high = (high + mix(low << 2 | round) % upper) % upper;
        low = (low + mix(high << 2 | round) % lower) % lower;
    }
    format!("+{prefix}{:0free$}", high * lower + low)
}

fn press(policy: &Policy, written: &str, chance: u64, people: bool) -> Option<Press> {
    let reading = policy.read(written, None);
    if !matches!(reading, Reading::Number(_)) {
        return None;
    }
    let address = address(chance);
    let attempt = Attempt::new(reading, Profile::Otp).from_client(Some(address));
    let verifies = (people && unit(mix(chance ^ 1)) < CONVERSION).then(|| takes(chance));
    Some(Press { attempt, digits: written[1..].parse().ok()?, address, verifies })
}

/// Half of them have IPv6.
fn address(chance: u64) -> IpAddr {
    if chance.is_multiple_of(2) {
        Ipv4Addr::from((chance >> 32) as u32).into()
    } else {
        Ipv6Addr::from(0x2_u128 << 124 | u128::from(chance) << 60).into()
    }
}

fn takes(chance: u64) -> Duration {
    let (radius, angle) = (unit(mix(chance ^ 2)), unit(mix(chance ^ 3)));
    let normal = (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos();
    Duration::from_secs_f64(MEDIAN * (SIGMA * normal).exp())
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Splitmix: bits that look like chance, the same in every run.
pub(crate) fn mix(n: u64) -> u64 {
    let mut bits = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
