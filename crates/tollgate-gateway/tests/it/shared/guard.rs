//! What one gateway's guard knows counts on all.

use super::*;

fn guarded(url: &str, sandbox: &str, nodes: usize) -> String {
    format!(
        "[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         [[client_ip.rule]]\npeers = [\"127.0.0.0/8\"]\nheader = \"X-Forwarded-For\"\n\
         [[rate_limit]]\nname = \"none\"\nrequests = 100000\nper = \"1m\"\n\
         [upstream]\nsms = \"http://{sandbox}\"\nverify = \"http://{sandbox}\"\n\
         [state]\nredis = \"{url}\"\nnodes = {nodes}\nsecret_env = \"TOLLGATE_TEST_SECRET\"\n"
    )
}

/// How many messages of a pump get through that goes to so many gateways in turn.
fn pumped(redis: &Redis, nodes: usize) -> usize {
    let _ = redis.cli(&["flushall"]);
    let shared = Nodes::start_with("shared-pump", nodes, |sandbox| guarded(&redis.url(), sandbox, nodes));
    shared.are_up();
    let mut callers = shared.callers();
    for n in 0..60 {
        let body = format!("{{\"destination\":\"+628123456{:04}\",\"text\":\"hi\"}}", n * 73 % 1000);
        let client = format!("8.8.{}.8", n + 1);
        callers[n % nodes].ask(&client, "POST /api/v1/subaccounts/demo/messages", &body);
        // Pumps are slower; what is shared takes some milliseconds.
        std::thread::sleep(Duration::from_millis(40));
    }
    shared.sent()
}

#[test]
fn a_pump_over_three_gateways_is_stopped_as_soon_as_over_one() {
    let Some(redis) = Redis::start() else { return };
    let (one, three) = (pumped(&redis, 1), pumped(&redis, 3));
    println!("{one} messages got through one gateway, {three} through three");
    assert!(one > 0 && 2 * three <= 3 * one, "{one} through one gateway, {three} through three");
}

#[test]
fn guesses_at_a_code_count_wherever_they_are_made() {
    let Some(redis) = Redis::start() else { return };
    let shared = Nodes::start_with("shared-guess", 3, |sandbox| guarded(&redis.url(), sandbox, 3));
    shared.are_up();
    let mut callers = shared.callers();
    let body = "{\"destination\":\"+6591234567\",\"brand\":\"Demo\"}";
    let (status, answer) = callers[0].ask(CLIENT, "POST /api/v2/subaccounts/demo/sessions", body);
    assert_eq!(status, 200, "{answer}");
    let session = answer.split("\"sessionId\":\"").nth(1).unwrap().split('"').next().unwrap();
    let mut checked = 0;
    for n in 0..30 {
        let client = format!("8.8.4.{n}");
        let check = format!("GET /api/v2/subaccounts/demo/sessions/{session}?code=00000");
        checked += usize::from(callers[n % 3].ask(&client, &check, "").0 == 200);
        std::thread::sleep(Duration::from_millis(40));
    }
    // Ten a day for a number; one at most may be on its way to the others.
    assert!((10..=11).contains(&checked), "{checked}");
}
