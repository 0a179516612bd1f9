//! HTTP/1.1 or HTTP/2: what a connection's first bytes say.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client speaks, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Reads a connection's first bytes, as far as they tell the protocol: behind `unread`, which were read already. All of
/// them are given back. Nothing limits how long that may take: the caller has to.
///
/// # Errors
///
/// The connection broke.
pub(crate) async fn protocol(
    io: &mut (impl AsyncRead + Unpin),
    unread: Bytes,
) -> io::Result<(Protocol, Bytes)> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut first = BytesMut::from(unread);
    loop {
        let protocol = match PREFACE.get(..first.len()) {
            _ if first.starts_with(PREFACE) => Protocol::Http2,
            Some(start) if first == start => {
                let room = PREFACE.len() - first.len();
                if io.read_buf(&mut (&mut first).limit(room)).await? > 0 {
                    continue;
                }
                // It ended: HTTP/1.1 has the words for that.
                Protocol::Http1
            }
            _ => Protocol::Http1,
        };
        return Ok((protocol, first.freeze()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_protocol_is_told_by_the_first_bytes_and_half_a_preface_tells_nothing() {
        let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..];
        for (unread, bytes, told) in [
            (&b""[..], &b"GET / HTTP/1.1\r\n"[..], Some(Protocol::Http1)),
            (b"", preface, Some(Protocol::Http2)),
            (b"", b"PRIX", Some(Protocol::Http1)),
            (b"", b"PRI * HT", None),
            (b"", b"", None),
            (b"GET /", b"", Some(Protocol::Http1)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0", b"", Some(Protocol::Http2)),
            (preface, b"", Some(Protocol::Http2)),
            (b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n\r\n more", Some(Protocol::Http2)),
            (b"PRI * HT", b"TP/2.1", Some(Protocol::Http1)),
            (b"PRI * HT", b"", None),
        ] {
            let (mut near, mut far) = tokio::io::duplex(64);
            far.write_all(bytes).await.unwrap();
            let told_by = protocol(&mut near, Bytes::from_static(unread));
            let seen = tokio::time::timeout(Duration::from_secs(9), told_by).await;
            assert_eq!(seen.ok().map(|seen| seen.unwrap().0), told, "{unread:?} {bytes:?}");
        }
    }

    #[tokio::test]
    async fn what_was_read_to_tell_the_protocol_is_given_back_and_an_end_is_seen_at_once() {
        for bytes in [&b"PRI * HT"[..], b"P", b"", b"GET / HTTP/1.1\r\n"] {
            let (mut near, mut far) = tokio::io::duplex(64);
            far.write_all(bytes).await.unwrap();
            drop(far);
            let (told, mut read) =
                protocol(&mut near, Bytes::new()).await.map(|(told, read)| (told, read.to_vec())).unwrap();
            near.read_to_end(&mut read).await.unwrap();
            assert_eq!((told, read.as_slice()), (Protocol::Http1, bytes));
        }
    }
}
