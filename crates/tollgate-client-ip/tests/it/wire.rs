//! Clients of real servers.

#![allow(dead_code, reason = "which of them are used depends on the features")]

use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What an HTTP/1.1 server answers to `GET /` behind these bytes.
pub(crate) async fn http1(mut io: impl AsyncRead + AsyncWrite + Unpin, before: &[u8]) -> String {
    let request = b"GET / HTTP/1.1\r\nhost: tollgate.test\r\nconnection: close\r\n\r\n";
    io.write_all(&[before, request].concat()).await.unwrap();
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The body of an HTTP/2 server's answer to `GET /` behind these bytes.
pub(crate) async fn http2(
    mut io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    before: &[u8],
) -> String {
    io.write_all(before).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("http://tollgate.test/").version(Version::HTTP_2).body(Empty::<bytes::Bytes>::new());
    let response = send.send_request(request.unwrap()).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A Unix socket's path, of this process alone and not there yet.
pub(crate) fn socket_path(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("tollgate-{}-{name}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
