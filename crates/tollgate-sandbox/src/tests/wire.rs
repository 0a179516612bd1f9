use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const BALANCE: &[u8] =
    b"GET /api/v1/accounts/91b106f0c0da4abaa43a7af9c5893a80/balance HTTP/1.1\r\nhost: 8x8\r\nauthorization: Bearer k\r\n\r\n";

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(BALANCE).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    answer
}

#[tokio::test]
async fn a_started_sandbox_serves_until_it_is_dropped() {
    let sandbox = Sandbox::new();
    let running = sandbox.start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let addr = running.addr();
    assert_eq!(running.url(), format!("http://{addr}"));

    let mut stream = TcpStream::connect(addr).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(ask(&mut stream).await.contains("\"currency\":\"EUR\""));
    assert_eq!(sandbox.requests().len(), 2);

    drop(running);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"", "an idle connection is closed");
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_served_sandbox_ends_with_its_future() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let sandbox = Sandbox::new();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    tokio::select! {
        ended = sandbox.serve(listener) => panic!("{ended:?}"),
        answer = ask(&mut stream) => assert!(answer.starts_with("HTTP/1.1 200 OK\r\n")),
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let running = Sandbox::new().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert!(Sandbox::new().start(running.addr()).await.is_err());
}
