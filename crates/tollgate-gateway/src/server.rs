//! The listening side: connections within bounds of number and time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tollgate::client_ip::proxy_protocol::{ProxyProtocol, ProxyStream};
use tollgate::core::Peer;
use tower::ServiceExt;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::idle::Idle;
use crate::protocol::{Protocol, protocol};

/// How long a connection may take to say what it speaks, and then a request's headers.
const HEADERS: Duration = Duration::from_secs(10);

/// How long requests in flight may take once the gateway is told to stop.
const DRAIN: Duration = Duration::from_secs(15);

/// Serves until `stop` is there, then lets what is in flight end.
pub async fn serve(listener: TcpListener, gateway: Gateway, config: &Config, stop: impl Future<Output = ()>) {
    let proxies = ProxyProtocol::of(gateway.client_ip.resolver());
    let places = Arc::new(Semaphore::new(config.listen.max_connections));
    // Longer than a request may wait for its body and for 8x8's answer.
    let idle = config.listen.body_timeout.0 + config.upstream.timeout.0 + Duration::from_secs(20);
    let graceful = GracefulShutdown::new();
    let stopping = tokio::sync::watch::Sender::new(());
    let mut stop = pin!(stop);
    loop {
        // A full house makes new connections wait in the kernel's queue instead of taking memory here.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let (stream, addr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a connection that went away: neither ends the server.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (app, proxies) = (gateway.app.clone(), proxies.clone());
        let watcher = graceful.watcher();
        let mut stopping = stopping.subscribe();
        tokio::spawn(async move {
            let _place = place;
            // The builder's own look at the protocol has no time limit.
            let begun = tokio::time::timeout(HEADERS, begin(&proxies, stream, Peer::Tcp(addr)));
            let begun = tokio::select! {
                begun = begun => begun,
                // It has asked for nothing yet.
                _ = stopping.changed() => return,
            };
            let Ok(Some((protocol, stream))) = begun else { return };
            let peer = stream.peer();
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                app.clone().oneshot(request)
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100);
            let builder = match protocol {
                Protocol::Http1 => builder.http1_only(),
                Protocol::Http2 => builder.http2_only(),
            };
            let io = TokioIo::new(Idle::new(stream, idle));
            let connection = watcher.watch(builder.serve_connection(io, service).into_owned());
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop((listener, stopping));
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still in flight after {DRAIN:?} were ended");
    }
}

/// A connection behind its PROXY protocol header, if it has to have one, and what it speaks.
async fn begin(
    proxies: &ProxyProtocol,
    stream: TcpStream,
    socket: Peer,
) -> Option<(Protocol, ProxyStream<TcpStream>)> {
    // A refused header was counted and traced there.
    let stream = proxies.accept(stream, socket).await.ok()?;
    let peer = stream.peer();
    let (mut io, unread) = stream.into_parts();
    let (protocol, unread) = protocol(&mut io, unread).await.ok()?;
    Some((protocol, ProxyStream::from_parts(io, unread, peer)))
}
