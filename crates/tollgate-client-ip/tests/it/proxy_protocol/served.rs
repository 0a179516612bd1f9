//! Real servers behind a `ProxyListener`.

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use tokio::net::{TcpListener, TcpStream};
use tollgate_client_ip::proxy_protocol::{ProxyListener, ProxyProtocol};
use tollgate_client_ip::{Resolution, TrustedClientIpLayer};

use super::{V1, resolver};
use crate::wire;

/// Answers with the peer and the client that its request's extensions name.
fn app() -> Router {
    Router::new().route(
        "/",
        get(|request: Request| async move {
            let resolution = request.extensions().get::<Resolution>().unwrap();
            format!("{}, {}", resolution.peer().unwrap(), resolution.client_ip().unwrap())
        }),
    )
}

async fn listener(peers: &[&str]) -> (ProxyListener<TcpListener>, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (ProxyListener::new(listener, ProxyProtocol::of(&resolver(peers))), addr)
}

#[cfg(feature = "axum")]
async fn axum_server(peers: &[&str]) -> std::net::SocketAddr {
    let (listener, addr) = listener(peers).await;
    assert_eq!(axum::serve::Listener::local_addr(&listener).unwrap(), addr.into());
    let app = app().layer(TrustedClientIpLayer::new(resolver(peers)));
    let service = app.into_make_service_with_connect_info::<tollgate_core::Peer>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    addr
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_sees_the_client_that_the_proxy_names() {
    let addr = axum_server(&["127.0.0.0/8"]).await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let proxy = stream.local_addr().unwrap();
    let answer = wire::http1(stream, V1).await;
    assert!(answer.ends_with(&format!("203.0.113.7:50000 (PROXY by {proxy}), 203.0.113.7")), "{answer}");

    // A health check speaks for the proxy itself.
    let stream = TcpStream::connect(addr).await.unwrap();
    let answer = wire::http1(stream, &super::v2(0x20, 0, 0, &[])).await;
    assert!(answer.ends_with("(PROXY for itself), 127.0.0.1"), "{answer}");
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_answers_a_strangers_header_as_the_bad_request_it_is() {
    let addr = axum_server(&["10.0.0.0/8"]).await;
    let answer = wire::http1(TcpStream::connect(addr).await.unwrap(), V1).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = wire::http1(TcpStream::connect(addr).await.unwrap(), b"").await;
    assert!(answer.ends_with(", 127.0.0.1"), "{answer}");
}

/// The client's first bytes come right behind the proxy's header: they are the client's word, not the proxy's.
#[cfg(feature = "axum")]
#[tokio::test]
async fn a_header_of_the_clients_own_behind_the_proxys_is_a_bad_request() {
    let addr = axum_server(&["127.0.0.0/8"]).await;
    let forged = b"PROXY TCP4 198.51.100.66 198.51.100.1 1 2\r\n";
    let answer = wire::http1(TcpStream::connect(addr).await.unwrap(), &[V1, forged].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

/// axum has connect info of its own for `tap_io`: this listener's address.
#[cfg(feature = "axum")]
#[tokio::test]
async fn a_tapped_listener_gives_the_peer_too() {
    use axum::serve::ListenerExt;

    let (listener, addr) = listener(&["127.0.0.0/8"]).await;
    let app = app().layer(TrustedClientIpLayer::new(resolver(&["127.0.0.0/8"])));
    let service = app.into_make_service_with_connect_info::<tollgate_core::Peer>();
    tokio::spawn(async move { axum::serve(listener.tap_io(|_| {}), service).await });
    let answer = wire::http1(TcpStream::connect(addr).await.unwrap(), V1).await;
    assert!(answer.ends_with(", 203.0.113.7"), "{answer}");
}

#[cfg(feature = "tonic")]
#[tokio::test]
async fn tonic_sees_the_client_that_the_proxy_names() {
    let (listener, addr) = listener(&["127.0.0.0/8"]).await;
    let server = tonic::transport::Server::builder()
        .layer(TrustedClientIpLayer::new(resolver(&["127.0.0.0/8"])))
        .add_routes(app().into());
    tokio::spawn(async move { server.serve_with_incoming(listener.into_incoming()).await });

    let stream = TcpStream::connect(addr).await.unwrap();
    let proxy = stream.local_addr().unwrap();
    let answer = wire::http2(stream, V1).await;
    assert_eq!(answer, format!("203.0.113.7:50000 (PROXY by {proxy}), 203.0.113.7"));
}
