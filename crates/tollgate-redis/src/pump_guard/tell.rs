//! What happened here goes to the server, in order, and again where it may have been lost.

use std::collections::VecDeque;
use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tollgate_pump_guard::PumpGuard;

use super::KEY;
use super::hearing::Hearing;
use super::seal::Seal;
use crate::{Call, Connection, Script, metrics};

/// How often there is a look at what happened.
const EVERY: Duration = Duration::from_millis(5);
/// How long to wait after a call that failed.
const PAUSE: Duration = Duration::from_millis(50);
/// How long after the server is back others have told what they had to.
const CATCHES_UP: Duration = Duration::from_secs(1);
/// How many batches go in one call.
const AT_ONCE: usize = 8;
/// What was told within so long before the server was lost is told again: it may have been lost with it.
const DOUBTFUL: Duration = Duration::from_secs(3);
/// How many batches the server keeps, and for how long, for nodes that start or were cut off.
const KEPT: u64 = 200_000;
const KEPT_MS: u64 = 86_400_000;

/// What another put in the stream's place is none of ours.
static TELL: Script = Script::new(
    "for i=3,#ARGV do \
     local r=redis.pcall('XADD',KEYS[1],'MAXLEN','~',ARGV[1],'*','d',ARGV[i]) \
     if type(r)=='table' and r.err then \
     if string.sub(r.err,1,9)~='WRONGTYPE' then return r end \
     redis.call('DEL',KEYS[1]) redis.call('XADD',KEYS[1],'*','d',ARGV[i]) end end \
     redis.call('PEXPIRE',KEYS[1],ARGV[2]) return 1",
);

/// Something that nobody reads, told as everything is.
pub(super) fn probe() -> (&'static Script, Call) {
    let mut call = Call::with_capacity(1, 3);
    call.key("tollgate1:{probe}events").number(1).number(1000).arg("");
    (&TELL, call)
}

pub(super) struct Teller {
    guard: PumpGuard,
    connection: Connection,
    seal: Seal,
    hearing: watch::Receiver<Hearing>,
    /// Sealed batches, and how many events are in each.
    unsent: VecDeque<(Vec<u8>, u64)>,
    sent: VecDeque<(Instant, Vec<u8>)>,
    /// The number of the next event.
    next: u64,
    nodes: u32,
    /// Whether this node and others hear each other, and from when on they will.
    is_together: bool,
    together_from: Option<Instant>,
}

impl Teller {
    pub(super) fn new(
        guard: PumpGuard,
        connection: Connection,
        seal: Seal,
        hearing: watch::Receiver<Hearing>,
        nodes: u32,
    ) -> Self {
        guard.be_one_of(nodes);
        let (unsent, sent) = (VecDeque::new(), VecDeque::new());
        let (is_together, together_from) = (false, None);
        Self { guard, connection, seal, hearing, unsent, sent, next: 0, nodes, is_together, together_from }
    }

    /// Until it is stopped, and nothing is left.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut up = self.connection.watch();
        loop {
            if up.has_changed().unwrap_or(false) {
                up.mark_unchanged();
                self.doubt();
            }
            self.gather();
            self.mind_others();
            if self.unsent.is_empty() {
                if *stop.borrow() {
                    return;
                }
                // Or until it is stopped.
                let _ = timeout(EVERY, stop.changed()).await;
            } else if !self.connection.is_up() {
                self.connection.up_within(PAUSE).await;
            } else if !self.send().await {
                sleep(PAUSE).await;
            }
        }
    }

    /// Whether this node and others hear each other: not until what was left is told, and a moment longer. Whoever only
    /// tells hears nobody.
    fn mind_others(&mut self) {
        let now = Instant::now();
        if !self.connection.is_up() || !self.hearing.borrow().is_sure(now) {
            self.together_from = None;
            if std::mem::take(&mut self.is_together) {
                self.guard.be_one_of(self.nodes);
            }
        } else if !self.is_together {
            match self.together_from {
                None if self.unsent.is_empty() => self.together_from = Some(now + CATCHES_UP),
                Some(from) if from <= now => {
                    self.is_together = true;
                    self.guard.be_one_of(1);
                }
                _ => {}
            }
        }
    }

    /// Takes over what happened since, as much as goes in one call: the guard has room for the rest.
    fn gather(&mut self) {
        while self.unsent.len() < AT_ONCE {
            let deltas = self.guard.drain();
            if deltas.is_empty() {
                return;
            }
            metrics::guard_events("dropped", deltas.first().saturating_sub(self.next));
            let count = deltas.len() as u64;
            self.next = deltas.first() + count;
            match self.seal.close(&deltas) {
                Some(sealed) => self.unsent.push_back((sealed, count)),
                None => metrics::guard_events("dropped", count),
            }
        }
    }

    async fn send(&mut self) -> bool {
        let batches = || self.unsent.iter().take(AT_ONCE);
        let count = batches().count();
        let mut call = Call::with_capacity(1, 2 + count);
        call.key(KEY).number(KEPT).number(KEPT_MS);
        for (batch, _) in batches() {
            call.arg(batch);
        }
        let told = matches!(self.connection.call(&TELL, call).await, Ok(Value::Int(1)));
        if told {
            let now = Instant::now();
            while self.sent.front().is_some_and(|(at, _)| *at + DOUBTFUL < now) {
                self.sent.pop_front();
            }
            for (batch, events) in self.unsent.drain(..count) {
                metrics::guard_events("sent", events);
                self.sent.push_back((now, batch));
            }
        }
        told
    }

    /// The server was away: it may be another one now, or have forgotten. Who knows of these takes no notice.
    fn doubt(&mut self) {
        let now = Instant::now();
        while let Some((at, batch)) = self.sent.pop_back() {
            if at + DOUBTFUL < now {
                self.sent.clear();
                return;
            }
            self.unsent.push_front((batch, 0));
        }
    }
}
