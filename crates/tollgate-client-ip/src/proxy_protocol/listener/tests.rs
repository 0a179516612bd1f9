use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};
use tollgate_core::Peer;

use super::super::accept::sealed::Sealed;
use super::*;
use crate::{Resolver, Rule};

/// What the system's `accept` gives, in order; then nothing.
#[derive(Debug)]
struct Script(Mutex<VecDeque<io::Result<(DuplexStream, Peer)>>>);

impl Sealed for Script {}

impl Accept for Script {
    type Io = DuplexStream;

    fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, Peer)>> {
        self.0.lock().unwrap().pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn local(&self) -> io::Result<Peer> {
        Ok(Peer::Unix)
    }
}

fn tcp(addr: &str) -> Peer {
    Peer::Tcp(SocketAddr::new(addr.parse().unwrap(), 50_000))
}

fn listener(script: impl IntoIterator<Item = io::Result<(DuplexStream, Peer)>>) -> ProxyListener<Script> {
    let resolver = Resolver::new().with_rule(Rule::proxy_protocol(["10.0.0.0/8"]).unwrap());
    let script = Script(Mutex::new(script.into_iter().collect()));
    ProxyListener::new(script, ProxyProtocol::of(&resolver))
}

#[tokio::test(start_paused = true)]
async fn what_went_wrong_with_one_connection_is_passed_over_at_once() {
    let (_far, near) = tokio::io::duplex(64);
    let gone = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
    let script = gone.map(|kind| Err(kind.into())).into_iter().chain([Ok((near, tcp("203.0.113.7")))]);
    let start = Instant::now();
    assert_eq!(listener(script).accept().await.peer(), tcp("203.0.113.7"));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn out_of_file_descriptors_it_waits_a_second_and_headers_on_their_way_are_read_meanwhile() {
    let (mut proxied, near) = tokio::io::duplex(256);
    let (_direct, other) = tokio::io::duplex(64);
    let mut listener = listener([
        Ok((near, tcp("10.0.0.1"))),
        Err(io::Error::from_raw_os_error(24)),
        Ok((other, tcp("203.0.113.7"))),
    ]);
    let start = Instant::now();
    assert!(timeout(Duration::from_millis(100), listener.accept()).await.is_err());
    proxied.write_all(b"PROXY TCP4 203.0.113.8 10.0.0.1 1 2\r\n").await.unwrap();
    let first = listener.accept().await;
    assert_eq!(first.peer().ip(), Some("203.0.113.8".parse().unwrap()));
    assert!(start.elapsed() < Duration::from_millis(200));
    assert_eq!(listener.accept().await.peer(), tcp("203.0.113.7"));
    assert!(start.elapsed() >= PAUSE && start.elapsed() < PAUSE * 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_accept_loses_no_connection() {
    let (mut proxied, near) = tokio::io::duplex(256);
    let mut listener = listener([Ok((near, tcp("10.0.0.1")))]);
    for byte in b"PROXY TCP4 203.0.113.8 10.0.0.1 1 2\r" {
        proxied.write_all(&[*byte]).await.unwrap();
        assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
    }
    proxied.write_all(b"\nrest").await.unwrap();
    let stream = listener.accept().await;
    assert_eq!(stream.peer().ip(), Some("203.0.113.8".parse().unwrap()));
}

/// One that gave out whatever is new first would starve those that wait.
#[tokio::test(start_paused = true)]
async fn a_flood_of_new_connections_holds_no_ready_one_back() {
    let (mut proxied, near) = tokio::io::duplex(256);
    proxied.write_all(b"PROXY TCP4 203.0.113.8 10.0.0.1 1 2\r\n").await.unwrap();
    let flood = (0..100).map(|_| Ok((tokio::io::duplex(1).1, tcp("203.0.113.7"))));
    let mut listener = listener([Ok((near, tcp("10.0.0.1")))].into_iter().chain(flood));
    let mut before = 0;
    while listener.accept().await.peer() == tcp("203.0.113.7") {
        before += 1;
        tokio::task::yield_now().await;
    }
    assert!(before < 5, "{before}");
}
