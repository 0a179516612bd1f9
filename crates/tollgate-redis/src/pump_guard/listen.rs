//! What other nodes tell is taken in as it comes: by a read that waits for it, on a connection of its own.

use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tollgate_pump_guard::{Absorbed, PumpGuard};

use super::KEY;
use super::crowd::Crowd;
use super::hearing::{DOUBT, Hearing, LOST, Rarely};
use super::place::{Id, Place};
use super::seal::Seal;
use crate::{Asking, Connection, Fault, metrics};

/// For how long a read waits, in milliseconds, and how long its answer may take.
const WAITS_MS: u64 = 400;
const ANSWERS: Duration = Duration::from_secs(1);
/// How many batches are read at once.
const AT_ONCE: usize = 64;
/// How long to wait before the next try, at first and at last.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// What is not heard for so long, while the server can be asked, is for somebody to mend.
const DEAF: Duration = Duration::from_secs(3);

/// Clocks that are kept right differ by less.
const DIFFERS: Duration = Duration::from_secs(10);

/// Until it is dropped.
pub(super) async fn listen(
    guard: PumpGuard,
    connection: Connection,
    seal: Seal,
    hearing: watch::Sender<Hearing>,
    nodes: u32,
) {
    let mut listener = Listener {
        crowd: Crowd::of(nodes),
        crowded: Rarely::default(),
        guard,
        seal,
        place: Place::default(),
        hearing,
        unreadable: Rarely::default(),
        refused: Rarely::default(),
        differs: Rarely::default(),
        deaf: None,
    };
    let [mut pause, longest] = PAUSES;
    loop {
        let lost = match connection.another().await {
            Ok(link) => listener.read(&link, &mut pause).await,
            Err(fault) => fault,
        };
        listener.lose(&lost, &connection);
        sleep(pause).await;
        pause = (2 * pause).min(longest);
    }
}

struct Listener {
    crowd: Crowd,
    crowded: Rarely,
    guard: PumpGuard,
    seal: Seal,
    place: Place,
    hearing: watch::Sender<Hearing>,
    unreadable: Rarely,
    refused: Rarely,
    differs: Rarely,
    /// Since when nothing is heard, and whether somebody was told.
    deaf: Option<(Instant, bool)>,
}

impl Listener {
    /// Reads until that fails.
    async fn read(&mut self, link: &Asking, pause: &mut Duration) -> Fault {
        // Waits for more only once there is nothing left.
        let mut waits = false;
        loop {
            let answer = match link.command(&read_after(self.place.last(), waits), ANSWERS).await {
                Ok(answer) => answer,
                Err(fault) => return fault,
            };
            let Some(entries) = entries(&answer) else { return Fault::Garbage };
            if waits {
                *pause = PAUSES[0];
                self.hear();
            }
            // Where it waited for them, they are of this moment.
            if waits && let Some((id, _)) = entries.last() {
                self.compare(*id);
            }
            let is_live = std::mem::replace(&mut waits, entries.len() < AT_ONCE);
            for (id, bytes) in entries {
                if !self.place.pass(id) {
                    return Fault::Garbage;
                }
                self.take(bytes, is_live);
                // Others have something to do, too.
                tokio::task::yield_now().await;
            }
            if waits {
                self.catch_up();
            }
        }
    }

    fn catch_up(&mut self) {
        if self.hearing.send_if_modified(Hearing::catch_up) {
            metrics::guard_listens(true);
        }
    }

    /// A read that waited was answered.
    fn hear(&mut self) {
        if let Some((_, true)) = self.deaf.take() {
            tracing::info!("what other guards tell is heard");
        }
    }

    fn lose(&mut self, lost: &Fault, connection: &Connection) {
        tracing::debug!(fault = %lost, "what other nodes tell is not heard");
        self.hearing.send_if_modified(Hearing::lose);
        metrics::guard_listens(false);
        self.place.go_back();
        let now = Instant::now();
        let (since, is_told) = self.deaf.get_or_insert((now, false));
        // Where the server is away for everybody, that is said elsewhere.
        if !*is_told && *since + DEAF <= now && connection.is_up() {
            *is_told = true;
            tracing::warn!(
                server = %connection.server(),
                fault = %lost,
                "what other guards tell is not heard, so that this one spends its part only of the day's cap on money: \
                 allow its user +xread on ~tollgate1:*, and the server another connection of each node"
            );
        }
    }

    /// What other guards refuse for being ahead, they do not say.
    fn compare(&mut self, (server_ms, _): Id) {
        let (ours, theirs) = (self.guard.now(), Duration::from_millis(server_ms));
        let by = ours.abs_diff(theirs);
        if by > DIFFERS && self.differs.is_due(Instant::now()) {
            tracing::warn!(
                seconds = by.as_secs(),
                "this guard's time is {} that of the shared store: set the clocks of both (NTP), as guards refuse what comes \
                 from more than a minute ahead",
                if ours > theirs { "ahead of" } else { "behind" },
            );
        }
    }

    /// Something that was told does not count here: nobody knows what others spend.
    fn doubt(&mut self, until: Instant) {
        self.hearing.send_modify(|hearing| hearing.doubt(until));
    }

    fn take(&mut self, bytes: &[u8], is_live: bool) {
        let now = Instant::now();
        let Some(deltas) = self.seal.open(bytes) else {
            metrics::guard_events("unreadable", 1);
            self.doubt(now + DOUBT);
            if self.unreadable.is_due(now) {
                tracing::warn!(
                    "what is told on the shared store cannot be read, so that this guard spends its part only of the \
                     day's cap on money: give all nodes the same secret and version, and others another database"
                );
            }
            return;
        };
        if is_live
            && let Some(nodes) = self.crowd.heard(deltas.node(), now)
            && self.crowded.is_due(now)
        {
            tracing::warn!(
                nodes,
                "more guards share the store than was said, so that all together let through too much while it is away: \
                 say how many there are (`nodes`)"
            );
        }
        let Absorbed { applied, known, missed, refused, old, .. } = self.guard.absorb(&deltas);
        for (what, count) in
            [("applied", applied), ("known", known), ("missed", missed), ("refused", refused), ("old", old)]
        {
            metrics::guard_events(what, count);
        }
        if missed > 0 {
            self.doubt(now + LOST);
        }
        // What is old is no wonder where it is read afterwards.
        let refused = refused + if is_live { old } else { 0 };
        if refused > 0 {
            self.doubt(now + DOUBT);
            if self.refused.is_due(now) {
                tracing::warn!(
                    node = %deltas.node(),
                    events = refused,
                    "what another guard tells does not count, so that this one spends its part only of the day's cap on \
                     money: give all nodes the same profiles, and the right time (NTP)"
                );
            }
        }
    }
}

fn read_after((ms, which): Id, waits: bool) -> Cmd {
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(AT_ONCE);
    if waits {
        command.arg("BLOCK").arg(WAITS_MS);
    }
    command.arg("STREAMS").arg(KEY).arg(format!("{ms}-{which}"));
    command
}

/// `None` where the answer is none to this question. An entry that is not ours has nothing in it.
fn entries(answer: &Value) -> Option<Vec<(Id, &[u8])>> {
    let Value::Array(streams) = answer else { return matches!(answer, Value::Nil).then(Vec::new) };
    let [Value::Array(stream)] = streams.as_slice() else { return None };
    let [_, Value::Array(entries)] = stream.as_slice() else { return None };
    entries.iter().map(entry).collect()
}

fn entry(entry: &Value) -> Option<(Id, &[u8])> {
    let Value::Array(entry) = entry else { return None };
    let [Value::BulkString(id), fields] = entry.as_slice() else { return None };
    let (ms, which) = std::str::from_utf8(id).ok()?.split_once('-')?;
    let bytes = match fields {
        Value::Array(fields) => match fields.as_slice() {
            [Value::BulkString(_), Value::BulkString(bytes)] => bytes.as_slice(),
            _ => &[],
        },
        // Deleted while it was read.
        Value::Nil => &[],
        _ => return None,
    };
    Some(((ms.parse().ok()?, which.parse().ok()?), bytes))
}
