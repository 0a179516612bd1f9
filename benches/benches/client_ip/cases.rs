//! What is resolved: chains of proxies, the networks they are trusted from, and the requests that come through them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Request;

/// The header that the proxies write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    XForwardedFor,
    Forwarded,
}

/// One case. Every hop but the client is a trusted proxy, so that the whole list is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) header: Header,
    /// How many entries the header has. One is the client alone, written by the peer.
    pub(crate) hops: usize,
    /// How many networks are trusted.
    pub(crate) cidrs: usize,
    /// How many different requests come in turn, a power of two. With one, the processor soon foretells every branch.
    pub(crate) requests: usize,
    /// Whether client and proxies have IPv6 addresses.
    pub(crate) ipv6: bool,
    /// How many entries the client has forged, left of its own.
    pub(crate) forged: usize,
}

/// As many as make a line of 15 kB.
pub(crate) const FORGED: usize = 1_700;

impl Case {
    pub(crate) const fn new(header: Header, hops: usize, cidrs: usize) -> Self {
        Self { header, hops, cidrs, requests: 1, ipv6: false, forged: 0 }
    }
}

pub(crate) const HOPS: [usize; 3] = [1, 3, 10];
const CIDRS: [usize; 3] = [2, 25, 1_000];

pub(crate) fn x_forwarded_for() -> Vec<Case> {
    let case = |hops, cidrs| Case::new(Header::XForwardedFor, hops, cidrs);
    let matrix = HOPS.into_iter().flat_map(|hops| CIDRS.map(|cidrs| case(hops, cidrs)));
    let others = [
        Case { forged: FORGED, ..case(1, 25) },
        Case { ipv6: true, ..case(3, 25) },
        Case { requests: 64, ..case(1, 25) },
        Case { requests: 64, ..case(3, 25) },
        Case { requests: 64, ..case(3, 1_000) },
    ];
    matrix.chain(others).collect()
}

pub(crate) fn forwarded() -> Vec<Case> {
    let case = |hops| Case::new(Header::Forwarded, hops, 25);
    let others = [Case { ipv6: true, ..case(3) }, Case { forged: FORGED, ..case(1) }];
    HOPS.into_iter().map(case).chain(others).collect()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, {} CIDRs", self.hops, if self.hops == 1 { "hop" } else { "hops" }, self.cidrs)?;
        if self.ipv6 {
            f.write_str(", IPv6")?;
        }
        if self.requests > 1 {
            write!(f, ", {} requests in turn", self.requests)?;
        }
        if self.forged > 0 {
            write!(f, ", {} forged entries", self.forged)?;
        }
        Ok(())
    }
}

/// A request, the connection it came over, and whom the chain vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) request: Request<()>,
    pub(crate) peer: SocketAddr,
    pub(crate) client: IpAddr,
}

/// A case with everything built.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) trusted: Vec<String>,
    /// As many as the case says, a power of two.
    pub(crate) visits: Vec<Visit>,
}

impl Scene {
    pub(crate) fn new(case: Case) -> Self {
        let visits = (0..case.requests).map(|number| Visit::new(case, number)).collect();
        Self { trusted: (0..case.cidrs).map(network).collect(), visits }
    }
}

impl Visit {
    fn new(case: Case, number: usize) -> Self {
        let client = client(case.ipv6, number);
        let proxies = (1..case.hops).map(|hop| proxy(case, number + hop));
        let forged = std::iter::repeat_n(IpAddr::from([1, 2, 3, 4]), case.forged);
        let list: Vec<String> =
            forged.chain([client]).chain(proxies).map(|addr| element(case.header, addr)).collect();
        let name = match case.header {
            Header::XForwardedFor => "x-forwarded-for",
            Header::Forwarded => "forwarded",
        };
        let request = Request::post("/api/v1/subaccounts/acme/messages")
            .header("host", "sms.example.com")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
            .header("accept", "application/json")
            .header("accept-encoding", "gzip, deflate, br")
            .header("content-type", "application/json")
            .header("content-length", "143")
            .header("x-request-id", "0e8f0c8e-5b0a-4f0e-9d5c-0b4f6a1d2c3e")
            .header(name, list.join(", "))
            .body(())
            .unwrap();
        Self { request, peer: SocketAddr::new(proxy(Case { ipv6: false, ..case }, number), 50_000), client }
    }
}

fn element(header: Header, addr: IpAddr) -> String {
    match (header, addr) {
        (Header::XForwardedFor, addr) => addr.to_string(),
        (Header::Forwarded, IpAddr::V4(addr)) => format!("for={addr};proto=https"),
        (Header::Forwarded, IpAddr::V6(addr)) => format!("for=\"[{addr}]\";proto=https"),
    }
}

/// The trusted networks: one in three is IPv6, and no two of them touch, so that none can be merged away.
fn network(index: usize) -> String {
    if is_v6(index) {
        format!("2001:db8:{:x}::/48", 2 * index)
    } else {
        format!("10.{}.{}.0/24", index / 128, 2 * (index % 128))
    }
}

fn is_v6(index: usize) -> bool {
    index % 3 == 1
}

/// An address in one of the trusted networks: hop by hop another one, all over the list, so that a search from the
/// front passes half of it on average.
fn proxy(case: Case, hop: usize) -> IpAddr {
    let family = (0..case.cidrs).filter(|&index| is_v6(index) == case.ipv6);
    let indices: Vec<usize> = family.collect();
    let index = indices[(hop * 7919 + indices.len() / 2) % indices.len()];
    let host = (hop * 37) % 254 + 1;
    if case.ipv6 {
        format!("2001:db8:{:x}::{host:x}", 2 * index).parse().unwrap()
    } else {
        format!("10.{}.{}.{host}", index / 128, 2 * (index % 128)).parse().unwrap()
    }
}

fn client(ipv6: bool, number: usize) -> IpAddr {
    if ipv6 {
        format!("2a00:1450:4001:{:x}::{:x}", 0x80b + number, 0x200e + 97 * number).parse().unwrap()
    } else {
        // Octets of one to three digits: their lengths are branches too.
        let octet = |factor: usize| u8::try_from((number * factor) % 251).unwrap();
        [
            203_u8.wrapping_sub(octet(3)).max(11),
            octet(59),
            113_u8.wrapping_add(octet(83)),
            7 + octet(31) % 240,
        ]
        .into()
    }
}
