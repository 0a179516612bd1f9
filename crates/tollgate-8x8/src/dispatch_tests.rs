use http_body_util::Full;

use tollgate_core::RefusalKind;

use super::*;

type Body = Full<Bytes>;

fn request(body: &'static str) -> Request<Body> {
    Request::post("https://sms.8x8.com/")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap()
}

async fn kind(request: Request<Body>, limit: usize) -> RefusalKind {
    ReadDispatch::new(Endpoint::SmsSingle, request, limit).await.unwrap_err().refusal.kind()
}

#[tokio::test]
async fn a_body_is_scanned_once_however_many_layers_read_it() {
    let (request, first) =
        ReadDispatch::new(Endpoint::SmsSingle, request("{\"destination\":\"1\"}"), 100).await.unwrap();
    let (request, second) = ReadDispatch::new(Endpoint::SmsSingle, request, 100).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));

    // As another endpoint, or with other bytes in its place, it is scanned again.
    let (request, other) = ReadDispatch::new(Endpoint::VerifyStart, request, 100).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &other));
    let request = request.map(|_| Full::new(Bytes::from_static(b"{\"destination\":\"2\"}")));
    let (_, changed) = ReadDispatch::new(Endpoint::VerifyStart, request, 100).await.unwrap();
    assert_eq!(changed.scan().recipients()[0].destination(changed.body()).unwrap(), "2");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_its_length_or_not() {
    assert_eq!(kind(request("{\"destination\":\"1\"}"), 18).await, RefusalKind::BodyTooLarge);
    let mut lying = request("{}");
    lying.headers_mut().insert("content-length", "19".parse().unwrap());
    assert_eq!(kind(lying, 18).await, RefusalKind::BodyTooLarge);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_apart() {
    assert_eq!(kind(request("{"), 100).await, RefusalKind::InvalidJson);
    assert_eq!(kind(request("[]"), 100).await, RefusalKind::InvalidShape);
    let mut text = request("{}");
    text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(kind(text, 100).await, RefusalKind::ContentType);
}

/// A body in frames of its own, which can also be made from bytes.
struct Frames(std::vec::IntoIter<http_body::Frame<Bytes>>);

impl Frames {
    fn new(frames: Vec<http_body::Frame<Bytes>>) -> Self {
        Self(frames.into_iter())
    }
}

impl From<Bytes> for Frames {
    fn from(bytes: Bytes) -> Self {
        Self::new(vec![http_body::Frame::data(bytes)])
    }
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

#[tokio::test]
async fn frames_are_put_together_and_trailers_are_refused() {
    use http_body::Frame;
    let send = |frames| {
        let (parts, _) = request("").into_parts();
        ReadDispatch::new(Endpoint::SmsSingle, Request::from_parts(parts, Frames::new(frames)), 100)
    };
    let halves = vec![
        Frame::data(Bytes::from_static(b"{\"destina")),
        Frame::data(Bytes::from_static(b"tion\":\"1\"}")),
    ];
    assert_eq!(send(halves).await.ok().unwrap().1.body(), "{\"destination\":\"1\"}");
    let long = vec![Frame::data(Bytes::from(vec![b' '; 60])), Frame::data(Bytes::from(vec![b' '; 60]))];
    assert_eq!(send(long).await.err().unwrap().refusal.kind(), RefusalKind::BodyTooLarge);
    let with_trailers = vec![Frame::data(Bytes::from_static(b"{}")), Frame::trailers(http::HeaderMap::new())];
    assert_eq!(send(with_trailers).await.err().unwrap().refusal.kind(), RefusalKind::Trailers);
}
