//! What leaves on the wire, byte by byte, over HTTP/1.1 and HTTP/2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate::injector::ClientIpInjector;
use tollgate::prelude::*;
use tollgate::pump_guard::SmsPumpGuardLayer;
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt};

use super::*;

/// One request as it came: its head, and all that came after.
#[derive(Clone, Debug)]
struct Came {
    version: Version,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<Came>>>);

const ANSWER: &str = "{\"umid\":\"x\",\"destination\":\"6591234567\",\"status\":{\"code\":\"QUEUED\"}}";

impl Wire {
    /// A server that speaks HTTP/1.1 by hand: it takes every byte that comes until nothing more does.
    async fn one(&self) -> SocketAddr {
        let listener = TcpListener::bind(local()).await.unwrap();
        let (addr, wire) = (listener.local_addr().unwrap(), self.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let wire = wire.clone();
                tokio::spawn(async move {
                    let mut came = Vec::new();
                    let silence = std::time::Duration::from_millis(300);
                    while let Ok(Ok(read)) = tokio::time::timeout(silence, stream.read_buf(&mut came)).await
                        && read > 0
                    {}
                    let end = came.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                    let head = String::from_utf8(came[..end].to_vec()).unwrap();
                    let mut headers = HeaderMap::new();
                    for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
                        let (name, value) = line.split_once(": ").unwrap();
                        let name: http::HeaderName = name.parse().unwrap();
                        headers.append(name, value.parse().unwrap());
                    }
                    let body = came[end..].to_vec();
                    wire.0.lock().unwrap().push(Came { version: Version::HTTP_11, headers, body });
                    let length = ANSWER.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                         connection: close\r\n\r\n{ANSWER}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        addr
    }

    /// A server that takes HTTP/2 with prior knowledge; a length that is not the body's is a protocol error there.
    async fn two(&self) -> SocketAddr {
        let wire = self.clone();
        let app = Router::new().fallback(move |request: Request<Body>| async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            wire.0.lock().unwrap().push(Came { version: parts.version, headers: parts.headers, body });
            ([("content-type", "application/json")], ANSWER)
        });
        let listener = TcpListener::bind(local()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        addr
    }

    fn only(&self) -> Came {
        let came = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(came.len(), 1, "{came:?}");
        came.into_iter().next().unwrap()
    }
}

type Sender = BoxCloneService<Request<Sent>, Response<Vec<u8>>, tower::BoxError>;

/// What a caller has to send.
enum Sent {
    Whole(String),
    Pieces(Pieces),
}

fn layer(to: SocketAddr) -> ClientIpInjectorLayer {
    let hosts = Hosts::new().with_host(&to.to_string()).unwrap();
    ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses()
}

/// The guard and the injector around hyper-util's client, which takes `http` types without an adapter.
fn hyper(to: SocketAddr, version: Version) -> Sender {
    let client = Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http();
    let guard = PumpGuard::new(Policy::default()).unwrap();
    let hosts = Hosts::new().with_host(&to.to_string()).unwrap();
    let injector: ClientIpInjector<Client<_, Body>> = layer(to).layer(client);
    let service = SmsPumpGuardLayer::new(guard).with_hosts(hosts).layer(injector);
    let service = service.map_request(|request: Request<Sent>| {
        request.map(|sent| match sent {
            Sent::Whole(text) => Body::from(text),
            Sent::Pieces(pieces) => Body::new(pieces),
        })
    });
    BoxCloneService::new(service.map_err(tower::BoxError::from).and_then(whole))
}

/// The injector around reqwest.
fn through_reqwest(to: SocketAddr, version: Version) -> Sender {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = match version {
        Version::HTTP_2 => builder.http2_prior_knowledge(),
        _ => builder.http1_only(),
    };
    let service = layer(to).layer(ReqwestService::new(client.build().unwrap()));
    let service = service.map_request(|request: Request<Sent>| {
        request.map(|sent| match sent {
            Sent::Whole(text) => reqwest::Body::from(text),
            Sent::Pieces(pieces) => reqwest::Body::wrap(pieces),
        })
    });
    BoxCloneService::new(service.map_err(tower::BoxError::from).and_then(whole))
}

async fn whole<B>(response: Response<B>) -> Result<Response<Vec<u8>>, tower::BoxError>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<tower::BoxError>,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into)?;
    Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
}

/// A body whose length nobody knows beforehand, in pieces.
struct Pieces {
    left: VecDeque<Bytes>,
    ends: bool,
}

impl Pieces {
    fn of(body: &str) -> Sent {
        let left = body.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        Sent::Pieces(Self { left, ends: true })
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn what_arrives_is_as_long_as_it_says_whatever_the_caller_said_of_its_length() {
    let (text, want) = (
        r#"{"destination":"+6591234567","text":"hi ☎","clientIp":"6.6.6.6"}"#,
        r#"{"destination":"+6591234567","text":"hi ☎","clientIp":"203.0.113.7"}"#,
    );
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for sender in [hyper, through_reqwest] {
            for lie in [
                None,
                Some(("content-length", "4")),
                Some(("content-length", "66")),
                Some(("content-length", "9999")),
                Some(("expect", "100-continue")),
                Some(("trailer", "x-checksum")),
                Some(("transfer-encoding", "chunked")),
            ] {
                for body in [Sent::Whole(text.to_owned()), Pieces::of(text)] {
                    let wire = Wire::default();
                    let to = if version == Version::HTTP_2 { wire.two().await } else { wire.one().await };
                    let mut request = Request::post(format!("http://{to}{SINGLE}"))
                        .header("content-type", "application/json")
                        .extension(ClientIp::asserted([203, 0, 113, 7].into()))
                        .body(body)
                        .unwrap();
                    if let Some((name, value)) = lie {
                        request.headers_mut().insert(name, value.parse().unwrap());
                    }
                    let answer = sender(to, version).oneshot(request).await.unwrap();
                    assert_eq!(
                        (answer.status().as_u16(), answer.body().as_slice()),
                        (200, ANSWER.as_bytes())
                    );
                    let came = wire.only();
                    let what = format!("{version:?} {lie:?} {came:?}");
                    assert_eq!(came.version, version, "{what}");
                    assert_eq!(String::from_utf8_lossy(&came.body), want, "{what}");
                    assert_eq!(came.headers[CONTENT_LENGTH], want.len().to_string(), "{what}");
                    for gone in ["transfer-encoding", "expect", "trailer"] {
                        assert!(!came.headers.contains_key(gone), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_batch_of_ten_thousand_arrives_whole_and_with_one_address() {
    let message = |n: usize| {
        let own = if n.is_multiple_of(3) { r#","clientIp":"6.6.6.6""# } else { "" };
        format!(r#"{{"destination":"+65{:08}","text":"hi"{own}}}"#, 80_000_000 + n)
    };
    let messages: Vec<_> = (0..10_000).map(message).collect();
    let body = format!(r#"{{"messages":[{}]}}"#, messages.join(","));
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let wire = Wire::default();
        let to = if version == Version::HTTP_2 { wire.two().await } else { wire.one().await };
        let request = Request::post(format!("http://{to}{BATCH}"))
            .header("content-type", "application/json")
            .extension(ClientIp::asserted([203, 0, 113, 7].into()))
            .body(Sent::Whole(body.clone()))
            .unwrap();
        let answer = through_reqwest(to, version).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let came = wire.only();
        let json: Value = serde_json::from_slice(&came.body).unwrap();
        assert_eq!(json["clientIp"], "203.0.113.7");
        let all = json["messages"].as_array().unwrap();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|message| message.get("clientIp").is_none()));
        assert_eq!(came.headers[CONTENT_LENGTH], came.body.len().to_string());
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_before_its_body_is_whole_sends_nothing() {
    let wire = Wire::default();
    let to = wire.two().await;
    let never = Pieces { left: [Bytes::from_static(b"{")].into(), ends: false };
    let request = Request::post(format!("http://{to}{SINGLE}"))
        .header("content-type", "application/json")
        .extension(ClientIp::asserted([203, 0, 113, 7].into()))
        .body(Sent::Pieces(never))
        .unwrap();
    let call = hyper(to, Version::HTTP_2).oneshot(request);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), call).await.is_err());
    assert!(wire.0.lock().unwrap().is_empty());
}
