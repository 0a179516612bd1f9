use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project::pin_project;

/// An inner body, or bytes of ours in its place.
///
/// A layer answers `Response<Body<B>>`, so that a refusal, or an answer that was read, can be given back where `B`
/// itself cannot be made (hyper's `Incoming`, tonic's body).
#[derive(Debug)]
#[pin_project]
pub struct Body<B> {
    #[pin]
    kind: Kind<B>,
}

#[derive(Debug)]
#[pin_project(project = KindProjection)]
enum Kind<B> {
    Inner(#[pin] B),
    /// `None` once it was given out, and from the start when empty.
    Bytes(Option<Bytes>),
}

impl<B> Body<B> {
    /// The inner body, passed through.
    pub fn inner(body: B) -> Self {
        Self { kind: Kind::Inner(body) }
    }

    /// The same with the inner body made into another.
    pub fn map<C>(self, make: impl FnOnce(B) -> C) -> Body<C> {
        let kind = match self.kind {
            Kind::Inner(body) => Kind::Inner(make(body)),
            Kind::Bytes(bytes) => Kind::Bytes(bytes),
        };
        Body { kind }
    }

    /// The inner body, or one made of the bytes.
    pub fn into_inner(self) -> B
    where
        B: From<Bytes>,
    {
        match self.kind {
            Kind::Inner(body) => body,
            Kind::Bytes(bytes) => bytes.unwrap_or_default().into(),
        }
    }

    /// A copy of a body that is bytes, of what was not given out yet. `None` for an inner body.
    pub fn try_clone(&self) -> Option<Self> {
        match &self.kind {
            Kind::Inner(_) => None,
            Kind::Bytes(bytes) => Some(Self { kind: Kind::Bytes(bytes.clone()) }),
        }
    }

    /// A body without content, at its end at once.
    #[must_use]
    pub fn empty() -> Self {
        Bytes::new().into()
    }
}

impl<B> From<Bytes> for Body<B> {
    fn from(bytes: Bytes) -> Self {
        Self { kind: Kind::Bytes((!bytes.is_empty()).then_some(bytes)) }
    }
}

impl<B> Default for Body<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B: http_body::Body<Data = Bytes>> http_body::Body for Body<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner(body) => body.poll_frame(cx),
            KindProjection::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner(body) => body.is_end_stream(),
            Kind::Bytes(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner(body) => body.size_hint(),
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[test]
    fn an_empty_body_is_at_its_end_at_once() {
        assert!(Body::<Full<Bytes>>::empty().is_end_stream());
        assert_eq!(Body::<Full<Bytes>>::empty().size_hint().exact(), Some(0));
    }

    #[tokio::test]
    async fn bytes_come_out_once_and_unchanged() {
        let body = Body::<Full<Bytes>>::from(Bytes::from_static(b"refused"));
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "refused");
        let body = Body::inner(Full::new(Bytes::from_static(b"inner")));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "inner");
    }

    #[tokio::test]
    async fn bytes_can_be_copied_and_an_inner_body_cannot() {
        let body = Body::<Full<Bytes>>::from(Bytes::from_static(b"bytes"));
        let copy = body.try_clone().unwrap();
        for body in [body, copy] {
            assert_eq!(body.into_inner().collect().await.unwrap().to_bytes(), "bytes");
        }
        assert!(Body::inner(Full::new(Bytes::from_static(b"inner"))).try_clone().is_none());
    }
}
