use tollgate::core::SystemClock;

use super::*;

fn problems(text: &str) -> String {
    Config::parse(text).unwrap().build(SystemClock::shared()).unwrap_err().to_string()
}

fn built(text: &str) -> Built {
    Config::parse(text).unwrap().build(SystemClock::shared()).unwrap()
}

#[test]
fn an_empty_configuration_is_valid_and_says_what_it_trusts() {
    let built = built("");
    assert!(built.warnings[0].contains("no rule"), "{:?}", built.warnings);
    let names: Vec<_> = built.limiter.limits().map(|limit| limit.name().to_owned()).collect();
    assert_eq!(names, ["per-minute", "per-day"]);
}

#[test]
fn every_problem_names_field_value_and_remedy_and_all_are_told_at_once() {
    let text = r#"
        [listen]
        gateway = "0.0.0.0:8080"
        [[client_ip.rule]]
        peers = ["10.0.0.0/8", "10.0.0.0/33"]
        header = "X-Forwarded-For"
        [[client_ip.rule]]
        peers = ["10.0.0.0/8"]
        header = "X-Forwarded-For"
        strategy = "single"
        [[rate_limit]]
        name = "a"
        requests = 0
        per = "60s"
        [pump_guard]
        deny_countries = ["ID", "XX"]
        [pump_guard.number_cooldown]
        per_day = 11
        [upstream]
        sms = "ftp://127.0.0.1"
        verify = "nonsense"
        api_key_env = "KEY"
        [state]
        redis = "redis://127.0.0.1"
        path = "a.jsonl.1"
        [traffic_log]
        path = "a.jsonl"
        max_mb = 0
    "#;
    let problems = problems(text);
    for part in [
        "client_ip.rule[0].peers[1]: \"10.0.0.0/33\" is not a CIDR",
        "client_ip.rule[1].strategy",
        "rate_limit[0].requests: 0",
        "pump_guard.deny_countries[1]: \"XX\" is not an ISO 3166-1 alpha-2 code",
        "pump_guard.number_cooldown.per_day: 11 is not within 1 to 10",
        "upstream.sms: \"ftp://127.0.0.1\"",
        "upstream.verify: \"nonsense\"",
        "upstream.api_key_env: \"KEY\" would let anybody",
        "state.secret_env: \"\" leaves the addresses",
        "traffic_log.max_mb: 0 is not within 1 and 1048576",
        "traffic_log.path: \"a.jsonl\" would be written over the file of state.path: name another",
    ] {
        assert!(problems.contains(part), "{part} is not in:\n{problems}");
    }
}

#[test]
fn an_api_key_is_used_on_loopback_or_with_a_caller_token_only() {
    built("[upstream]\napi_key_env = \"KEY\"\n");
    let with_token =
        "[listen]\ngateway = \"0.0.0.0:80\"\ncaller_token_env = \"T\"\n[upstream]\napi_key_env = \"K\"\n";
    built(with_token);
    assert!(problems("[listen]\ncaller_token_env = \"T\"\n").contains("needs upstream.api_key_env"));
}

#[test]
fn an_entry_that_has_ended_is_worth_a_warning_and_one_that_stops_everybody_is_an_error() {
    let entry = |rest: &str| format!("[[pump_guard.entry]]\naction = \"block\"\nreason = \"x\"\n{rest}");
    let ended = built(&entry("numbers = \"+6281\"\nuntil = \"2020-01-01T00:00:00Z\"\n"));
    assert!(
        ended.warnings.iter().any(|told| told.contains("pump_guard.entry[0].until")),
        "{:?}",
        ended.warnings
    );
    let holds = built(&entry("numbers = \"+6281\"\nuntil = \"2999-01-01T00:00:00Z\"\n"));
    assert!(!holds.warnings.iter().any(|told| told.contains("pump_guard.entry")), "{:?}", holds.warnings);
    let until = "until = \"2999-01-01T00:00:00Z\"\n";
    let all = problems(&entry(&format!("clients = [\"0.0.0.0/0\"]\n{until}")));
    assert!(all.contains("a great part of the internet"), "{all}");
    let national = problems(&entry(&format!("numbers = \"0812\"\n{until}")));
    assert!(national.contains("is no beginning of a number"), "{national}");
}

#[test]
fn a_replacement_is_an_address_8x8_can_limit_by_and_there_when_it_is_asked_for() {
    built("[injector]\nunusable_address = \"replace\"\nreplacement = \"8.8.4.4\"\n");
    assert!(
        problems("[injector]\nunusable_address = \"replace\"\n").contains("injector.replacement: is missing")
    );
    assert!(problems("[injector]\nreplacement = \"8.8.4.4\"\n").contains("would go nowhere"));
    let private = problems("[injector]\nunusable_address = \"replace\"\nreplacement = \"10.0.0.1\"\n");
    assert!(private.contains("injector.replacement: \"10.0.0.1\" is private"), "{private}");
}

#[test]
fn upstreams_are_https_unless_they_are_on_this_host() {
    built("[upstream]\nsms = \"http://127.0.0.1:9001\"\nverify = \"https://verify.example\"\n");
    assert!(problems("[upstream]\nsms = \"http://sms.example\"\n").contains("insecure_http"));
    built("[upstream]\nsms = \"http://sms.example\"\ninsecure_http = true\n");
    assert!(problems("[upstream]\nsms = \"https://sms.example/api\"\n").contains("path"));
    // The layers would take such a host for a foreign one, and everything would pass unseen.
    for url in ["http://127.0.0.1:", "http://127.0.0.1:70000", "http://:9001", "https://sms.example:0"] {
        assert!(problems(&format!("[upstream]\nsms = \"{url}\"\n")).contains("upstream.sms"), "{url}");
    }
}

#[test]
fn a_list_of_clients_that_cannot_be_names_the_entry() {
    for (list, entry, told) in [
        ("allow", "0.0.0.0/0", "is a great part of the internet; give prefixes of at least /4"),
        ("deny", "10.0.0.0/33", "is not a CIDR (prefix 0–32)"),
    ] {
        let config = Config::parse(&format!("[clients]\n{list} = [\"10.0.0.1\", \"{entry}\"]\n")).unwrap();
        let problems = config.build(SystemClock::shared()).unwrap_err();
        assert_eq!(problems.to_string(), format!("clients.{list}: \"{entry}\" {told}"));
    }
}

#[test]
fn what_becomes_of_batches_codes_and_blocked_messages_is_read_and_a_decoy_is_worth_a_warning() {
    use tollgate::pump_guard::{BatchPolicy, CodeLengthPolicy};
    let default = built("").policy;
    assert_eq!((default.batch, default.code_length), (BatchPolicy::Refuse, CodeLengthPolicy::Pass));
    assert!(!default.decoy);
    let text = "[pump_guard]\npartial_batches = \"send\"\ndecoy = true\n[pump_guard.code_length]\nbelow = ";
    let raised = built(&format!("{text}\"raise\""));
    assert_eq!(raised.policy.batch, BatchPolicy::SendRest);
    assert_eq!(raised.policy.code_length, CodeLengthPolicy::Raise { minimum: 6 });
    assert!(
        raised.policy.decoy && raised.warnings.iter().any(|warning| warning.contains("pump_guard.decoy"))
    );
    let refused = built(&format!("{text}\"refuse\"\nminimum = 8"));
    assert_eq!(refused.policy.code_length, CodeLengthPolicy::Refuse { minimum: 8 });
    for below in ["pass", "raise", "refuse"] {
        let told = problems(&format!("{text}\"{below}\"\nminimum = 11"));
        assert_eq!(told, "pump_guard.code_length.minimum: 11 is not within 3 to 10", "{below}");
    }
    assert!(Config::parse("[pump_guard.code_length]\nbelow = \"longer\"").is_err());
    assert!(Config::parse("[pump_guard]\npartial_batches = \"drop\"").is_err());
}

#[test]
fn number_lookup_is_off_and_asks_by_a_key_of_the_gateways_own() {
    assert!(Config::default().pump_guard.number_lookup.asks().is_none());
    let table = |rest: &str| format!("[pump_guard.number_lookup]\n{rest}\n");
    let key = "[upstream]\napi_key_env = \"KEY\"\n";
    for (text, part) in [
        (
            table("mode = \"enforce\"\nsubaccount = \"mine\""),
            "pump_guard.number_lookup.mode: \"enforce\" needs upstream.api_key_env",
        ),
        (table("mode = \"monitor\"") + key, "pump_guard.number_lookup.subaccount: \"\" is not the name"),
        (table("subaccount = \"../x\""), "pump_guard.number_lookup.subaccount: \"../x\" is not the name"),
        (table("per_minute = 0"), "pump_guard.number_lookup.per_minute: 0 is not within 1 to 100000"),
    ] {
        let problems = problems(&text);
        assert!(problems.contains(part), "{part} is not in:\n{problems}");
    }
    let profile = |rest: &str| format!("[pump_guard.profile.otp]\n{rest}\n");
    for (text, part) in [
        (
            profile("number_lookup.mode = \"enforce\""),
            "pump_guard.profile.otp.number_lookup.mode: asks nobody",
        ),
        (
            profile("number_lookup.kind = \"live\""),
            "pump_guard.profile.otp.number_lookup: only its mode may differ",
        ),
    ] {
        let problems = problems(&text);
        assert!(problems.contains(part), "{part} is not in:\n{problems}");
    }
    let paid = built(&(table("mode = \"enforce\"\nkind = \"live\"\nsubaccount = \"mine\"") + key));
    assert!(paid.warnings.iter().any(|warning| warning.contains("8x8 takes money for each live lookup")));
    assert!(Config::parse(&table("kind = \"everything\"")).is_err());
    assert!(Config::parse(&table("sub_account = \"mine\"")).is_err());
}
