//! A server that dies, hangs, fills up, forgets, and lies under load: what passes then, and how long it takes.

use std::cell::RefCell;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use super::nodes::{Caller, Nodes};
use super::server::Redis;

const QUOTA: usize = 300;
const NODES: usize = 3;

/// Known to all gateways when the server fails.
const KNOWN: &str = "8.8.8.8";
/// Known to none.
const NEW: &str = "8.8.4.4";

const FAILS: Duration = Duration::from_millis(800);

/// What the machine may add to the deadline of 25 ms, busy as it is with other tests.
const SLACK: Duration = Duration::from_millis(500);

/// What one caller saw.
#[derive(Default)]
struct Seen {
    passed: usize,
    took: Vec<Duration>,
}

impl Seen {
    fn send(&mut self, caller: &mut Caller, client: &str) {
        let (status, took) = caller.send(client);
        assert!(matches!(status, 200 | 429), "{status}");
        self.passed += usize::from(status == 200);
        self.took.push(took);
    }

    fn and(mut self, other: Self) -> Self {
        self.passed += other.passed;
        self.took.extend(other.took);
        self
    }
}

/// Each gateway gets a hundred requests a second of one client, until it is stopped.
fn load<T>(nodes: &Nodes, client: &str, meanwhile: impl FnOnce() -> T) -> (Seen, T) {
    let stop = AtomicBool::new(false);
    scope(|scope| {
        let load = |mut caller: Caller| {
            let stop = &stop;
            scope.spawn(move || {
                let mut seen = Seen::default();
                while !stop.load(Relaxed) {
                    seen.send(&mut caller, client);
                    sleep(Duration::from_millis(10));
                }
                seen
            })
        };
        let loads: Vec<_> = nodes.callers().into_iter().map(load).collect();
        let answer = meanwhile();
        stop.store(true, Relaxed);
        let seen = loads.into_iter().map(|load| load.join().unwrap()).fold(Seen::default(), Seen::and);
        (seen, answer)
    })
}

fn rest(nodes: &Nodes, client: &str) -> usize {
    let mut callers = nodes.callers();
    (0..2 * QUOTA).filter(|turn| callers[turn % NODES].passes(client)).count()
}

fn through(fault: &str, break_it: impl FnOnce(&mut Redis), mend_it: impl FnOnce(&mut Redis)) {
    let Some(mut redis) = Redis::start() else { return };
    let nodes = Nodes::start(&format!("fault-{fault}"), &redis.url(), NODES, QUOTA);
    nodes.are_up();
    let (before, ()) = load(&nodes, KNOWN, || sleep(Duration::from_millis(200)));
    let (known, new) = load(&nodes, KNOWN, || {
        break_it(&mut redis);
        let (new, ()) = load(&nodes, NEW, || sleep(FAILS));
        mend_it(&mut redis);
        nodes.are_up();
        sleep(Duration::from_millis(200));
        new
    });
    let usual = before.took.iter().max().copied().unwrap_or_default();
    let passed = (before.passed + known.passed, new.passed);
    let mut took: Vec<_> = known.took.into_iter().chain(new.took).collect();
    took.sort_unstable();
    let (middle, longest) = (took[took.len() / 2], took[took.len() - 1]);
    let total = (passed.0 + rest(&nodes, KNOWN), passed.1 + rest(&nodes, NEW));
    println!(
        "{fault}: of {QUOTA} {} passed of a client that all know, {} of one that none does; {} requests took {middle:?} in \
         the middle and {longest:?} at most, {usual:?} at most before",
        total.0,
        total.1,
        took.len(),
    );
    assert!(longest < usual + Duration::from_millis(25) + SLACK, "{longest:?}, and {usual:?} before");
    // As old as their knowledge was: what the others had let through since, for as long as the machine let one stand still.
    assert!(total.0 <= QUOTA + QUOTA / 4, "{fault}: {} of {QUOTA}", total.0);
    assert!(total.0 >= QUOTA / 2, "{fault}: {} of {QUOTA}", total.0);
    assert!(total.1 <= 2 * QUOTA, "{fault}: {} of {QUOTA}", total.1);
    assert!(passed.1 > 0, "{fault}: somebody new passes");
    assert_eq!(nodes.sent(), total.0 + total.1);
}

#[test]
fn a_server_that_fails_costs_no_answer_no_time_and_no_more_than_the_documentation_says() {
    let nothing = |_: &mut Redis| {};
    through("dead", Redis::kill, Redis::start_again);
    through("frozen", |redis| redis.signal("-STOP"), |redis| redis.signal("-CONT"));
    through(
        "full",
        |redis| {
            redis.cli(&["config", "set", "maxmemory", "1"]);
        },
        |redis| {
            redis.cli(&["config", "set", "maxmemory", "0"]);
        },
    );
    through(
        "emptied",
        |redis| {
            redis.cli(&["flushall"]);
        },
        nothing,
    );
    lies();
}

/// Something else answers in the server's place.
fn lies() {
    let stop = Arc::new(AtomicBool::new(false));
    let liar = RefCell::new(None);
    through(
        "lies",
        |redis| {
            redis.kill();
            let listener = TcpListener::bind(("127.0.0.1", redis.port)).unwrap();
            let stop = Arc::clone(&stop);
            *liar.borrow_mut() = Some(spawn(move || lie(&listener, &stop)));
        },
        |redis| {
            stop.store(true, Relaxed);
            liar.take().unwrap().join().unwrap();
            redis.start_again();
        },
    );
}

fn lie(listener: &TcpListener, stop: &AtomicBool) {
    listener.set_nonblocking(true).unwrap();
    let mut streams = Vec::new();
    while !stop.load(Relaxed) {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"+OK\r\n:1\r\n*1\r\n:9223372036854775807\r\n\0garbage");
            streams.push(stream);
        }
        sleep(Duration::from_millis(1));
    }
}
