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

    #[tokio::test]
    async fn handlers_take_the_client_and_how_it_was_found_as_arguments() {
        async fn handler(client: tollgate_core::ClientIp, found: Resolution) -> String {
            format!("{client} {}", found.outcome().as_str())
        }
        async fn modest(client: Option<tollgate_core::ClientIp>, found: Option<Resolution>) -> String {
            format!("{} {}", client.is_some(), found.is_some())
        }
        let resolved =
            Router::new().route("/", get(handler)).layer(TrustedClientIpLayer::new(Resolver::new()));
        for (router, answer) in [
            (resolved, "127.0.0.1 direct_peer"),
            (Router::new().route("/", get(modest)).layer(layer()), "true true"),
            (Router::new().route("/", get(modest)), "false false"),
            // Said in the answer, and not a client made up.
            (Router::new().route("/", get(handler)), "TrustedClientIpLayer"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            let service = router.into_make_service_with_connect_info::<Peer>();
            tokio::spawn(async move { axum::serve(listener, service).await });
            let told = wire::http1(TcpStream::connect(addr).await.unwrap(), b"").await;
            assert!(told.contains(answer), "{told}");
        }
    }

    #[tokio::test]
    async fn each_route_may_have_rules_of_its_own() {
        use tollgate_client_ip::{Rule, Strategy};

        async fn handler(client: tollgate_core::ClientIp) -> String {
            client.to_string()
        }
        let layer = |header| {
            let rule = Rule::new(["127.0.0.0/8"], header, Strategy::Single).unwrap();
            TrustedClientIpLayer::new(Resolver::new().with_rule(rule))
        };
        let router = Router::new()
            .route("/a", get(handler).layer(layer("X-Real-IP")))
            .route("/b", get(handler).layer(layer("Fly-Client-IP")))
            .route("/", get(handler).layer(TrustedClientIpLayer::new(Resolver::new())));
        for (path, client) in [("/a", "203.0.113.7"), ("/b", "203.0.113.8"), ("/", "127.0.0.1")] {
            let mut request = Request::new(axum::body::Body::empty());
            *request.uri_mut() = path.parse().unwrap();
            request.headers_mut().insert("x-real-ip", "203.0.113.7".parse().unwrap());
            request.headers_mut().insert("fly-client-ip", "203.0.113.8".parse().unwrap());
            request.extensions_mut().insert(Peer::Tcp(([127, 0, 0, 1], 1).into()));
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            let body = axum::body::to_bytes(response.into_body(), 64).await.unwrap();
            assert_eq!(body, client, "{path}");
        }
    }

    #[tokio::test]
    async fn without_connect_info_the_first_request_is_refused_with_the_remedy() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = app().layer(TrustedClientIpLayer::new(Resolver::new()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let told = wire::http1(TcpStream::connect(addr).await.unwrap(), b"").await;
        assert!(told.starts_with("HTTP/1.1 400"), "{told}");
        assert!(told.contains("into_make_service_with_connect_info::<Peer>()"), "{told}");
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

    #[tokio::test]
    async fn over_tls_the_peer_is_the_clients_address() {
        use std::sync::Arc;
        use tokio_rustls::TlsConnector;
        use tokio_rustls::rustls::{ClientConfig, RootCertStore};
        use tonic::transport::{Identity, ServerTlsConfig};

        let own = rcgen::generate_simple_self_signed(["tollgate.test".to_owned()]).unwrap();
        let identity = Identity::from_pem(own.cert.pem(), own.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let tls = ServerTlsConfig::new().identity(identity);
        let server = Server::builder().tls_config(tls).unwrap().layer(layer()).add_routes(app().into());
        tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(listener)).await });

        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(addr).await.unwrap();
        let client = stream.local_addr().unwrap().to_string();
        let name = "tollgate.test".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
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
