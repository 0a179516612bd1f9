//! Whose PROXY protocol header is believed, and what becomes of the connection.

mod header;
mod listener;
mod property;
#[cfg(any(feature = "axum", feature = "tonic"))]
mod served;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tollgate_client_ip::proxy_protocol::{ProxyHeaderError, ProxyProtocol};
use tollgate_client_ip::{Resolver, Rule};
use tollgate_core::{Peer, ProxySource};

const PROXY: &str = "10.0.0.1:40000";
const V1: &[u8] = b"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n";
/// 203.0.113.7:50000 to 198.51.100.1:443.
const INET: [u8; 12] = [203, 0, 113, 7, 198, 51, 100, 1, 0xc3, 0x50, 1, 0xbb];

fn resolver(peers: &[&str]) -> Resolver {
    Resolver::new().with_rule(Rule::proxy_protocol(peers).unwrap())
}

fn gate() -> ProxyProtocol {
    ProxyProtocol::of(&resolver(&["10.0.0.0/8", "unix:"]))
}

fn tcp(addr: &str) -> Peer {
    Peer::Tcp(addr.parse().unwrap())
}

fn v2(command: u8, family: u8, length: usize, block: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(length).unwrap().to_be_bytes());
    header.extend(block);
    header
}

fn v2_inet(command: u8, family: u8, behind: &[u8]) -> Vec<u8> {
    let block = [&INET[..], behind].concat();
    v2(command, family, block.len(), &block)
}

/// The source, and every byte that the stream then gives; from a trusted proxy.
async fn read(bytes: &[u8]) -> Result<(Option<SocketAddr>, Vec<u8>), ProxyHeaderError> {
    let mut stream = gate().accept(bytes, tcp(PROXY)).await?;
    let Peer::Proxied { source, by } = stream.peer() else { panic!("{:?}", stream.peer()) };
    assert_eq!(by, Some(PROXY.parse().unwrap()));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let client = match source {
        ProxySource::Client(addr) => Some(addr),
        _ => None,
    };
    Ok((client, rest))
}

/// Sōzu took the address behind `LOCAL` for the client's.
/// "Use it if it is there" would believe anybody.
#[tokio::test]
async fn the_header_of_an_untrusted_peer_is_not_read_and_its_bytes_reach_the_server() {
    for stranger in [tcp("203.0.113.66:1"), Peer::Unix] {
        let gate = ProxyProtocol::of(&resolver(&["10.0.0.0/8"]));
        let (mut far, near) = tokio::io::duplex(1024);
        far.write_all(V1).await.unwrap();
        drop(far);
        let mut stream = gate.accept(near, stranger).await.unwrap();
        assert_eq!((stream.peer(), stream.unread()), (stranger, &b""[..]));
        let mut given = Vec::new();
        stream.read_to_end(&mut given).await.unwrap();
        assert_eq!(given, V1);
    }
}

/// What a proxy said of others does not make a connection trusted, nor one that is trusted an untrusted one.
#[tokio::test]
async fn whether_a_header_is_expected_depends_on_the_socket_alone() {
    let (proxy, stranger) = (PROXY.parse().unwrap(), "203.0.113.66:1".parse().unwrap());
    let proxied = |source, by| Peer::Proxied { source: ProxySource::Client(source), by: Some(by) };
    assert!(gate().expects_header(proxied(stranger, proxy)));
    assert!(!gate().expects_header(proxied(proxy, stranger)));
    let peer = gate().accept(V1, Peer::Unix).await.unwrap().peer();
    assert_eq!(
        peer,
        Peer::Proxied { source: ProxySource::Client("203.0.113.7:50000".parse().unwrap()), by: None }
    );
}

#[tokio::test(start_paused = true)]
async fn a_header_that_comes_byte_by_byte_is_read_and_nothing_behind_it_is_lost() {
    let tlv = v2_inet(0x21, 0x11, &[0xea, 0, 2, 1, 2]);
    for header in [V1, &tlv, b"PROXY UNKNOWN\r\n"] {
        for chunk in [1, 2, 3, 7, 16, 47, 200] {
            let bytes = [header, &b"GET /0123456789 HTTP/1.1\r\n".repeat(8)].concat();
            let (mut far, near) = tokio::io::duplex(16);
            let proxy = tokio::spawn(async move {
                for part in bytes.chunks(chunk) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    far.write_all(part).await.unwrap();
                }
            });
            let mut stream = gate().accept(near, tcp(PROXY)).await.unwrap();
            assert!(stream.unread().len() <= 92);
            let mut rest = Vec::new();
            // With little room, so that what was read is given in parts.
            while stream.read_buf(&mut bytes::BufMut::limit(&mut rest, 5)).await.unwrap() > 0 {}
            assert_eq!(rest, b"GET /0123456789 HTTP/1.1\r\n".repeat(8), "{chunk}");
            proxy.await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_read_behind_the_header_is_given_away_with_the_connection() {
    let bytes = [b"PROXY UNKNOWN\r\n", &[b'x'; 200][..]].concat();
    let stream = gate().accept(&bytes[..], tcp(PROXY)).await.unwrap();
    assert_eq!(stream.get_ref().len() + stream.unread().len(), 200);
    assert!(!format!("{stream:?}").contains('x'.to_string().repeat(2).as_str()));
    let (rest, unread) = stream.into_parts();
    assert_eq!([&unread, rest].concat(), [b'x'; 200]);
}

#[tokio::test]
async fn writes_go_to_the_connection_in_one_piece() {
    let stream = gate().accept(tokio::io::join(V1, Vec::new()), tcp(PROXY)).await.unwrap();
    let mut stream = Box::pin(stream);
    assert!(tokio::io::AsyncWrite::is_write_vectored(&*stream));
    let parts = [io::IoSlice::new(b"a"), io::IoSlice::new(b"b")];
    assert_eq!(stream.write_vectored(&parts).await.unwrap(), 2);
    stream.flush().await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(stream.get_ref().writer(), b"ab");
}

/// Breaks when it is read.
#[derive(Debug)]
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_counted_with_its_reason_and_says_what_to_do() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _local = metrics::set_default_local_recorder(&recorder);

    let short = gate().with_timeout(Duration::from_millis(300));
    let (_far, near) = tokio::io::duplex(8);
    let errors = [
        (gate().accept(&b"GET /"[..], tcp(PROXY)).await.unwrap_err(), "missing", "send-proxy"),
        (gate().accept(&b"PROXY \r\n"[..], tcp(PROXY)).await.unwrap_err(), "malformed", "correct the proxy"),
        (
            gate().accept(&[b"PROXY ", &V1.repeat(9)[..]].concat()[..], tcp(PROXY)).await.unwrap_err(),
            "malformed",
            "TCP4",
        ),
        (
            gate().accept(&v2(0x21, 0x11, 5000, &[])[..], tcp(PROXY)).await.unwrap_err(),
            "too_long",
            "4112 bytes",
        ),
        (short.accept(near, tcp(PROXY)).await.unwrap_err(), "timed_out", "300ms"),
        (gate().accept(Broken, tcp(PROXY)).await.unwrap_err(), "io", "connection reset"),
    ];
    for (error, kind, part) in &errors {
        assert_eq!(error.as_str(), *kind);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("10.0.0.1"), "{error}");
        assert_eq!(std::error::Error::source(error).is_some(), *kind == "io");
    }
    let mut counted: Vec<_> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            assert_eq!(key.key().name(), "tollgate_client_ip_proxy_header_refused_total");
            let reason = key.key().labels().next().map(|label| label.value().to_owned()).unwrap();
            (reason, value)
        })
        .collect();
    counted.sort_by(|left, right| left.0.cmp(&right.0));
    let expected = [("io", 1), ("malformed", 2), ("missing", 1), ("timed_out", 1), ("too_long", 1)];
    assert_eq!(counted, expected.map(|(reason, n)| (reason.to_owned(), DebugValue::Counter(n))));
}
