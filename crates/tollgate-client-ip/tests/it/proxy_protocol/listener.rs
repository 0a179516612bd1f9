//! Many connections at once, over real sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tollgate_client_ip::proxy_protocol::{ProxyListener, ProxyProtocol};
use tollgate_core::{Peer, ProxySource};

use super::{V1, resolver};

const TIMEOUT: Duration = Duration::from_secs(5);

async fn listener(peers: &[&str]) -> (ProxyListener<TcpListener>, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (ProxyListener::new(listener, ProxyProtocol::of(&resolver(peers))), addr)
}

async fn connect(addr: std::net::SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn a_slow_proxy_is_timed_out_and_keeps_nobody_waiting() {
    let (mut listener, addr) = listener(&["127.0.0.0/8"]).await;
    let start = Instant::now();
    let mut slow = connect(addr, b"PROXY TC").await;
    let quick = connect(addr, &[V1, b"GET /"].concat()).await;

    let mut stream = timeout(TIMEOUT / 10, listener.accept()).await.unwrap();
    assert_eq!(
        stream.peer(),
        Peer::Proxied {
            source: ProxySource::Client("203.0.113.7:50000".parse().unwrap()),
            by: Some(quick.local_addr().unwrap())
        }
    );
    assert!(stream.get_ref().nodelay().unwrap());
    let mut request = [0; 5];
    stream.read_exact(&mut request).await.unwrap();
    assert_eq!(&request, b"GET /");

    // A byte now and then buys no time: the limit is for the whole header.
    let dribble = async {
        let mut end = [0; 1];
        while timeout(Duration::from_secs(1), slow.read(&mut end)).await.is_err() {
            slow.write_all(b"P").await.unwrap();
        }
    };
    tokio::select! {
        () = dribble => {}
        stream = listener.accept() => panic!("{stream:?}"),
    }
    assert!(start.elapsed() >= TIMEOUT && start.elapsed() < TIMEOUT * 2, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_more_headers_are_waited_for_at_once_than_the_bound() {
    let (listener, addr) = listener(&["127.0.0.0/8"]).await;
    let mut listener = listener.with_max_pending(2);
    let _silent = connect(addr, b"").await;
    let mut later = connect(addr, b"").await;
    let third = connect(addr, V1).await;
    assert!(timeout(TIMEOUT / 2, listener.accept()).await.is_err(), "a third one was accepted");

    later.write_all(V1).await.unwrap();
    let first = listener.accept().await;
    assert_eq!(first.get_ref().peer_addr().unwrap(), later.local_addr().unwrap());
    let second = listener.accept().await;
    assert_eq!(second.get_ref().peer_addr().unwrap(), third.local_addr().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_house_full_of_silent_proxies_is_empty_again_after_the_time_limit() {
    let (listener, addr) = listener(&["127.0.0.0/8"]).await;
    let mut listener = listener.with_max_pending(0);
    let start = Instant::now();
    let _silent = [connect(addr, b"").await, connect(addr, b"").await];
    let _speaks = connect(addr, V1).await;
    assert!(matches!(listener.accept().await.peer(), Peer::Proxied { source: ProxySource::Client(_), .. }));
    assert!(start.elapsed() >= TIMEOUT * 2 && start.elapsed() < TIMEOUT * 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stranger_is_given_out_at_once_with_his_bytes_untouched() {
    let (mut listener, addr) = listener(&["10.0.0.0/8"]).await;
    let stranger = connect(addr, V1).await;
    let mut stream = listener.accept().await;
    assert_eq!(stream.peer(), Peer::Tcp(stranger.local_addr().unwrap()));
    drop(stranger);
    let mut given = Vec::new();
    stream.read_to_end(&mut given).await.unwrap();
    assert_eq!(given, V1);
}

#[tokio::test]
async fn a_trusted_proxy_without_a_header_is_closed() {
    let (mut listener, addr) = listener(&["127.0.0.0/8"]).await;
    let mut bare = connect(addr, b"GET / HTTP/1.1\r\n\r\n").await;
    let end = tokio::select! {
        end = bare.read_u8() => end,
        stream = listener.accept() => panic!("{stream:?}"),
    };
    assert!(end.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_proxy_on_a_unix_socket_names_the_client_too() {
    let path = crate::wire::socket_path("proxy");
    let unix = tokio::net::UnixListener::bind(&path).unwrap();
    let mut listener = ProxyListener::new(unix, ProxyProtocol::of(&resolver(&["unix:"])));
    let mut proxy = tokio::net::UnixStream::connect(&path).await.unwrap();
    proxy.write_all(V1).await.unwrap();
    let peer = listener.accept().await.peer();
    assert_eq!(
        peer,
        Peer::Proxied { source: ProxySource::Client("203.0.113.7:50000".parse().unwrap()), by: None }
    );
    std::fs::remove_file(path).unwrap();
}
