//! The traffic log that the gateway writes: what its guard judged and learned, for `tollgate replay`.
//!
//! * [`TrafficLog`] opens the file before anything is served, and writes it on a thread of its own.
//! * [`Recorder`] observes the guard. Where the disk is slow or full, it counts what it loses and keeps nobody waiting.
//! * [`Mask`] makes log numbers of phone numbers; [`file`] is the file and the one before it.

pub(crate) mod file;
mod line;
mod mask;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

use tokio::sync::oneshot;
use tollgate::pump_guard::{Attempt, Charge, Observer, Outcome, Profiles, Verdict};

use self::file::LogFile;
use self::line::{Entry, Line, Named};
use self::mask::Mask;
use crate::config;

/// How many events wait for the disk: a batch of 10,000 recipients, and some.
const WAITING: usize = 16_384;
/// How many bytes are written at once.
const AT_ONCE: usize = 1 << 20;
/// How long to wait after the disk refused.
const RETRY: Duration = Duration::from_secs(1);
/// How long the last lines may take when the gateway ends.
const LAST: Duration = Duration::from_secs(5);

/// The log being written.
#[derive(Debug)]
pub(crate) struct TrafficLog {
    recorder: Arc<Recorder>,
    stopped: oneshot::Receiver<()>,
}

/// Hands on what the guard tells.
#[derive(Debug)]
pub(crate) struct Recorder {
    entries: SyncSender<Entry>,
    sends: AtomicU64,
}

impl TrafficLog {
    /// Opens the file, or makes one. `secret` is what numbers are permuted and hashed under, `profiles` are those of
    /// the guard.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, with its name and the remedy; or no thread.
    pub(crate) fn start(
        config: &config::TrafficLog,
        secret: [u8; 16],
        profiles: Profiles,
    ) -> Result<Self, String> {
        let file = LogFile::open(Path::new(&config.path), u64::from(config.max_mb) << 20)
            .map_err(|why| format!("traffic_log.path: {:?} {why}", config.path))?;
        let line =
            Mask::new(&secret).and_then(|mask| Line::new(mask, config.insecure_clear_numbers, profiles));
        let line = line.ok_or("traffic_log.path: the system has no randomness to name sends by")?;
        let (entries, waiting) = mpsc::sync_channel(WAITING);
        let (done, stopped) = oneshot::channel();
        let written = std::thread::Builder::new().name("traffic-log".to_owned()).spawn(move || {
            write(&waiting, &line, file);
            let _ = done.send(());
        });
        written.map_err(|error| format!("traffic_log.path: there is no thread to write it: {error}"))?;
        Ok(Self { recorder: Arc::new(Recorder { entries, sends: AtomicU64::new(0) }), stopped })
    }

    pub(crate) fn recorder(&self) -> Arc<Recorder> {
        Arc::clone(&self.recorder)
    }

    /// Writes what is left.
    pub(crate) async fn stop(self) {
        let ended = async {
            while matches!(self.recorder.entries.try_send(Entry::End), Err(TrySendError::Full(_))) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = self.stopped.await;
        };
        if tokio::time::timeout(LAST, ended).await.is_err() {
            tracing::error!("the traffic log's last lines were not written within {LAST:?}");
        }
    }
}

impl Recorder {
    fn record(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            lost(1, "full");
        }
    }
}

impl Observer for Recorder {
    fn judged(&self, attempt: &Attempt, _: &Verdict, charge: Option<&Charge>, at: Duration) {
        let name = match charge {
            Some(charge) => Named::Charge(charge.key()),
            None => Named::Count(self.sends.fetch_add(1, Ordering::Relaxed)),
        };
        self.record(Entry::Send {
            at,
            name,
            reading: attempt.reading,
            client_ip: attempt.client_ip,
            channel: attempt.channel,
            profile: attempt.profile,
            caller: attempt.caller.clone(),
            asn: attempt.asn,
            trap: attempt.trap,
        });
    }

    fn outcome(&self, charge: &Charge, outcome: Outcome, at: Duration) {
        self.record(Entry::Outcome { at, charge: charge.key(), outcome });
    }

    fn not_sent(&self, charge: &Charge, at: Duration) {
        self.record(Entry::NotSent { at, charge: charge.key() });
    }
}

/// Writes what comes as it comes: a process that is killed loses what its disk had no time for.
fn write(waiting: &Receiver<Entry>, line: &Line, mut file: LogFile) {
    let (mut text, mut failing) = (Vec::new(), false);
    while let Ok(first) = waiting.recv() {
        text.clear();
        let (mut lines, mut ends) = (0, false);
        for entry in std::iter::once(first).chain(waiting.try_iter()) {
            ends |= matches!(entry, Entry::End);
            lines += u64::from(line.write(&mut text, entry));
            if ends || text.len() >= AT_ONCE {
                break;
            }
        }
        let written = file.append(&text);
        if let Err(error) = &written {
            lost(lines, "failed");
            if !failing {
                tracing::error!(%error, "the traffic log could not be written; what is not is lost");
            }
        }
        failing = written.is_err();
        if ends {
            return;
        }
        if failing {
            std::thread::sleep(RETRY);
        }
    }
}

fn lost(lines: u64, why: &'static str) {
    metrics::counter!("tollgate_gateway_traffic_log_lost_total", "why" => why).increment(lines);
}

/// A secret that nothing keeps, where there is no state to keep one in.
///
/// # Errors
///
/// The system has no randomness.
pub(crate) fn secret_of_this_run() -> io::Result<[u8; 16]> {
    let secret = tollgate::pump_guard::Secret::random();
    secret
        .map(tollgate::pump_guard::Secret::to_bytes)
        .ok_or_else(|| io::Error::other("the system has no randomness"))
}

#[cfg(test)]
mod tests;
