//! The whole body of an answer to something that Tollgate asked by itself.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;

/// The longest answer, in bytes.
const LONGEST: usize = 64 << 10;

/// The whole body. `None` where it is broken or too long; of one that is too long no more is read.
pub(crate) async fn read<R: http_body::Body<Data = Bytes>>(body: R) -> Option<Vec<u8>> {
    let mut body = pin!(body);
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            if all.len() + data.len() > LONGEST {
                return None;
            }
            all.extend_from_slice(&data);
        }
    }
    Some(all)
}
