use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Mutex;

use http_body_util::{BodyExt, Full};
use tollgate_8x8::Placement;
use tollgate_core::ClientIp;
use tower::{Layer, ServiceExt};

use super::*;

type Sent = Request<Full<Bytes>>;

/// Records what reaches it. Panics where it was not made ready.
#[derive(Debug, Default)]
struct Client {
    sent: Arc<Mutex<Vec<Sent>>>,
    ready: bool,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        Self { sent: Arc::clone(&self.sent), ready: false }
    }
}

impl Service<Sent> for Client {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Sent) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        self.sent.lock().unwrap().push(request);
        ready(Ok(Response::new(Full::default())))
    }
}

const SINGLE: &str = "https://sms.8x8.com/api/v1/subaccounts/x/messages";
const BATCH: &str = "https://sms.8x8.com/api/v1/subaccounts/x/messages/batch";
const VERIFY: &str = "https://verify.8x8.com/api/v2/subaccounts/x/sessions";

fn client(text: &str) -> ClientIp {
    ClientIp::asserted(text.parse().unwrap())
}

fn post(uri: &str, body: &str) -> Sent {
    Request::post(uri).header("content-type", "application/json").body(Full::from(body.to_owned())).unwrap()
}

fn by(mut request: Sent, origin: impl Clone + Send + Sync + 'static) -> Sent {
    request.extensions_mut().insert(origin);
    request
}

/// What was sent, or the kind of the refusal.
async fn send_with(layer: ClientIpInjectorLayer, request: Sent) -> Result<Request<String>, String> {
    let client = Client::default();
    let response = layer.layer(client.clone()).oneshot(request).await.unwrap();
    if let Some(kind) = response.headers().get("tollgate-refusal") {
        assert!(client.sent.lock().unwrap().is_empty());
        return Err(kind.to_str().unwrap().to_owned());
    }
    let (parts, body) = client.sent.lock().unwrap().pop().unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Request::from_parts(parts, String::from_utf8(body.to_vec()).unwrap()))
}

async fn send(request: Sent) -> Result<Request<String>, String> {
    send_with(ClientIpInjectorLayer::new(), request).await
}

async fn body(request: Sent) -> String {
    send(request).await.unwrap().into_body()
}

#[tokio::test]
async fn the_address_is_written_whatever_the_caller_had_there() {
    let want = r#"{"destination":"1","clientIp":"8.8.4.4"}"#;
    for uri in [SINGLE, VERIFY] {
        assert_eq!(body(by(post(uri, r#"{"destination":"1"}"#), client("8.8.4.4"))).await, want);
        let forged = r#"{"destination":"1","ClientIP":"6.6.6.6","clien\u0074Ip":null}"#;
        assert_eq!(body(by(post(uri, forged), client("8.8.4.4"))).await, want);
    }
    let forged = r#"{"messages":[{"destination":"1","clientIp":"6.6.6.6"}]}"#;
    assert_eq!(
        body(by(post(BATCH, forged), client("::ffff:8.8.4.4"))).await,
        r#"{"messages":[{"destination":"1"}],"clientIp":"8.8.4.4"}"#
    );
    assert_eq!(
        body(by(post(SINGLE, "{}"), client("2606:4700:0:0:0:0:0:1111"))).await,
        r#"{"clientIp":"2606:4700::1111"}"#
    );
}

#[tokio::test]
async fn each_writes_into_every_message() {
    let layer = ClientIpInjectorLayer::new().with_placement(Placement::Each);
    let request = by(post(BATCH, r#"{"messages":[{},{"clientIp":0}]}"#), client("8.8.4.4"));
    assert_eq!(
        send_with(layer, request).await.unwrap().body(),
        r#"{"messages":[{"clientIp":"8.8.4.4"},{"clientIp":"8.8.4.4"}],"clientIp":"8.8.4.4"}"#
    );
}

#[tokio::test]
async fn lengths_and_stale_headers_are_put_right() {
    let mut request = by(post(SINGLE, "{}"), client("8.8.4.4"));
    for (name, value) in
        [("content-length", "2"), ("transfer-encoding", "chunked"), ("expect", "100-continue")]
    {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let sent = send(request).await.unwrap();
    assert_eq!(sent.headers()["content-length"], sent.body().len().to_string());
    assert!(!sent.headers().contains_key("transfer-encoding") && !sent.headers().contains_key("expect"));
}

#[tokio::test]
async fn the_extension_goes_before_the_scope_and_without_both_nothing_is_sent() {
    let scope = Origin::Client(client("8.8.8.8"));
    let in_scope = scope.scope(body(post(SINGLE, "{}"))).await;
    assert_eq!(in_scope, r#"{"clientIp":"8.8.8.8"}"#);
    let both = scope.scope(body(by(post(SINGLE, "{}"), client("8.8.4.4")))).await;
    assert_eq!(both, r#"{"clientIp":"8.8.4.4"}"#);
    assert_eq!(send(post(SINGLE, "{}")).await.unwrap_err(), "no_client_ip");
    let undetermined = Origin::Undetermined.scope(send(post(SINGLE, "{}")));
    assert_eq!(scope.scope(undetermined).await.unwrap_err(), "no_client_ip");
}

#[tokio::test]
async fn the_system_sends_without_a_client_ip_and_removes_a_forged_one() {
    let request = by(post(SINGLE, r#"{"clientIp":"6.6.6.6","a":1}"#), Origin::System);
    assert_eq!(body(request).await, r#"{"a":1}"#);
    let coverage = "https://verify.8x8.com/api/v2/subaccounts/x/sma/coverage";
    assert_eq!(send(by(post(coverage, "{}"), Origin::System)).await.unwrap_err(), "no_client_ip");
    assert_eq!(body(by(post(coverage, "{}"), client("8.8.4.4"))).await, r#"{"clientIp":"8.8.4.4"}"#);
}

#[tokio::test]
async fn an_address_8x8_cannot_use_is_refused_omitted_or_passed() {
    let request = || by(post(SINGLE, r#"{"clientIp":1}"#), client("203.0.113.7"));
    let new = ClientIpInjectorLayer::new;
    assert_eq!(send(request()).await.unwrap_err(), "unusable_address");
    assert_eq!(send_with(new().with_unusable(Unusable::Omit), request()).await.unwrap().body(), "{}");
    let written = r#"{"clientIp":"203.0.113.7"}"#;
    assert_eq!(send_with(new().with_unusable(Unusable::Pass), request()).await.unwrap().body(), written);
    assert_eq!(send_with(new().with_documentation_addresses(), request()).await.unwrap().body(), written);
    let private = by(post(SINGLE, "{}"), client("10.0.0.1"));
    assert_eq!(
        send_with(new().with_documentation_addresses(), private).await.unwrap_err(),
        "unusable_address"
    );
}

#[tokio::test]
async fn what_sends_nothing_or_has_no_client_ip_passes_untouched() {
    for uri in [
        "https://example.com/api/v1/subaccounts/x/messages",
        "https://chatapps.8x8.com/api/v1/subaccounts/x/messages",
        "https://sms.8x8.com/api/v1/subaccounts/x/messages/1/feedback",
    ] {
        let mut request = post(uri, "{ not json");
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(body(request).await, "{ not json", "{uri}");
    }
}

#[tokio::test]
async fn what_has_no_client_ip_gets_none_from_a_caller_either() {
    let survey = post(
        "https://sms.8x8.com/api/v1/subaccounts/x/surveys/1/messages",
        r#"{"ClientIp":"6.6.6.6","a":1}"#,
    );
    assert_eq!(body(survey).await, r#"{"a":1}"#);
}

#[tokio::test]
async fn what_cannot_be_changed_safely_is_refused_each_in_its_kind() {
    let json = |body: &str| by(post(SINGLE, body), client("8.8.4.4"));
    let header = |name: &'static str, value: &str| {
        let mut request = json("{}");
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let mut override_ = header("x-http-method-override", "DELETE");
    *override_.method_mut() = http::Method::GET;
    let uri = |uri: &str| by(post(uri, "{}"), client("8.8.4.4"));
    for (request, kind) in [
        (json("{"), "invalid_json"),
        (json("[]"), "invalid_shape"),
        (json(r#"{"country":1,"Country":2}"#), "ambiguous_key"),
        (header("content-type", "text/plain"), "content_type"),
        (header("content-encoding", "gzip"), "content_encoding"),
        (header("content-digest", "sha-256=:x:"), "signed_body"),
        (header("signature", "x"), "signed_body"),
        (header("host", "example.com"), "host_mismatch"),
        (header("content-length", "9000000"), "body_too_large"),
        (override_, "method_override"),
        (uri("https://sms.8x8.com/api/v1/subaccounts/x/message"), "unknown_endpoint"),
        (uri("https://sms.8x8.com/api/v1/subaccounts/x/./messages"), "doubtful_path"),
    ] {
        assert_eq!(send(request).await.unwrap_err(), kind);
    }
}

#[test]
fn the_service_can_be_shared_between_tasks() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<ClientIpInjector<Client>>();
    check::<ClientIpInjectorLayer>();
}

#[tokio::test]
async fn an_address_of_ones_own_goes_in_place_of_an_unusable_one() {
    let own = "8.8.4.4".parse().unwrap();
    let layer = || ClientIpInjectorLayer::new().with_unusable(Unusable::Replace(own));
    let written =
        async |ip: &str| send_with(layer(), by(post(SINGLE, "{}"), client(ip))).await.unwrap().into_body();
    assert_eq!(written("10.1.2.3").await, r#"{"clientIp":"8.8.4.4"}"#);
    assert_eq!(written("9.9.9.9").await, r#"{"clientIp":"9.9.9.9"}"#);
}

#[tokio::test]
async fn what_is_refused_passes_as_it_came_only_by_the_switch_that_names_it() {
    type Switch = fn(ClientIpInjectorLayer) -> ClientIpInjectorLayer;
    let unknown: Switch = ClientIpInjectorLayer::insecure_pass_unknown;
    let doubtful: Switch = ClientIpInjectorLayer::insecure_pass_doubtful;
    let unreadable: Switch = ClientIpInjectorLayer::insecure_pass_unreadable;
    let nobody: Switch = ClientIpInjectorLayer::insecure_pass_without_client_ip;
    let forged = r#"{"clientIp":"6.6.6.6"}"#;
    let somebody = || by(post(SINGLE, forged), client("8.8.4.4"));
    let with = |mut request: Sent, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let to = |uri: &str| by(post(uri, forged), client("8.8.4.4"));
    let body = |body: &str| by(post(SINGLE, body), client("8.8.4.4"));
    let cases: [(Switch, &str, &dyn Fn() -> Sent); 13] = [
        (unknown, "unknown_endpoint", &|| to("https://sms.8x8.com/api/v9/new")),
        (doubtful, "doubtful_path", &|| to("https://sms.8x8.com/api/v1/subaccounts/x/./messages")),
        (doubtful, "host_mismatch", &|| with(somebody(), "host", "sms.us.8x8.com")),
        (doubtful, "method_override", &|| with(somebody(), "x-http-method-override", "PUT")),
        (unreadable, "content_type", &|| with(somebody(), "content-type", "text/plain")),
        (unreadable, "content_encoding", &|| with(somebody(), "content-encoding", "gzip")),
        (unreadable, "signed_body", &|| with(somebody(), "content-digest", "sha-256=:x:")),
        (unreadable, "invalid_json", &|| body("{'clientIp':1}")),
        (unreadable, "invalid_shape", &|| body("[]")),
        (unreadable, "ambiguous_key", &|| body(r#"{"destination":"1","Destination":"2"}"#)),
        (unreadable, "invalid_json", &|| body("{\"a\":\"\u{0}\"}")),
        (nobody, "no_client_ip", &|| post(SINGLE, forged)),
        (nobody, "no_client_ip", &|| by(post(SINGLE, forged), Origin::Undetermined)),
    ];
    for (switch, kind, request) in cases {
        assert_eq!(send_with(ClientIpInjectorLayer::new(), request()).await.unwrap_err(), kind);
        for other in [unknown, doubtful, unreadable, nobody] {
            let result = send_with(other(ClientIpInjectorLayer::new()), request()).await;
            if std::ptr::fn_addr_eq(other, switch) {
                let came = request().into_body().collect().await.unwrap().to_bytes();
                assert_eq!(result.unwrap().into_body().as_bytes(), came, "{kind}");
            } else {
                assert_eq!(result.unwrap_err(), kind);
            }
        }
    }
    // A body over the limit has a limit, and no switch.
    let all = nobody(unreadable(doubtful(unknown(ClientIpInjectorLayer::new())))).with_body_limit(4);
    assert_eq!(send_with(all, somebody()).await.unwrap_err(), "body_too_large");
}

#[tokio::test]
async fn each_message_of_a_batch_gets_its_own_address_and_the_top_level_none() {
    let of = |origins: &[Origin]| MessageOrigins::new(origins.iter().copied());
    let (anna, ben) = (Origin::Client(client("9.9.9.9")), Origin::Client(client("2606:4700::1111")));
    let three = r#"{"clientIp":"6.6.6.6","messages":[{"destination":"1","clientIp":"6.6.6.6"},{"destination":"2"},{"ClientIP":null,"destination":"3"}]}"#;
    let request = || by(by(post(BATCH, three), client("8.8.4.4")), of(&[anna, ben, Origin::System]));
    assert_eq!(
        body(request()).await,
        r#"{"messages":[{"destination":"1","clientIp":"9.9.9.9"},{"destination":"2","clientIp":"2606:4700::1111"},{"destination":"3"}]}"#
    );
    for (origins, kind) in [
        (of(&[anna, ben]), "invalid_shape"),
        (of(&[anna, ben, anna, ben]), "invalid_shape"),
        (of(&[anna, ben, Origin::Undetermined]), "no_client_ip"),
        (of(&[anna, ben, Origin::Client(client("10.0.0.1"))]), "unusable_address"),
    ] {
        assert_eq!(send(by(by(post(BATCH, three), client("8.8.4.4")), origins)).await.unwrap_err(), kind);
    }
    for other in [r#"{"destinations":["1","2"]}"#, r#"{"messages":[{"destination":"1"},2]}"#, "{}"] {
        assert_eq!(
            send(by(post(BATCH, other), of(&[anna, ben]))).await.unwrap_err(),
            "invalid_shape",
            "{other}"
        );
    }
    // One message has the request's own.
    let single = by(by(post(SINGLE, "{}"), client("8.8.4.4")), of(&[anna]));
    assert_eq!(body(single).await, r#"{"clientIp":"8.8.4.4"}"#);
}

#[tokio::test]
async fn a_thousand_addresses_in_one_object_are_one() {
    let many = r#""clientIp":0,"CLIENTIP":{"clientIp":[]},"#.repeat(1000);
    let last = format!(r#"{{"a":1,{many}"clientIp":null}}"#);
    assert_eq!(body(by(post(SINGLE, &last), client("8.8.4.4"))).await, r#"{"a":1,"clientIp":"8.8.4.4"}"#);
    assert_eq!(body(by(post(SINGLE, &last), Origin::System)).await, r#"{"a":1}"#);
    let first = format!(r#"{{{many}"a":1}}"#);
    assert_eq!(body(by(post(SINGLE, &first), client("8.8.4.4"))).await, r#"{"clientIp":"8.8.4.4","a":1}"#);
    assert_eq!(body(by(post(SINGLE, &first), Origin::System)).await, r#"{"a":1}"#);
    let alone = format!("{{{}}}", many.trim_end_matches(','));
    assert_eq!(body(by(post(SINGLE, &alone), Origin::System)).await, "{}");
}

#[tokio::test]
async fn what_a_lenient_reader_could_take_for_messages_is_not_sent_unseen() {
    let hidden = r#"{"destination":"1","clientIp":"6.6.6.6"}"#;
    for body in [
        format!(r#"{{"messages":{hidden}}}"#),
        format!(r#"{{"messages":{{"$values":[{hidden}]}}}}"#),
        format!(r#"{{"messages":[{{}},[{hidden}]]}}"#),
        format!(r#"{{"destinations":[{hidden}]}}"#),
        format!(r#"{{"destinations":["1",[{hidden}]]}}"#),
        format!(r#"{{"destinations":{hidden}}}"#),
    ] {
        assert_eq!(
            send(by(post(BATCH, &body), client("8.8.4.4"))).await.unwrap_err(),
            "invalid_shape",
            "{body}"
        );
    }
    for body in [r#"{"messages":null}"#, r#"{"messages":[1,{}]}"#, r#"{"destinations":[1,null]}"#] {
        assert!(send(by(post(BATCH, body), client("8.8.4.4"))).await.is_ok(), "{body}");
    }
}

#[tokio::test]
async fn addresses_of_recipients_that_were_taken_out_go_with_them() {
    let [anna, ben, carl] = ["9.9.9.9", "8.8.4.4", "1.1.1.1"].map(|ip| Origin::Client(client(ip)));
    let two = r#"{"messages":[{"destination":"1"},{"destination":"3"}]}"#;
    let request =
        by(by(post(BATCH, two), MessageOrigins::new([anna, ben, carl])), tollgate_8x8::Removed::new(vec![1]));
    assert_eq!(
        body(request).await,
        r#"{"messages":[{"destination":"1","clientIp":"9.9.9.9"},{"destination":"3","clientIp":"1.1.1.1"}]}"#
    );
}

#[tokio::test]
async fn a_refusal_lets_go_of_what_the_inner_service_held() {
    let one = tower::limit::GlobalConcurrencyLimitLayer::new(1);
    let layer = ClientIpInjectorLayer::new();
    let [mut refused, mut other] = [0, 1].map(|_| layer.layer(one.layer(Client::default())));
    refused.ready().await.unwrap().call(post(SINGLE, "{}")).await.unwrap();
    let ready = tokio::time::timeout(std::time::Duration::from_secs(1), other.ready());
    assert!(ready.await.is_ok(), "the permit is free");
}
