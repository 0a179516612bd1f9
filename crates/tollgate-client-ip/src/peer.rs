//! Who is connected: the first of what servers are known to put into a request's extensions.

use http::Extensions;
use tollgate_core::Peer;

/// [`Peer`] itself first: a server that sets it says what it means, while the frameworks' types may have been left
/// over from an outer hop.
pub(crate) fn peer(extensions: &Extensions) -> Option<Peer> {
    let peer = extensions.get::<Peer>().copied();
    #[cfg(feature = "axum")]
    let peer = peer.or_else(|| axum_peer(extensions));
    #[cfg(feature = "tonic")]
    let peer = peer.or_else(|| tonic_peer(extensions));
    peer
}

#[cfg(feature = "axum")]
fn axum_peer(extensions: &Extensions) -> Option<Peer> {
    use axum::extract::ConnectInfo;

    let named = extensions.get::<ConnectInfo<Peer>>().map(|info| info.0);
    named.or_else(|| extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|info| Peer::Tcp(info.0)))
}

/// Over TLS too: tonic inserts the inner connection's info beside its `TlsConnectInfo`.
#[cfg(feature = "tonic")]
fn tonic_peer(extensions: &Extensions) -> Option<Peer> {
    use tonic::transport::server::TcpConnectInfo;

    let tcp = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr).map(Peer::Tcp);
    #[cfg(unix)]
    let tcp =
        tcp.or_else(|| extensions.get::<tonic::transport::server::UdsConnectInfo>().map(|_| Peer::Unix));
    tcp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_anything_from_the_server_there_is_no_peer() {
        assert_eq!(peer(&Extensions::new()), None);
    }

    #[cfg(feature = "axum")]
    #[test]
    fn axums_connect_info_is_the_peer_unless_the_server_named_one() {
        let addr = std::net::SocketAddr::from(([192, 0, 2, 1], 443));
        let mut extensions = Extensions::new();
        extensions.insert(axum::extract::ConnectInfo(addr));
        assert_eq!(peer(&extensions), Some(Peer::Tcp(addr)));
        // Over a PROXY connection the socket is the proxy: the peer says more than the address.
        let proxied = Peer::Proxied { source: tollgate_core::ProxySource::Itself, by: Some(addr) };
        extensions.insert(axum::extract::ConnectInfo(proxied));
        assert_eq!(peer(&extensions), Some(proxied));
        extensions.insert(Peer::Unix);
        assert_eq!(peer(&extensions), Some(Peer::Unix));
    }

    #[cfg(feature = "tonic")]
    #[test]
    fn tonics_connect_info_is_the_peer() {
        use tonic::transport::server::TcpConnectInfo;

        let addr = std::net::SocketAddr::from(([192, 0, 2, 1], 443));
        let mut extensions = Extensions::new();
        extensions.insert(TcpConnectInfo { local_addr: None, remote_addr: None });
        assert_eq!(peer(&extensions), None);
        extensions.insert(TcpConnectInfo { local_addr: None, remote_addr: Some(addr) });
        assert_eq!(peer(&extensions), Some(Peer::Tcp(addr)));
    }

    #[cfg(all(feature = "tonic", unix))]
    #[test]
    fn a_connection_over_a_unix_socket_is_a_unix_peer() {
        let mut extensions = Extensions::new();
        extensions.insert(tonic::transport::server::UdsConnectInfo { peer_addr: None, peer_cred: None });
        assert_eq!(peer(&extensions), Some(Peer::Unix));
    }
}
