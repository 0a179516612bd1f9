use std::time::UNIX_EPOCH;

use tollgate::core::{Clock, FakeClock};
use tollgate::pump_guard::{Action, Policy, Profile, Signal};

use super::*;

/// A path that is free, and is again after the test.
struct Free(PathBuf);

impl Free {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tollgate-store-{}-{name}.db", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Free {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn now(clock: &FakeClock) -> Duration {
    clock.wall().duration_since(UNIX_EPOCH).unwrap()
}

fn opened(path: &Path, clock: &FakeClock) -> (Store, PumpGuard) {
    let (store, state) = Store::open(path, PumpGuard::MEMORY, now(clock), None).unwrap();
    let guard = PumpGuard::with_state(Policy::default(), std::sync::Arc::new(clock.clone()), state).unwrap();
    (store, guard)
}

async fn ask(guard: &PumpGuard, number: u64) -> (Action, Option<Signal>) {
    let attempt = guard.attempt(&format!("+65{number}"), None, Profile::Otp);
    let verdict = guard.check(&attempt).await;
    (verdict.action, verdict.main_reason().map(|reason| reason.signal))
}

#[tokio::test]
async fn what_was_remembered_is_remembered_after_a_restart() {
    let (file, clock) = (Free::new("restart"), FakeClock::default());
    let (mut store, guard) = opened(&file.0, &clock);
    assert_eq!(ask(&guard, 91_234_567).await, (Action::Allow, None));
    store.save(&guard).unwrap();
    drop(store);
    clock.advance(Duration::from_secs(15));
    let (_store, guard) = opened(&file.0, &clock);
    assert_eq!(ask(&guard, 91_234_567).await, (Action::Block, Some(Signal::NumberCooldown)));
}

#[test]
fn a_file_is_its_owners_alone_and_one_gateways() {
    let (file, clock) = (Free::new("one"), FakeClock::default());
    let _first = opened(&file.0, &clock);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let told = Store::open(&file.0, PumpGuard::MEMORY, now(&clock), None).unwrap_err();
    assert!(told.contains("in use by another gateway") && told.contains("one.db"), "{told}");
}

#[test]
fn what_is_no_database_of_this_version_is_told_and_left() {
    let (file, clock) = (Free::new("foreign"), FakeClock::default());
    std::fs::write(&file.0, "[listen]\n".repeat(1000)).unwrap();
    let told = Store::open(&file.0, PumpGuard::MEMORY, now(&clock), None).unwrap_err();
    assert!(told.contains("is not a database of Tollgate's"), "{told}");
    assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "[listen]\n".repeat(1000));

    std::fs::remove_file(&file.0).unwrap();
    drop(Database::create(&file.0).unwrap());
    let told = Store::open(&file.0, PumpGuard::MEMORY, now(&clock), None).unwrap_err();
    assert!(told.contains("is not a database of Tollgate's"), "{told}");

    std::fs::remove_file(&file.0).unwrap();
    drop(opened(&file.0, &clock));
    let database = Database::create(&file.0).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(META).unwrap().insert(CHECK, [0; 8].as_slice()).unwrap();
    writing.commit().unwrap();
    drop(database);
    let told = Store::open(&file.0, PumpGuard::MEMORY, now(&clock), None).unwrap_err();
    assert!(told.contains("another version of Tollgate") && told.contains("move the file away"), "{told}");
}

#[tokio::test]
async fn a_clock_far_behind_the_file_is_told() {
    let (file, clock) = (Free::new("clock"), FakeClock::default());
    let (mut store, guard) = opened(&file.0, &clock);
    ask(&guard, 91_234_567).await;
    store.save(&guard).unwrap();
    drop(store);
    let told =
        Store::open(&file.0, PumpGuard::MEMORY, now(&clock) - Duration::from_secs(7200), None).unwrap_err();
    assert!(told.contains("set the clock"), "{told}");
}

#[tokio::test]
async fn no_damage_panics() {
    let (file, clock) = (Free::new("damage"), FakeClock::default());
    let (mut store, guard) = opened(&file.0, &clock);
    for n in 0..300 {
        clock.advance(Duration::from_secs(60));
        ask(&guard, 91_000_000 + n * 9_973).await;
        if n % 100 == 0 {
            store.save(&guard).unwrap();
        }
    }
    store.save(&guard).unwrap();
    drop(store);
    let whole = std::fs::read(&file.0).unwrap();
    let (mut random, mut refused) = (fastrand::Rng::with_seed(7), 0);
    for round in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..1 << random.u32(0..8) {
            // The first pages have the structure.
            let end = if round % 2 == 0 { 16_384.min(bytes.len()) } else { bytes.len() };
            let at = random.usize(0..end);
            bytes[at] ^= random.u8(1..);
        }
        if round % 10 == 0 {
            bytes.truncate(random.usize(1..bytes.len()));
        }
        std::fs::write(&file.0, &bytes).unwrap();
        match Store::open(&file.0, PumpGuard::MEMORY, now(&clock), None) {
            Ok((mut store, state)) => {
                let shared = std::sync::Arc::new(clock.clone());
                let guard = PumpGuard::with_state(Policy::default(), shared, state).unwrap();
                ask(&guard, 91_000_000).await;
                store.save_or_tell(&guard);
            }
            Err(told) => {
                assert!(told.contains("damage.db"), "{told}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "damage is seen");
}
