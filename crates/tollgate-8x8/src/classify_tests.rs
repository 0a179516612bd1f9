use super::*;

fn classify(method: &str, uri: &str) -> Result<Class, RefusalKind> {
    classify_with(method, uri, &[])
}

fn classify_with(method: &str, uri: &str, headers: &[(&'static str, &str)]) -> Result<Class, RefusalKind> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let hosts = Hosts::new().with_host("127.0.0.1:9001").unwrap();
    hosts.classify(&method.parse().unwrap(), &uri.parse().unwrap(), &map).map_err(|refusal| refusal.kind())
}

#[test]
fn every_dispatch_is_recognised_in_any_letter_case_region_and_host() {
    let cases = [
        ("https://sms.8x8.com/api/v1/subaccounts/my&sub/messages", Endpoint::SmsSingle),
        ("https://SMS.us.8x8.com/API/V1/SubAccounts/x-1/Messages", Endpoint::SmsSingle),
        ("https://sms.8x8.uk/api/v1/subaccounts/x.1/messages/batch", Endpoint::SmsBatch),
        ("https://verify.8x8.id/api/v2/subaccounts/x_1/sessions", Endpoint::VerifyStart),
        ("https://sms.8x8.com./api/v2/subaccounts/x/sessions?a=b", Endpoint::VerifyStart),
        ("https://user@sms.8x8.com/api/v1/subaccounts/x/messages", Endpoint::SmsSingle),
        ("https://sms.8x8.com:444/api/v1/subaccounts/x/surveys/7/messages", Endpoint::SurveySingle),
        ("https://sms.8x8.com/api/v1/subaccounts/x/surveys/7/messages/batch", Endpoint::SurveyBatch),
        ("https://api.wavecell.com/sms/v1/x/single", Endpoint::LegacySingle),
        ("https://api.wavecell.com/sms/v1/x/many", Endpoint::LegacyBatch),
        ("https://api.wavecell.com/sms/v1/x/many/compact", Endpoint::LegacyBatch),
        ("https://api.wavecell.com/verify/v1/x", Endpoint::LegacyVerify),
        ("http://127.0.0.1:9001/api/v1/subaccounts/x/messages", Endpoint::SmsSingle),
        ("https://verify.8x8.com/api/v2/subaccounts/x/sma/coverage", Endpoint::SmaCoverage),
    ];
    for (uri, endpoint) in cases {
        assert_eq!(classify("POST", uri), Ok(Class::Body(endpoint)), "{uri}");
    }
}

#[test]
fn calls_known_to_send_nothing_are_quiet_and_code_checks_are_told_apart() {
    for (method, path) in [
        ("POST", "/api/v1/subaccounts/x/messages/0a-1/feedback"),
        ("DELETE", "/api/v1/subaccounts/x/messages/0a-1"),
        ("DELETE", "/api/v1/subaccounts/x/messages/0a-1/pii"),
        ("GET", "/api/v1/accounts/x/prices?country=SG"),
        ("GET", "/anything/at/all"),
        ("POST", "/api/v1/accounts/x/webhooks"),
        ("POST", "/api/v1/subaccounts/x/recording-push-config"),
        ("POST", "/api/v1/accounts/x/contacts/blacklist/6591234567"),
        ("GET", "/api/v1/subaccounts/x/phones/%2B6591234567"),
    ] {
        assert_eq!(
            classify(method, &format!("https://sms.8x8.com{path}")),
            Ok(Class::Quiet),
            "{method} {path}"
        );
    }
    let legacy = "https://api.wavecell.com/verify/v1/x/0a?code=1234";
    assert_eq!(classify("GET", legacy), Ok(Class::Check));
    let check = "https://verify.8x8.com/api/v2/subaccounts/x/Sessions/0a?code=1234";
    assert_eq!(classify("GET", check), Ok(Class::Check));
}

#[test]
fn what_is_not_known_on_8x8s_hosts_is_refused() {
    for (method, path) in [
        ("PUT", "/api/v1/subaccounts/x/messages"),
        ("PATCH", "/api/v1/subaccounts/x/messages"),
        ("POST", "/api/v3/subaccounts/x/messages"),
        ("POST", "/api/v1/subaccounts//x/messages"),
        ("POST", "/api/v1/subaccounts/x/callflows"),
        ("POST", "/api/v1/subaccounts/x/messages/0a/other"),
        ("POST", "/a/a/a/a/a/a/a/a/a/a/a/a"),
        ("DELETE", "/api/v1/subaccounts/x"),
    ] {
        let kind = classify(method, &format!("https://sms.8x8.com{path}")).unwrap_err();
        let doubtful = path.contains("//");
        let want = if doubtful { RefusalKind::DoubtfulPath } else { RefusalKind::UnknownEndpoint };
        assert_eq!(kind, want, "{method} {path}");
    }
}

#[test]
fn other_hosts_are_foreign_and_messaging_apps_are_told_apart() {
    assert_eq!(classify("POST", "https://example.com/api/v1/subaccounts/x/messages"), Ok(Class::Foreign));
    assert_eq!(classify("POST", "http://127.0.0.1:9002/api/v1/subaccounts/x/messages"), Ok(Class::Foreign));
    assert_eq!(
        classify("POST", "https://chatapps.8x8.com/api/v1/subaccounts/x/messages"),
        Ok(Class::MessagingApps)
    );
    assert_eq!(
        classify("POST", "https://chatapps.8x8.com/api/v2/subaccounts/x/sessions"),
        Err(RefusalKind::UnknownEndpoint)
    );
}

#[test]
fn a_host_header_that_names_another_host_is_refused() {
    let uri = "https://sms.8x8.com/api/v1/subaccounts/x/messages";
    let single = Ok(Class::Body(Endpoint::SmsSingle));
    assert_eq!(classify_with("POST", uri, &[("host", "SMS.8x8.com")]), single);
    assert_eq!(classify_with("POST", uri, &[("host", "sms.8x8.com:443")]), single);
    for host in ["chatapps.8x8.com", "example.com", "sms.8x8.com:444", "user@sms.8x8.com", "a b"] {
        assert_eq!(classify_with("POST", uri, &[("host", host)]), Err(RefusalKind::HostMismatch), "{host}");
    }
    let twice = [("host", "sms.8x8.com"), ("host", "sms.8x8.com")];
    assert_eq!(classify_with("POST", uri, &twice), Err(RefusalKind::HostMismatch));
    let behind = classify_with("POST", "https://example.com/x", &[("host", "sms.8x8.com")]);
    assert_eq!(behind, Err(RefusalKind::HostMismatch));
    assert_eq!(
        classify_with("POST", "https://example.com/x", &[("host", "other.example")]),
        Ok(Class::Foreign)
    );
}

#[test]
fn without_an_authority_the_host_header_counts_and_without_both_it_is_refused() {
    let path = "/api/v1/subaccounts/x/messages";
    assert_eq!(classify_with("POST", path, &[("host", "sms.8x8.com")]), Ok(Class::Body(Endpoint::SmsSingle)));
    assert_eq!(classify("POST", path), Err(RefusalKind::UnknownEndpoint));
}

#[test]
fn a_method_override_is_refused_even_on_a_get() {
    let uri = "https://sms.8x8.com/api/v1/subaccounts/x/messages";
    for name in OVERRIDES.into_iter().chain(["x_http_method_override", "x_original-url"]) {
        assert_eq!(classify_with("GET", uri, &[(name, "POST")]), Err(RefusalKind::MethodOverride), "{name}");
    }
}

#[test]
fn a_gateway_is_asked_by_path_alone() {
    let uri: Uri = "/api/v2/subaccounts/x/sessions".parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(HOST, "gateway.internal:8080".parse().unwrap());
    let class = Hosts::classify_served(&Method::POST, &uri, &headers).unwrap();
    assert_eq!(class, Class::Body(Endpoint::VerifyStart));
    let absolute: Uri = "http://other.example/api/v2/subaccounts/x/sessions".parse().unwrap();
    assert!(Hosts::classify_served(&Method::POST, &absolute, &headers).is_err());
}

#[test]
fn the_subaccount_of_every_dispatch_is_known_as_the_path_spells_it() {
    for path in [
        "/api/v1/subaccounts/Acme_1/messages",
        "/api/v1/subaccounts/Acme_1/messages/batch",
        "/api/v2/subaccounts/Acme_1/sessions",
        "/api/v1/subaccounts/Acme_1/surveys/7/messages",
        "/api/v1/subaccounts/Acme_1/surveys/7/messages/batch",
        "/sms/v1/Acme_1/single",
        "/sms/v1/Acme_1/many/compact",
        "/verify/v1/Acme_1",
    ] {
        let uri: Uri = format!("https://sms.8x8.com{path}?subaccounts=other").parse().unwrap();
        let class = Hosts::new().classify(&Method::POST, &uri, &HeaderMap::new());
        let Ok(Class::Body(endpoint)) = class else { panic!("{path}: {class:?}") };
        assert_eq!(endpoint.subaccount(&uri), Some("Acme_1"), "{path}");
        assert_eq!(Endpoint::named(endpoint.as_str()), Some(endpoint));
    }
}

#[test]
fn a_dispatch_to_a_host_of_8x8s_that_is_not_known_is_refused_and_other_hosts_are_left_alone() {
    let class = |uri: &str, hosts: &[&str]| {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append("host", host.parse().unwrap());
        }
        let uri = uri.parse().unwrap();
        Hosts::new().classify(&Method::POST, &uri, &headers).map_err(|refusal| refusal.kind())
    };
    let path = "/api/v1/subaccounts/x/messages";
    for host in ["api.8x8.com", "sms.mars.8x8.com", "SMS.wavecell.com."] {
        let unknown = class(&format!("https://{host}{path}"), &[]);
        assert_eq!(unknown, Err(RefusalKind::UnknownEndpoint), "{host}");
    }
    assert_eq!(class("https://www.8x8.com/contact", &[]), Ok(Class::Foreign));
    assert_eq!(class("https://not8x8.com/api/v1/subaccounts/x/messages", &[]), Ok(Class::Foreign));
    // Whatever the Host header of somebody else's is.
    assert_eq!(class("https://example.com/", &["a", "b"]), Ok(Class::Foreign));
    assert_eq!(class("https://example.com/", &["sms.8x8.com", "b"]), Err(RefusalKind::HostMismatch));
    assert_eq!(
        class("https://sms.8x8.com/api/v1/subaccounts/x/messages", &["a", "b"]),
        Err(RefusalKind::HostMismatch)
    );
}

#[test]
fn a_host_of_ones_own_is_known_by_its_name_where_the_port_is_not_said() {
    let hosts = Hosts::new().with_host("box:443").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("host", "box".parse().unwrap());
    let uri = "/api/v1/subaccounts/x/messages".parse().unwrap();
    assert_eq!(hosts.classify(&Method::POST, &uri, &headers).unwrap(), Class::Body(Endpoint::SmsSingle));
}
