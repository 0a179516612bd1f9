//! How often a client may ask.

use super::*;

#[tokio::test]
async fn dispatches_are_limited_per_client_and_the_answer_says_when_to_come_back() {
    let road = Road::start().await;
    for n in 0..10 {
        assert_eq!(road.post(SINGLE, "203.0.113.7", to(&format!("+659123{n}567"))).await.status, 200, "{n}");
    }
    let answer = road.post(VERIFY, "203.0.113.7", to("+6598765432")).await;
    answer.is_refused("rate_limited", 429);
    assert_eq!(answer.body["code"], 429);
    // Ten a minute: one comes back every six seconds.
    assert!((1..=6).contains(&answer.retry_after.unwrap()), "{answer:?}");
    assert_eq!(road.received().len(), 10);
    // Another client is not touched, nor is a client that only reads.
    assert_eq!(road.post(SINGLE, "203.0.113.8", to("+6598765432")).await.status, 200);
    assert_eq!(road.get("/api/v1/accounts/mine/prices", "203.0.113.7").await.refusal, None);
}

#[tokio::test]
async fn one_ipv6_host_is_one_client_whichever_address_of_its_64_it_takes() {
    let limit = "[[rate_limit]]\nname = \"a\"\nrequests = 2\nper = \"1d\"\n";
    let road = Road::with(&format!("{limit}{RULE}")).await;
    for n in 0..5 {
        let address = format!("2001:db8:1:2:{n}::1");
        let answer = road.post(SINGLE, &address, to(&format!("+659123{n}567"))).await;
        assert_eq!(answer.status, if n < 2 { 200 } else { 429 }, "{n}");
    }
    assert_eq!(road.post(SINGLE, "2001:db8:1:3::1", to("+6591239567")).await.status, 200);
}

#[tokio::test]
async fn code_checks_have_a_limit_of_their_own() {
    let limits = "
        [[rate_limit]]
        name = \"checks\"
        match = \"check\"
        requests = 3
        per = \"1d\"
    ";
    let road = Road::with(&format!("{limits}{RULE}")).await;
    let check = format!("{VERIFY}/0123?code=1234");
    for _ in 0..3 {
        assert_eq!(road.get(&check, "203.0.113.7").await.status, 404);
    }
    road.get(&check, "203.0.113.7").await.is_refused("rate_limited", 429);
    assert_eq!(road.post(SINGLE, "203.0.113.7", to("+6591234567")).await.status, 200);
}

#[tokio::test]
async fn what_one_limit_refuses_is_charged_to_none() {
    let limits = "
        [[rate_limit]]
        name = \"short\"
        requests = 1
        per = \"1s\"
        [[rate_limit]]
        name = \"long\"
        requests = 3
        per = \"1d\"
    ";
    let road = Road::with(&format!("{limits}{RULE}")).await;
    let mut sent = 0;
    for n in 0..3 {
        // Hammering within the second is refused by the short limit alone.
        for _ in 0..20 {
            let answer = road.post(SINGLE, "203.0.113.7", to(&format!("+659123{n}567"))).await;
            sent += u32::from(answer.status == 200);
        }
        tokio::time::sleep(std::time::Duration::from_millis(1050)).await;
    }
    assert_eq!(sent, 3);
}

#[tokio::test]
async fn every_answer_tells_of_the_limits_that_are_to_be_told_of() {
    let limits = "
        [[rate_limit]]
        name = \"hour\"
        requests = 2
        per = \"1h\"
        headers = \"always\"
        [[rate_limit]]
        name = \"day\"
        requests = 3
        per = \"1d\"
    ";
    let road = Road::with(&format!("{limits}{RULE}")).await;
    let mut told = Vec::new();
    for n in 0..3 {
        let request = road.request(SINGLE, "203.0.113.7").body(to(&format!("+659123{n}567")));
        let response = request.send().await.unwrap();
        let headers = ["ratelimit-policy", "ratelimit"].map(|name| response.headers()[name].clone());
        told.push((response.status().as_u16(), headers.map(|value| value.to_str().unwrap().to_owned())));
    }
    // 1,800 s of one request until the burst is back; some of the last second may be gone.
    let policy = "\"hour\";q=2;w=3600".to_owned();
    assert_eq!(told[0], (200, [policy.clone(), "\"hour\";r=1;t=1800".into()]));
    assert_eq!(told[1], (200, [policy.clone(), "\"hour\";r=0;t=1800".into()]));
    assert_eq!(told[2], (429, [policy, "\"hour\";r=0;t=1800".into()]));
}

#[tokio::test]
async fn a_site_that_asks_from_many_prefixes_gets_four_times_the_quota() {
    let limit = "[[rate_limit]]\nname = \"a\"\nrequests = 1\nper = \"1d\"\n";
    let road = Road::with(&format!("{limit}{RULE}")).await;
    let mut sent = 0;
    for n in 0..10 {
        let number = format!("+659{}{n}34567", 1 + n % 2);
        let answer = road.post(SINGLE, &format!("2001:db8:1:1{n}::1"), to(&number)).await;
        sent += u32::from(answer.refusal.as_deref() != Some("rate_limited"));
    }
    assert_eq!(sent, 4);
}

#[tokio::test]
async fn clients_on_the_lists_are_never_limited_or_always_refused() {
    let config = "
        [clients]
        allow = [\"203.0.113.0/28\"]
        deny = [\"203.0.113.9\", \"2001:db8:bad::/48\"]
        [[rate_limit]]
        name = \"a\"
        requests = 1
        per = \"1d\"
    ";
    let road = Road::with(&format!("{config}{RULE}")).await;
    for n in 0..3 {
        let number = format!("+659{}234567", 1 + n);
        assert_eq!(road.post(SINGLE, "203.0.113.7", to(&number)).await.status, 200, "{n}");
    }
    for denied in ["203.0.113.9", "2001:db8:bad:1::1"] {
        let answer = road.post(SINGLE, denied, to("+6591234567")).await;
        answer.is_refused("client_denied", 403);
        assert_eq!(answer.body["code"], 1201);
    }
    assert_eq!(road.received().len(), 3);
}

/// By the machine's own clock: whatever a client does, no span of time holds more than the burst and what came back in
/// it, and it gets all of that.
#[tokio::test]
async fn a_client_that_hammers_for_two_seconds_gets_its_burst_and_what_comes_back() {
    let limit = "[[rate_limit]]\nname = \"a\"\nmatch = \"all\"\nrequests = 10\nper = \"1s\"\nburst = 4\n";
    let road = Road::with(&format!("{limit}{RULE}")).await;
    let start = tokio::time::Instant::now();
    let (mut passed, mut due) = (0, 4.0);
    while start.elapsed().as_secs_f64() < 2.0 {
        let answer = road.get("/api/v1/accounts/mine/prices", "203.0.113.7").await;
        passed += u32::from(answer.refusal.as_deref() != Some("rate_limited"));
        due = 4.0 + start.elapsed().as_secs_f64() * 10.0;
    }
    assert!(f64::from(passed) <= due, "{passed} of {due}");
    assert!(f64::from(passed) >= due - 2.0, "{passed} of {due}");
}
