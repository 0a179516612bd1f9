use super::*;

const XFF: &str = "X-Forwarded-For";

fn error(peers: &[&str], header: &str, strategy: Strategy) -> String {
    Rule::new(peers, header, strategy).unwrap_err().to_string()
}

#[test]
fn a_rule_that_trusts_nobody_is_refused() {
    assert_eq!(
        error(&[], XFF, Strategy::Ranges),
        "peers: empty; name the proxies that are believed, as CIDRs or \"unix:\""
    );
}

#[test]
fn a_wrong_peer_is_named_with_its_place() {
    assert_eq!(
        error(&["10.0.0.0/8", "", "::1"], XFF, Strategy::Ranges),
        "peers[1]: \"\" is not a CIDR or an address (write it like \"10.0.0.0/8\", \"2001:db8::/32\" or \
         \"192.0.2.1\")"
    );
    let unix = Rule::new(["10.0.0.0/8", "unix:"], "", Strategy::Peer).unwrap_err();
    assert_eq!((unix.field(), unix.index(), unix.value()), ("peers", Some(1), "unix:"));
}

#[test]
fn a_list_header_is_not_read_as_a_single_address() {
    assert!(error(&["::1"], "x-forwarded-FOR", Strategy::Single).starts_with("strategy: \"single\" cannot"));
}

#[test]
fn what_is_no_header_name_is_refused() {
    for strategy in [Strategy::Ranges, Strategy::Count(1), Strategy::Single] {
        for name in ["", "a b", "X-Real-IP:", "Host", "authorization"] {
            assert!(error(&["::1"], name, strategy).contains("is not the name of a header"), "{name}");
        }
    }
    for list in ["Forwarded", "X-Original-Forwarded-For", "X_Forwarded_For"] {
        assert!(error(&["::1"], list, Strategy::Single).starts_with("strategy: \"single\" cannot"), "{list}");
    }
}

#[test]
fn a_format_belongs_to_a_header_that_may_have_it() {
    let rule = |header, strategy| Rule::new(["::1"], header, strategy).unwrap();
    let refused = |rule: Rule, format| rule.with_format(format).unwrap_err().to_string();
    assert!(refused(rule("Forwarded", Strategy::Ranges), Format::AddressPort).starts_with("format: "));
    assert!(refused(rule("", Strategy::Peer), Format::Address).starts_with("format: "));
    let cloudfront = rule("CloudFront-Viewer-Address", Strategy::Single);
    assert!(refused(cloudfront.clone(), Format::Address).contains("has ports"));
    assert!(cloudfront.with_format(Format::AddressPort).is_ok());
}

#[test]
fn a_proof_that_could_not_be_one_is_refused_and_never_shown() {
    let rule = || Rule::new(["::1"], XFF, Strategy::Ranges).unwrap();
    for (header, value) in [
        ("a b", "s3cret"),
        (XFF, "s3cret"),
        ("X_Forwarded.For", "s3cret"),
        ("Authorization", "s3cret"),
        ("X-Secret", " \t"),
        ("X-Secret", ""),
        ("X-Secret", "s3cret\n"),
    ] {
        let error = rule().with_required_header(header, value).unwrap_err();
        assert_eq!(error.field(), "required");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let peer = Rule::new(["::1"], "", Strategy::Peer).unwrap();
    assert!(peer.with_required_header("X-Secret", "s3cret").is_err());
    assert!(!format!("{:?}", rule().with_required_header("X-Secret", "s3cret").unwrap()).contains("s3cret"));
}

#[test]
fn a_count_is_from_1_to_64() {
    for n in [0, 65, 255] {
        assert!(error(&["::1"], XFF, Strategy::Count(n)).contains("is not within 1–64"), "{n}");
    }
    for n in [1, 64] {
        assert!(Rule::new(["::1"], XFF, Strategy::Count(n)).is_ok(), "{n}");
    }
}

#[test]
fn trusted_ranges_belong_to_the_strategy_that_reads_them() {
    for strategy in [Strategy::Count(1), Strategy::Peer] {
        let rule = Rule::new(["::1"], XFF, strategy).unwrap();
        assert_eq!(rule.with_trusted(["::1"]).unwrap_err().field(), "trusted");
    }
    let rule = Rule::new(["::1"], XFF, Strategy::Ranges).unwrap();
    let error = rule.with_trusted(["::1", "unix:"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "trusted[1]: \"unix:\" is never in a list of addresses; it belongs in peers"
    );
}

#[test]
fn trusting_the_internet_is_warned_of_however_it_is_written() {
    for text in ["0.0.0.0/0", "::ffff:0:0/96", "128.0.0.0/1", "::/0", "2000::/3"] {
        let rule = Rule::new(["192.0.2.1", text], XFF, Strategy::Ranges).unwrap();
        assert_eq!(rule.warnings().len(), 1, "{text}");
        assert!(rule.warnings()[0].starts_with("peers: \""), "{text}");
    }
    let rule = Rule::new(["10.0.0.0/8", "2600::/16"], XFF, Strategy::Ranges).unwrap();
    assert_eq!(rule.warnings(), Vec::<String>::new());
    assert_eq!(rule.with_trusted(["0.0.0.0/0"]).unwrap().warnings().len(), 1);
    // So are many pieces, also beside a warning of another kind.
    let eighths: Vec<_> =
        (0..32).map(|n| format!("{}.0.0.0/8", n * 8)).chain(["10.0.0.1/8".to_owned()]).collect();
    assert_eq!(Rule::new(&eighths, XFF, Strategy::Ranges).unwrap().warnings().len(), 2);
    let trusting = Rule::new(["192.0.2.1"], XFF, Strategy::Ranges).unwrap().with_trusted(&eighths);
    assert_eq!(trusting.unwrap().warnings().len(), 2);
    // Whom an exception takes is told all the same.
    assert_eq!(Rule::new(["10.0.0.1/8"], "", Strategy::Peer).unwrap().warnings().len(), 1);
    // No header is believed, so nothing is risked.
    assert!(Rule::new(["0.0.0.0/0"], "", Strategy::Peer).unwrap().warnings().is_empty());
}
