//! One connection to a server that may go away, with a deadline for every call.

use std::fmt;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::{AsyncConnectionConfig, RedisResult, Value};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::asking::{Asking, Link, Wire};
use crate::breaker::Breaker;
use crate::said::Said;
use crate::server::{Opener, no_host};
use crate::{Call, Fault, Script, Server, ServerError, metrics};

/// How long a call may take if nothing is said.
const DEFAULT_DEADLINE: Duration = Duration::from_millis(25);

/// How long it may take to make a connection. Nobody waits for that.
const CONNECTING: Duration = Duration::from_secs(1);

/// A connection to a [`Server`], for any number of calls at once; clones are the same one.
///
/// Every call has the [deadline](Self::open_with). Five that fail in a row, or a lost connection, open a *circuit
/// breaker*: from then on calls fail at once ([`Fault::Away`]), while a task in the background connects again, and asks
/// the server to write something, three times in a row within the deadline, before calls are let through again. At the
/// start, too, nobody waits: until the first connection is made, the server is away.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    user: &'static str,
    server: Server,
    opener: Opener,
    deadline: Duration,
    link: ArcSwapOption<Link>,
    breaker: Mutex<Breaker>,
    /// The breaker is closed.
    is_up: AtomicBool,
    told: watch::Sender<bool>,
    /// The breaker has opened.
    opened: Notify,
    said: Said,
    /// What calls are like, to be tried before any are let through.
    probes: Mutex<Vec<(&'static Script, Call)>>,
    runtime: Handle,
}

impl Connection {
    /// Connects in the background, as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// A certificate authority that cannot be read, or none on this machine.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open(server: Server) -> Result<Self, ServerError> {
        Self::open_with(server, DEFAULT_DEADLINE)
    }

    /// The same with another deadline for every call, at least a millisecond; 25 ms if not said.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open_with(server: Server, deadline: Duration) -> Result<Self, ServerError> {
        Self::open_for("limits", server, deadline)
    }

    /// The same for something else: `user` names it in metrics and logs.
    pub(crate) fn open_for(
        user: &'static str,
        server: Server,
        deadline: Duration,
    ) -> Result<Self, ServerError> {
        let opener = server.opener().map_err(|error| ServerError::of_client(&error))?;
        let shared = Arc::new(Shared {
            user,
            server,
            opener,
            deadline: deadline.max(Duration::from_millis(1)),
            link: ArcSwapOption::empty(),
            breaker: Mutex::new(Breaker::new()),
            is_up: AtomicBool::new(false),
            told: watch::Sender::new(false),
            opened: Notify::new(),
            said: Said::default(),
            probes: Mutex::default(),
            runtime: Handle::current(),
        });
        metrics::away(user);
        shared.runtime.spawn(keep(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// Where it is to.
    #[cfg(feature = "pump-guard")]
    pub(crate) fn server(&self) -> &Server {
        &self.shared.server
    }

    /// The deadline of every call.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.shared.deadline
    }

    /// Whether calls are let through.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.is_up.load(Acquire)
    }

    /// Whether it is a Cluster: a script may only touch keys of one hash slot.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.shared.server.is_cluster()
    }

    /// [`is_up`](Self::is_up), as it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.shared.told.subscribe()
    }

    /// Waits until calls are let through, for so long at the most: whether they are.
    pub async fn up_within(&self, wait: Duration) -> bool {
        let mut told = self.watch();
        let up = timeout(wait, told.wait_for(|is_up| *is_up)).await;
        matches!(up, Ok(Ok(_)))
    }

    /// Calls are not let through unless this one, which has to change nothing that matters, is answered as well.
    pub(crate) fn also_probe(&self, script: &'static Script, call: Call) {
        let mut probes = self.shared.probes.lock().unwrap_or_else(PoisonError::into_inner);
        if !probes.iter().any(|(known, _)| std::ptr::eq(*known, script)) {
            probes.push((script, call));
        }
    }

    /// The runtime that it was opened in.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// Another connection to the same server, for calls that wait.
    #[cfg(feature = "pump-guard")]
    pub(crate) async fn another(&self) -> Result<Asking, Fault> {
        let link = self.shared.connect_in_time().await?;
        Ok(Asking::on(&Arc::new(link)))
    }

    /// Calls a script, within the deadline.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub async fn call(&self, script: &Script, call: Call) -> Result<Value, Fault> {
        self.run(|asking| async move { asking.call(script, &call).await }).await
    }

    /// Several calls, all within one deadline. An answer that `calls` cannot read is a [`Fault::Garbage`] of its own
    /// making, and counts like any other fault.
    ///
    /// # Errors
    ///
    /// What `calls` says, or there is no answer.
    pub async fn run<T, F>(&self, calls: impl FnOnce(Asking) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let link = self.link()?;
        let answer = timeout(self.shared.deadline, calls(Asking::on(&link))).await;
        self.shared.called(answer.unwrap_or(Err(Fault::Late)), &link)
    }

    /// The same for calls whose answer matters even if it is late: `late` is called when the deadline is over, and then
    /// they are waited for until the connection is given up, a second at the most. (Not in a Cluster, whose client asks
    /// again, for as long as somebody waits, what may have been done.)
    #[cfg(feature = "rate-limit")]
    pub(crate) async fn run_on<T, F>(
        &self,
        calls: impl FnOnce(Asking) -> F,
        late: impl FnOnce(),
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let link = self.link()?;
        let mut calls = std::pin::pin!(calls(Asking::on(&link)));
        match timeout(self.shared.deadline, calls.as_mut()).await {
            Ok(answer) => self.shared.called(answer, &link),
            Err(_) => {
                let _ = self.shared.called::<T>(Err(Fault::Late), &link);
                late();
                if self.is_cluster() {
                    return Err(Fault::Late);
                }
                Asking::on(&link).late(calls).await.unwrap_or(Err(Fault::Late))
            }
        }
    }

    fn link(&self) -> Result<Arc<Link>, Fault> {
        let link = if self.is_up() { self.shared.link.load_full() } else { None };
        link.ok_or_else(|| {
            metrics::called(self.shared.user, "away");
            Fault::Away
        })
    }
}

impl Shared {
    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what came of a call.
    fn called<T>(&self, answer: Result<T, Fault>, link: &Arc<Link>) -> Result<T, Fault> {
        match &answer {
            Ok(_) => {
                metrics::called(self.user, "answered");
                self.breaker().succeeded();
            }
            Err(fault) => {
                metrics::called(self.user, fault.name());
                self.failed(fault, link);
            }
        }
        answer
    }

    fn failed(&self, fault: &Fault, link: &Arc<Link>) {
        // A Cluster's connection mends itself, node by node.
        let lost = fault.is_for_good() && !self.server.is_cluster() && self.drop_link(link);
        let mut breaker = self.breaker();
        if !breaker.failed(lost) {
            return;
        }
        self.be_up(false, &breaker);
        drop(breaker);
        self.opened.notify_one();
        metrics::opened(self.user);
        self.say_away(fault);
    }

    fn say_away(&self, fault: &Fault) {
        let (server, user) = (&self.server, self.user);
        if self.said.away(Instant::now()) {
            tracing::warn!(%server, user, %fault, "the shared store is away: this node decides by itself");
        } else {
            tracing::debug!(%server, user, %fault, "the shared store is away");
        }
    }

    /// With the breaker held, so that nobody says otherwise than it is.
    fn be_up(&self, is_up: bool, _breaker: &Breaker) {
        self.is_up.store(is_up, Release);
        self.told.send_replace(is_up);
    }

    /// Unless somebody has already made another one, or none; whether it was this one.
    fn drop_link(&self, link: &Arc<Link>) -> bool {
        let before = self.link.compare_and_swap(&Some(Arc::clone(link)), None);
        link.give_up();
        before.as_ref().is_some_and(|before| Arc::ptr_eq(before, link))
    }

    async fn connect_in_time(&self) -> Result<Link, Fault> {
        let link = timeout(CONNECTING, self.connect()).await;
        link.map_err(|_| Fault::slow_to_connect())?.map_err(|error| Fault::of_connecting(&error))
    }

    async fn connect(&self) -> RedisResult<Link> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECTING)).set_response_timeout(None);
        Ok(match &self.opener {
            Opener::Single(client) => {
                Link::new(Wire::One(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            Opener::Sentinel(clients) => {
                let mut clients = clients.lock().await;
                let mut connection = Err(no_host());
                for client in clients.iter_mut() {
                    connection = client.get_async_connection_with_config(&config).await;
                    let asks_for_password = |error: &redis::RedisError| {
                        error.code().is_some_and(|code| code == "NOAUTH" || code == "NOPERM")
                    };
                    if !connection.as_ref().is_err_and(asks_for_password) {
                        break;
                    }
                }
                Link::new(Wire::One(connection?))
            }
            Opener::Cluster(client) => Link::new(Wire::Cluster(client.get_async_connection().await?)),
        })
    }

    /// Whether the server can be asked, and writes.
    async fn probe(&self) -> Result<(), Fault> {
        let link = match self.link.load_full() {
            Some(link) => link,
            None => {
                let link = Arc::new(self.connect_in_time().await?);
                self.link.store(Some(Arc::clone(&link)));
                link
            }
        };
        let asking = Asking::on(&link);
        let probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (writes, writing) = (&PROBE, probe_call());
        let all =
            std::iter::once((writes, &writing)).chain(probes.iter().map(|(script, call)| (*script, call)));
        let all: Vec<_> = all.collect();
        let written = match timeout(self.deadline, asking.call_all(&all)).await {
            Ok(Ok(answers)) if answers.first() == Some(&Value::Int(1)) => Ok(()),
            Ok(Ok(_)) => Err(Fault::Garbage),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(Fault::Late),
        };
        // A late one, too: the address may be another server's by now.
        if written.is_err() {
            self.drop_link(&link);
        }
        written
    }
}

static PROBE: Script = Script::new("redis.call('SET',KEYS[1],'1','PX',1000) return 1");

fn probe_call() -> Call {
    let mut call = Call::default();
    call.key("tollgate1:{probe}");
    call
}

/// Connects, and closes the breaker when the server can be asked. Ends with the last clone of the connection.
async fn keep(shared: std::sync::Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        if strong.is_up.load(Acquire) {
            let opened = async {
                // Looks from time to time whether anybody is left who would open it.
                let _ = timeout(Duration::from_secs(1), strong.opened.notified()).await;
            };
            opened.await;
            continue;
        }
        let probed = strong.probe().await;
        let pause = {
            let mut breaker = strong.breaker();
            // A straggler may have found out meanwhile that the connection is lost.
            let pause = breaker.probed(probed.is_ok() && strong.link.load().is_some());
            if pause.is_none() {
                strong.be_up(true, &breaker);
            }
            pause
        };
        let Some(pause) = pause else {
            metrics::closed(strong.user);
            if strong.said.there() {
                tracing::info!(server = %strong.server, user = strong.user, "the shared store is there");
            }
            continue;
        };
        if let Err(fault) = probed {
            strong.say_away(&fault);
        }
        drop(strong);
        tokio::time::sleep(pause).await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.shared.server)
            .field("is_up", &self.is_up())
            .finish_non_exhaustive()
    }
}
