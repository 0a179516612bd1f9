//! What the layer does to headers, and what it counts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tollgate_client_ip::{MockClientIpLayer, Resolution, Resolver, Rule, Strategy, TrustedClientIpLayer};
use tollgate_core::{ClientIp, Peer};
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the inner service saw.
#[derive(Clone, Debug)]
struct Seen {
    headers: HeaderMap,
    client: Option<ClientIp>,
    resolution: Resolution,
}

async fn through(layer: &TrustedClientIpLayer, request: Request<()>) -> Seen {
    let app = layer.layer(service_fn(|request: Request<()>| async move {
        let mut response = Response::new(String::new());
        response.extensions_mut().insert(Seen {
            headers: request.headers().clone(),
            client: request.extensions().get().copied(),
            resolution: request.extensions().get::<Resolution>().unwrap().clone(),
        });
        Ok::<_, Infallible>(response)
    }));
    app.oneshot(request).await.unwrap().extensions().get::<Seen>().unwrap().clone()
}

fn request(peer: &str, sent: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::new(());
    let addr = SocketAddr::new(peer.parse().unwrap(), 50_000);
    request.extensions_mut().insert(Peer::Tcp(addr));
    for (name, value) in sent {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request
}

fn resolver() -> Resolver {
    Resolver::new()
        .with_rule(
            Rule::new(["192.0.2.0/24"], "CF-Connecting-IP", Strategy::Single)
                .unwrap()
                .with_required_header("X-Secret", "s3cret")
                .unwrap(),
        )
        .with_rule(Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges).unwrap())
}

fn names(seen: &Seen) -> Vec<String> {
    let mut names: Vec<_> = seen.headers.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

fn received(seen: &Seen) -> Vec<String> {
    let mut lines: Vec<_> = seen
        .resolution
        .received()
        .map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()))
        .collect();
    lines.sort();
    lines
}

const EVERYTHING: [(&str, &str); 8] = [
    ("accept", "*/*"),
    ("x-forwarded-for", "198.51.100.66"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x_forwarded_for", "198.51.100.67"),
    ("x.forwarded.for", "198.51.100.68"),
    ("cf-connecting-ip", "198.51.100.69"),
    ("cf_connecting_ip", "198.51.100.70"),
    ("x-real-ip", "198.51.100.71"),
];

#[tokio::test]
async fn from_an_untrusted_peer_every_managed_header_and_alias_is_removed_and_kept_for_the_eye() {
    let layer = TrustedClientIpLayer::new(resolver());
    let seen = through(&layer, request("203.0.113.9", &EVERYTHING)).await;
    // No rule reads x-real-ip: it is none of this layer's business.
    assert_eq!(names(&seen), ["accept", "x-real-ip"]);
    assert_eq!(
        received(&seen),
        [
            "cf-connecting-ip: 198.51.100.69",
            "cf_connecting_ip: 198.51.100.70",
            "x-forwarded-for: 198.51.100.66",
            "x-forwarded-for: 203.0.113.7",
            "x.forwarded.for: 198.51.100.68",
            "x_forwarded_for: 198.51.100.67",
        ]
    );
    assert_eq!(seen.resolution.explain(&seen.headers).ignored.len(), 6);
}

#[tokio::test]
async fn from_a_trusted_peer_its_own_header_stays_and_others_and_aliases_go() {
    let layer = TrustedClientIpLayer::new(resolver());
    let seen = through(&layer, request("10.0.0.1", &EVERYTHING)).await;
    assert_eq!(seen.client.unwrap().to_string(), "203.0.113.7");
    assert_eq!(names(&seen), ["accept", "x-forwarded-for", "x-real-ip"]);
    assert_eq!(seen.headers.get_all("x-forwarded-for").iter().count(), 2);
    assert_eq!(seen.resolution.chain(&seen.headers).len(), 2);
}

#[tokio::test]
async fn a_proof_goes_no_further_and_is_in_no_explanation() {
    let layer = TrustedClientIpLayer::new(resolver()).pass_without();
    let sent = [("cf-connecting-ip", "203.0.113.7"), ("x-secret", "s3cret")];
    for peer in ["192.0.2.1", "10.0.0.1", "203.0.113.9"] {
        let seen = through(&layer, request(peer, &sent)).await;
        assert!(!seen.headers.contains_key("x-secret"), "{peer}");
        let told = format!("{:?} {}", seen.resolution, seen.resolution.explain(&seen.headers));
        assert!(!told.contains("s3cret"), "{peer}: {told}");
    }
}

#[tokio::test]
async fn a_proof_under_another_spelling_is_a_secret_too() {
    let layer = TrustedClientIpLayer::new(resolver()).pass_without();
    for name in ["x_secret", "x.secret"] {
        let seen =
            through(&layer, request("192.0.2.1", &[(name, "s3cret"), ("cf-connecting-ip", "203.0.113.7")]))
                .await;
        assert_eq!(seen.resolution.reason().map(tollgate_client_ip::Reason::as_str), Some("required_header"));
        assert!(!seen.headers.contains_key(name));
        // Without the proof its word is as good as anybody's.
        assert!(!seen.headers.contains_key("cf-connecting-ip"));
        assert_eq!(received(&seen), ["cf-connecting-ip: 203.0.113.7"]);
        let told = format!("{:?} {}", seen.resolution, seen.resolution.explain(&seen.headers));
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_rewritten_header_is_one_line_with_the_client_alone() {
    for (header, sent, peer, expected) in [
        ("x-forwarded-for", "198.51.100.66, 203.0.113.7:80, 10.0.0.9", "10.0.0.1", Some("203.0.113.7")),
        ("x-forwarded-for", "nonsense", "10.0.0.1", None),
        ("x-forwarded-for", "198.51.100.66", "203.0.113.9", None),
        ("forwarded", "for=\"[2001:db8::7]:80\", for=10.0.0.9", "10.0.0.1", Some("for=\"[2001:db8::7]\"")),
        ("forwarded", "for=203.0.113.7;host=x", "10.0.0.1", Some("for=203.0.113.7")),
        ("cloudfront-viewer-address", "2001:db8::7:4653", "10.0.0.1", Some("2001:db8::7:0")),
    ] {
        let strategy = if header.starts_with("cloud") { Strategy::Single } else { Strategy::Ranges };
        let rule = Rule::new(["10.0.0.0/8"], header, strategy).unwrap();
        let layer =
            TrustedClientIpLayer::new(Resolver::new().with_rule(rule)).with_rewritten_header().pass_without();
        let mut request = request(peer, &[]);
        request.headers_mut().append(header, HeaderValue::from_static("198.51.100.66:1"));
        if strategy == Strategy::Single {
            request.headers_mut().clear();
        }
        request.headers_mut().append(header, HeaderValue::from_static(sent));
        let seen = through(&layer, request).await;
        let lines: Vec<_> = seen.headers.get_all(header).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines, expected.into_iter().collect::<Vec<_>>(), "{sent}");
        assert!(seen.resolution.received().count() > 0);
        assert!(peer != "10.0.0.1" || !seen.resolution.chain(&seen.headers).is_empty());
    }
}

#[tokio::test]
async fn a_listeners_own_resolver_is_used_in_place_of_the_layers() {
    let layer = TrustedClientIpLayer::new(Resolver::new());
    let mut behind_a_proxy = request("10.0.0.1", &[("x-forwarded-for", "203.0.113.7")]);
    behind_a_proxy.extensions_mut().insert(resolver());
    assert_eq!(through(&layer, behind_a_proxy).await.client.unwrap().to_string(), "203.0.113.7");
    let direct = request("10.0.0.1", &[("x-forwarded-for", "203.0.113.7")]);
    assert_eq!(through(&layer, direct).await.client.unwrap().to_string(), "10.0.0.1");
}

#[tokio::test]
async fn the_layers_own_headers_are_removed_where_a_listener_has_other_rules() {
    let layer = TrustedClientIpLayer::new(resolver());
    let mut request =
        request("203.0.113.9", &[("cf-connecting-ip", "198.51.100.66"), ("x-secret", "s3cret")]);
    request.extensions_mut().insert(Resolver::new());
    let seen = through(&layer, request).await;
    assert!(seen.headers.is_empty(), "{:?}", seen.headers);
    assert_eq!(received(&seen), ["cf-connecting-ip: 198.51.100.66"]);
    assert!(seen.resolution.spoof_suspected().is_some());
}

#[tokio::test]
async fn the_mock_gives_the_client_it_was_given_whatever_the_request_says() {
    let client: IpAddr = "2001:db8::7".parse().unwrap();
    let mut app = MockClientIpLayer::new(client).layer(service_fn(|request: Request<()>| async move {
        assert_eq!(ClientIp::current(), request.extensions().get().copied());
        Ok::<_, Infallible>(Response::new(ClientIp::current().unwrap().addr().to_string()))
    }));
    let request = request("10.0.0.1", &[("x-forwarded-for", "203.0.113.7")]);
    let response = app.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

/// The counters that a request moves, with their labels.
fn counted(layer: &TrustedClientIpLayer, request: Request<()>) -> Vec<String> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(through(layer, request)));
    let counters = snapshotter.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
        let DebugValue::Counter(value) = value else { panic!("not a counter") };
        format!("{} {} {value}", key.key().name().trim_start_matches("tollgate_client_ip_"), labels.join(" "))
    });
    let mut counters: Vec<_> = counters.collect();
    counters.sort();
    counters
}

#[test]
fn a_dry_run_counts_where_other_rules_would_answer_differently_and_changes_nothing() {
    let by_count = Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Count(2)).unwrap();
    let layer = TrustedClientIpLayer::new(resolver()).with_dry_run(Resolver::new().with_rule(by_count));
    for (value, answer) in [("203.0.113.7, 10.0.0.9", "same"), ("198.51.100.66, 203.0.113.7", "different")] {
        let counted = counted(&layer, request("10.0.0.1", &[("x-forwarded-for", value)]));
        assert_eq!(counted, [format!("dry_run_total {answer} 1"), "resolved_total client none 1".to_owned()]);
    }
}

#[test]
fn every_kind_of_suspected_spoof_has_its_counter() {
    let layer = TrustedClientIpLayer::new(resolver());
    for (peer, sent, kind) in [
        ("203.0.113.9", ("cf-connecting-ip", "198.51.100.66"), "untrusted_peer"),
        ("10.0.0.1", ("cf-connecting-ip", "198.51.100.66"), "other_header"),
        ("10.0.0.1", ("x_forwarded_for", "198.51.100.66"), "alias"),
    ] {
        let counted = counted(&layer, request(peer, &[("x-forwarded-for", "203.0.113.7"), sent]));
        assert!(counted.contains(&format!("spoof_suspected_total {kind} 1")), "{counted:?}");
    }
}

#[test]
fn the_age_of_published_ranges_is_a_gauge() {
    use std::time::{Duration, SystemTime};
    let resolver = Resolver::new().with_rule(tollgate_client_ip::Preset::Cloudflare.rule().unwrap());
    let edges = resolver.rules()[0].peers().clone();
    edges.replace(["192.0.2.0/24"], SystemTime::UNIX_EPOCH).unwrap();
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        resolver.record_ages(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
    });
    let (key, _, _, value) = snapshotter.snapshot().into_vec().remove(0);
    assert_eq!(key.key().name(), "tollgate_client_ip_ranges_age_seconds");
    assert_eq!(value, DebugValue::Gauge(7.0.into()));
}
