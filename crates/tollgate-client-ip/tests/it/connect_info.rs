//! The peer as running servers give it, without PROXY protocol.

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use tokio::net::{TcpListener, TcpStream};
use tollgate_client_ip::{Resolution, Resolver, TrustedClientIpLayer};

use crate::wire;

/// Answers with the peer, whether or not it has an address.
fn app() -> Router {
    Router::new().route(
        "/",
        get(|request: Request| async move {
            let peer = request.extensions().get::<Resolution>().and_then(Resolution::peer);
            peer.map_or("nobody".to_owned(), |peer| peer.to_string())
        }),
    )
}

fn layer() -> TrustedClientIpLayer {
    TrustedClientIpLayer::new(Resolver::new()).pass_without()
}

#[cfg(feature = "axum")]
mod axum_serves {
    use tollgate_core::Peer;

    use super::*;

    #[tokio::test]
    async fn over_tcp_the_peer_is_the_clients_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let service = app().layer(layer()).into_make_service_with_connect_info::<Peer>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let stream = TcpStream::connect(addr).await.unwrap();
        let client = stream.local_addr().unwrap().to_string();
        let answer = wire::http1(stream, b"").await;
        assert!(answer.ends_with(&client), "{answer}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn over_a_unix_socket_the_peer_has_no_address() {
        let path = wire::socket_path("axum");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let service = app().layer(layer()).into_make_service_with_connect_info::<Peer>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let answer = wire::http1(tokio::net::UnixStream::connect(&path).await.unwrap(), b"").await;
        assert!(answer.ends_with("unix:"), "{answer}");
        std::fs::remove_file(path).unwrap();
    }
}

#[cfg(feature = "tonic")]
mod tonic_serves {
    use tonic::transport::Server;
    use tonic::transport::server::TcpIncoming;

    use super::*;

    #[tokio::test]
    async fn over_tcp_the_peer_is_the_clients_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::builder().layer(layer()).add_routes(app().into());
        tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await });
        let stream = TcpStream::connect(addr).await.unwrap();
        let client = stream.local_addr().unwrap().to_string();
        assert_eq!(wire::http2(stream, b"").await, client);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn over_a_unix_socket_the_peer_has_no_address() {
        let path = wire::socket_path("tonic");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
        let server = Server::builder().layer(layer()).add_routes(app().into());
        tokio::spawn(async move { server.serve_with_incoming(incoming).await });
        let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        assert_eq!(wire::http2(stream, b"").await, "unix:");
        std::fs::remove_file(path).unwrap();
    }
}
