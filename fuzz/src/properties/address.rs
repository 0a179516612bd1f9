use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use tollgate_client_ip::Strategy;

use crate::input::{headers, lines};
use crate::ours::Ours;
use crate::reference;

static ONE_ADDRESS: LazyLock<Ours> = LazyLock::new(|| Ours::new("x-real-ip", Strategy::Single));
static WITH_PORT: LazyLock<Ours> = LazyLock::new(|| Ours::new("cloudfront-viewer-address", Strategy::Single));

/// One entry, in a header of one address and in one of an address with a port:
///
/// 1. the answer is the reference's;
/// 2. where `std` reads an address or a socket address, so do we, and the same one, unless it is no host's.
pub fn address(data: &[u8]) {
    let lines = lines(data);
    let answer = ONE_ADDRESS.answer_explained(&headers("x-real-ip", &lines));
    assert_eq!(answer, reference::single(&lines));
    let with_port = WITH_PORT.answer(&headers("cloudfront-viewer-address", &lines));
    assert_eq!(with_port, reference::single_with_port(&lines));

    let [line] = lines.as_slice() else { return };
    let Ok(text) = std::str::from_utf8(line) else { return };
    if let Ok(addr) = text.parse::<IpAddr>() {
        same(addr, answer);
    }
    // `std` takes a port of any length; five digits are RFC 7239's limit, and ours.
    if let Ok(addr) = text.parse::<SocketAddr>()
        && text.rsplit(':').next().is_some_and(|port| port.len() <= 5)
    {
        same(addr.ip(), answer);
        same(addr.ip(), with_port);
    }
}

fn same(std: IpAddr, ours: reference::Answer) {
    let std = std.to_canonical();
    if std.is_unspecified() {
        assert_eq!(ours.unwrap_err().code, "unspecified");
    } else if std.is_multicast() || std == IpAddr::V4(Ipv4Addr::BROADCAST) {
        assert_eq!(ours.unwrap_err().code, "malformed_entry");
    } else {
        assert_eq!(ours, Ok(std));
    }
}
