//! Calls on a connection, whose deadline is the caller's.

use std::fmt;
#[cfg(feature = "rate-limit")]
use std::future::Future;
use std::sync::Arc;
#[cfg(any(feature = "rate-limit", feature = "pump-guard"))]
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};
use tokio::sync::watch;
#[cfg(any(feature = "rate-limit", feature = "pump-guard"))]
use tokio::time::timeout;

use crate::{Call, Fault, Script};

/// What calls are sent on, until it is given up.
pub(crate) struct Link {
    wire: Wire,
    is_given_up: watch::Sender<bool>,
}

pub(crate) enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire, is_given_up: watch::Sender::new(false) }
    }

    /// Nobody waits for its answers any more.
    pub(crate) fn give_up(&self) {
        self.is_given_up.send_replace(true);
    }
}

/// A connection that calls are made on, within the deadline of [`Connection::run`](crate::Connection::run).
#[derive(Clone)]
pub struct Asking {
    link: Arc<Link>,
}

impl Asking {
    pub(crate) fn on(link: &Arc<Link>) -> Self {
        Self { link: Arc::clone(link) }
    }

    /// Waits for what was asked on this connection, and is late, until the connection is given up; a second at the most,
    /// as answers come in order, this one with the next.
    #[cfg(feature = "rate-limit")]
    pub(crate) async fn late<T>(&self, calls: impl Future<Output = T>) -> Option<T> {
        let mut is_given_up = self.link.is_given_up.subscribe();
        tokio::select! {
            biased;
            answer = timeout(Duration::from_secs(1), calls) => answer.ok(),
            _ = is_given_up.wait_for(|is| *is) => None,
        }
    }

    /// Calls a script. One that the server does not know (it was restarted) is sent whole.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub async fn call(&self, script: &Script, call: &Call) -> Result<Value, Fault> {
        let answer = self.send(&call.command("EVALSHA", script.hash())).await;
        let answer = match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&call.command("EVAL", script.source())).await
            }
            answer => answer,
        };
        answer.map_err(|error| Fault::of(&error))
    }

    /// Calls scripts one behind the other, in this order, and in one round trip.
    pub(crate) async fn call_all(&self, calls: &[(&Script, &Call)]) -> Result<Vec<Value>, Fault> {
        let mut pipeline = redis::pipe();
        for (index, (script, call)) in calls.iter().enumerate() {
            let is_last = index + 1 == calls.len();
            // Whole, where others follow: had the server not known it, these would come before it.
            pipeline.add_command(match is_last {
                true => call.command("EVALSHA", script.hash()),
                false => call.command("EVAL", script.source()),
            });
        }
        let count = calls.len();
        let answers = match &self.link.wire {
            Wire::One(wire) => wire.clone().req_packed_commands(&pipeline, 0, count).await,
            Wire::Cluster(wire) => wire.clone().req_packed_commands(&pipeline, 0, count).await,
        };
        let mut answers = answers.map_err(|error| Fault::of(&error))?;
        if answers.len() != count {
            return Err(Fault::Garbage);
        }
        for (answer, (script, call)) in answers.iter_mut().zip(calls) {
            *answer = match std::mem::replace(answer, Value::Nil).extract_error() {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.call(script, call).await?
                }
                answer => answer.map_err(|error| Fault::of(&error))?,
            };
        }
        Ok(answers)
    }

    /// A command that is no script, within so long.
    #[cfg(feature = "pump-guard")]
    pub(crate) async fn command(&self, command: &Cmd, within: Duration) -> Result<Value, Fault> {
        let answer = timeout(within, self.send(command)).await;
        answer.map_err(|_| Fault::Late)?.map_err(|error| Fault::of(&error))
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        // Clones share what they are clones of.
        let answer = match &self.link.wire {
            Wire::One(wire) => wire.clone().req_packed_command(command).await,
            Wire::Cluster(wire) => wire.clone().req_packed_command(command).await,
        };
        answer.and_then(Value::extract_error)
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}
