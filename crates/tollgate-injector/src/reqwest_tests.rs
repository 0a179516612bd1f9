use std::future::{Ready, poll_fn, ready};

use bytes::Bytes;

use super::*;

/// Is ready at the second time of asking, and panics where it is called without.
#[derive(Debug, Default)]
struct Probe {
    asked: usize,
    ready: bool,
}

impl Service<::reqwest::Request> for Probe {
    type Response = ::reqwest::Response;
    type Error = ::reqwest::Error;
    type Future = Ready<Result<::reqwest::Response, ::reqwest::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ::reqwest::Error>> {
        self.asked += 1;
        self.ready = self.asked > 1;
        if self.ready {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, request: ::reqwest::Request) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        let mut response =
            Response::new(request.body().and_then(Body::as_bytes).unwrap_or_default().to_vec());
        response.extensions_mut().insert(Mark);
        ready(Ok(response.into()))
    }
}

#[derive(Clone)]
struct Mark;

fn request(uri: &str) -> Request<Body> {
    Request::post(uri).body(Body::from("as it is")).unwrap()
}

#[tokio::test]
async fn it_is_ready_when_the_client_is_and_not_before() {
    let mut service = ReqwestService::new(Probe::default());
    poll_fn(|cx| {
        assert!(service.poll_ready(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    assert_eq!(service.get_ref().asked, 2);
    let response = service.call(request("http://example.com/")).await.unwrap();
    assert!(response.extensions().get::<Mark>().is_some());
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, Bytes::from_static(b"as it is"));
}

#[tokio::test]
async fn a_uri_that_is_none_of_reqwests_is_an_error_and_not_a_call() {
    let mut service = ReqwestService::new(Probe { asked: 1, ready: false });
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    assert!(service.call(request("/only/a/path")).await.unwrap_err().is_builder());
    assert!(service.get_ref().ready);
}
