//! What stands between a node and its server: a delay, or an impostor.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes everything on, late.
pub(crate) struct Slow {
    pub(crate) url: String,
    delay_ms: Arc<AtomicU64>,
}

impl Slow {
    pub(crate) async fn in_front_of(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass(from_client, to_server, Arc::default()));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&delay)));
            }
        });
        Self { url, delay_ms }
    }

    pub(crate) fn delay(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Relaxed);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay_ms: Arc<AtomicU64>) {
    let (late, mut due) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let at = Instant::now() + Duration::from_millis(delay_ms.load(Relaxed));
        if late.send((at, buffer[..read].to_vec())).is_err() {
            return;
        }
    }
}

/// Answers whatever it is asked with the same bytes, from the moment it is told to; before, passes on.
pub(crate) async fn impostor(port: u16, lies: Arc<std::sync::Mutex<Option<&'static [u8]>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
            let ((mut from_client, mut to_client), (from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let lies = Arc::clone(&lies);
            tokio::spawn(async move {
                let mut from_server = from_server;
                let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
                loop {
                    tokio::select! {
                        read = from_client.read(&mut asked) => {
                            let Ok(read @ 1..) = read else { return };
                            let lie = *lies.lock().unwrap();
                            let sent = match lie {
                                Some(lie) => to_client.write_all(lie).await,
                                None => to_server.write_all(&asked[..read]).await,
                            };
                            if sent.is_err() { return }
                        }
                        read = from_server.read(&mut answered) => {
                            let Ok(read @ 1..) = read else { return };
                            if to_client.write_all(&answered[..read]).await.is_err() { return }
                        }
                    }
                }
            });
        }
    });
    url
}
