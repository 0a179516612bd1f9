use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use tollgate::core::FakeClock;
use tollgate::pump_guard::{Policy, Profile, PumpGuard, Reading, State};

use super::*;
use crate::replay::Replayer;
use crate::traffic::{Event, Kind, Reader};

/// A file of the test's own, gone with it.
struct Own(PathBuf);

impl Own {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tollgate-log-{}-{name}.jsonl", std::process::id()));
        let own = Self(path);
        own.clear();
        own
    }

    fn clear(&self) {
        let _ = fs::remove_file(&self.0);
        let _ = fs::remove_file(file::before(&self.0));
    }

    fn config(&self) -> config::TrafficLog {
        config::TrafficLog { path: self.0.display().to_string(), ..config::TrafficLog::default() }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn refused(&self) -> String {
        TrafficLog::start(&self.config(), SECRET, Profiles::new(Policy::default())).unwrap_err()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.clear();
    }
}

const SECRET: [u8; 16] = *b"sixteen bytes...";

fn mask() -> Mask {
    Mask::new(&SECRET).unwrap()
}

fn number(text: &str) -> tollgate::pump_guard::engine::Number {
    match Reading::of(text, None, |_| false) {
        Reading::Number(number) => number,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn numbers_of_one_range_become_others_of_it_and_no_two_the_same() {
    let mask = mask();
    for range in ["+6591234", "+628123456", "+12022345", "+447911123"] {
        let mut all = HashSet::new();
        for last in 0..1000 {
            let clear = format!("{range}{last:03}");
            // Not every one of them is a number.
            let Reading::Number(own) = Reading::of(&clear, None, |_| false) else { continue };
            let masked = mask.permuted(&own);
            assert!(masked.starts_with(range) && masked != clear, "{clear} {masked}");
            let other = number(&masked);
            assert_eq!((other.country(), other.kind()), (own.country(), own.kind()));
            assert!(all.insert(masked));
        }
        assert!(all.len() > 900, "{range}: {}", all.len());
    }
}

#[test]
fn the_permutation_of_one_range_says_nothing_of_the_next_and_another_key_is_another_one() {
    let (mask, other) = (mask(), Mask::new(b"another key 16 b").unwrap());
    let last = |mask: &Mask, text: &str| mask.permuted(&number(text)).split_off(8);
    let numbers: Vec<_> =
        (100..150).map(|last| (format!("+6591234{last}"), format!("+6591235{last}"))).collect();
    let same = numbers.iter().filter(|(a, b)| last(&mask, a) == last(&mask, b)).count();
    assert!(same < 5, "{same}");
    let same = numbers.iter().filter(|(a, _)| last(&mask, a) == last(&other, a)).count();
    assert!(same < 5, "{same}");
    assert_eq!(last(&mask, "+6591234567"), last(&mask.clone(), "+6591234567"));
    assert_ne!(mask.hash(&number("+6591234567")), other.hash(&number("+6591234567")));
}

#[test]
fn what_is_written_never_shows_a_text_that_is_no_number_and_is_judged_as_it_was() {
    let line = Line::new(mask(), false, Profiles::new(Policy::default())).unwrap();
    let mut policy = Policy::default();
    policy.country.deny.insert("TN".parse().unwrap());
    for (destination, country) in [
        ("+216 20 123 456", None),
        ("20123456", Some("TN")),
        ("+65 9123 4567 ext 1", None),
        ("+659123456", None),
        ("91234567", Some("ZZ")),
        ("+999123456", None),
        ("", None),
        ("+19002345678", None),
        ("+881612345678", None),
    ] {
        let guard = PumpGuard::new(policy.clone()).unwrap();
        let attempt = guard.attempt(destination, country, Profile::Otp);
        let mut text = Vec::new();
        assert!(line.write(
            &mut text,
            Entry::Send {
                at: Duration::from_secs(1),
                name: Named::Count(0),
                reading: attempt.reading,
                client_ip: None,
                channel: attempt.channel,
                profile: attempt.profile,
                caller: attempt.caller.clone(),
                asn: None,
                trap: false,
            }
        ));
        let written = String::from_utf8(text).unwrap();
        let digits: String = destination.chars().filter(char::is_ascii_digit).collect();
        assert!(digits.is_empty() || !written.contains(&digits), "{written}");
        let event = Reader::new(written.as_bytes()).next().unwrap().unwrap();
        let replayed = Replayer::new(policy.clone(), PumpGuard::MEMORY).event(&event).unwrap().verdict;
        let live = tollgate::pump_guard::engine::hard_rules(&policy, &attempt.reading);
        let signals = |verdict: &Verdict| verdict.reasons.iter().map(|r| r.signal).collect::<Vec<_>>();
        assert_eq!(signals(&replayed), signals(&live), "{destination}: {written}");
    }
}

#[tokio::test]
async fn a_replay_of_the_log_gives_the_verdicts_that_were_given() {
    let own = Own::new("replayed");
    let log = TrafficLog::start(&own.config(), SECRET, Profiles::new(Policy::default())).unwrap();
    let clock = FakeClock::new();
    clock.advance(Duration::from_nanos(1_700_000_000_123_456_789));
    let guard =
        PumpGuard::with_state(Policy::default(), Arc::new(clock.clone()), State::new(4 << 20)).unwrap();
    let guard = guard.with_observer(log.recorder());
    let mut live = Vec::new();
    for n in 0..400_u64 {
        clock.advance(Duration::from_nanos(7_300_123_457 + n * 1_000_003));
        // People verify; strangers of a pumped range come every second time, one client among them trapped.
        let (destination, person) = match n % 2 {
            0 => (format!("+659{:07}", 1_000_000 + n / 2 * 39_979 % 7_000_000), true),
            _ => (format!("+628123456{:04}", n * 733 % 10_000), false),
        };
        let mut attempt = guard.attempt(&destination, None, Profile::Otp);
        attempt.client_ip = Some([203, 0, 113, u8::try_from(n % 200).unwrap()].into());
        attempt.trap = n % 7 == 0;
        let verdict = guard.check(&attempt).await;
        live.push((verdict.action, verdict.score, verdict.retry_after));
        clock.advance(Duration::from_millis(4_000 + n * 7 % 9_000));
        if person && verdict.action == tollgate::pump_guard::Action::Allow {
            guard.observe(&attempt, Outcome::Verified);
        } else if n % 5 == 0 {
            guard.observe(&attempt, Outcome::Undelivered);
        }
    }
    log.stop().await;
    let (text, mut replayer) = (own.text(), Replayer::new(Policy::default(), PumpGuard::MEMORY));
    assert!(!text.contains("+6591000000") && text.contains("\"trap\":true"));
    let events: Vec<Event> = Reader::new(text.as_bytes()).map(Result::unwrap).collect();
    let replayed = events.iter().filter_map(|event| replayer.event(event));
    let replayed: Vec<_> =
        replayed.map(|replayed| replayed.verdict).map(|v| (v.action, v.score, v.retry_after)).collect();
    assert_eq!(replayed, live);
    assert!(
        live.iter().any(|(action, ..)| *action == tollgate::pump_guard::Action::Block),
        "some are stopped"
    );
    let ids: HashSet<_> = events
        .iter()
        .filter_map(|event| if let Kind::Send(send) = &event.kind { Some(&send.id) } else { None })
        .collect();
    assert_eq!(ids.len(), 400);
}

#[tokio::test]
async fn in_the_clear_only_when_told_to() {
    let own = Own::new("clear");
    for clear in [false, true] {
        let log = TrafficLog::start(
            &config::TrafficLog { insecure_clear_numbers: clear, ..own.config() },
            SECRET,
            Profiles::new(Policy::default()),
        )
        .unwrap();
        let guard = PumpGuard::new(Policy::default()).unwrap().with_observer(log.recorder());
        guard.check(&guard.attempt("+6591234567", None, Profile::Otp)).await;
        log.stop().await;
        let lines = own.text();
        let last = lines.lines().last().unwrap();
        assert_eq!((last.contains("+6591234567"), last.contains("\"number\":\"")), (clear, !clear), "{last}");
    }
}

#[test]
fn a_disk_that_does_not_answer_keeps_nobody_waiting() {
    let (entries, waiting) = mpsc::sync_channel(2);
    let recorder = Arc::new(Recorder { entries, sends: AtomicU64::new(0) });
    let guard =
        PumpGuard::new(Policy::default()).unwrap().with_observer(Arc::clone(&recorder) as Arc<dyn Observer>);
    for n in 0..100 {
        guard.observe(&guard.attempt(&format!("+65912345{n:02}"), None, Profile::Otp), Outcome::Verified);
        let _ = guard.challenge(&guard.attempt("+6591234567", None, Profile::Otp));
        recorder.judged(
            &guard.attempt("+6591234567", None, Profile::Otp),
            &verdict(&guard),
            None,
            Duration::ZERO,
        );
    }
    assert_eq!(waiting.try_iter().count(), 2);
    drop(waiting);
    recorder.judged(
        &guard.attempt("+6591234567", None, Profile::Otp),
        &verdict(&guard),
        None,
        Duration::ZERO,
    );
}

fn verdict(guard: &PumpGuard) -> Verdict {
    tollgate::pump_guard::engine::hard_rules(
        guard.profiles().policy(Profile::Otp),
        &Reading::Number(number("+6591234567")),
    )
}

#[test]
fn the_log_takes_twice_its_most_and_no_more() {
    let own = Own::new("rotated");
    let mut file = LogFile::open(&own.0, 1000).unwrap();
    let line = [b'x'; 99].into_iter().chain([b'\n']).collect::<Vec<_>>();
    for _ in 0..35 {
        file.append(&line).unwrap();
    }
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    assert_eq!((length(&own.0), length(&file::before(&own.0))), (500, 1000));
}

#[test]
fn half_a_line_spoils_no_other() {
    let own = Own::new("torn");
    LogFile::open(&own.0, 1 << 20).unwrap().append(b"{\"at\":\"20").unwrap();
    LogFile::open(&own.0, 1 << 20).unwrap().append(b"whole\n").unwrap();
    LogFile::open(&own.0, 1 << 20).unwrap();
    assert_eq!(own.text(), "{\"at\":\"20\nwhole\n");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_or_that_is_a_link_a_pipe_or_a_directory_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let own = Own::new("modes");
    drop(LogFile::open(&own.0, 1 << 20).unwrap());
    assert_eq!(fs::metadata(&own.0).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&own.0, fs::Permissions::from_mode(mode)).unwrap();
        let why = own.refused();
        assert!(why.contains(&format!("mode {mode:03o}")) && why.contains("chmod 600"), "{why}");
    }
    own.clear();
    let target = Own::new("target");
    symlink(&target.0, &own.0).unwrap();
    assert!(own.refused().contains("no plain file"), "{}", own.refused());
    assert!(!target.0.exists(), "nothing is made behind a link");
    own.clear();
    assert!(std::process::Command::new("mkfifo").arg(&own.0).status().unwrap().success());
    assert!(own.refused().contains("no plain file"), "{}", own.refused());
    own.clear();
    fs::create_dir(&own.0).unwrap();
    assert!(own.refused().contains("no plain file"), "{}", own.refused());
    fs::remove_dir(&own.0).unwrap();
}
