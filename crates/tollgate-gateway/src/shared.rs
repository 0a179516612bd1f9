//! What several gateways share on one Redis or Valkey: the limits' counts, and what the guard knows.

use tollgate::pump_guard::PumpGuard;
use tollgate::rate_limit::Limiter;
use tollgate::rate_limit::store::{Count, Counts, Debt, Memory, Step, Store, Tick};
use tollgate::redis::rate_limit::{RedisStore, Sharing};
use tollgate::redis::{Connection, Server, pump_guard};

use crate::Secrets;
use crate::config::{Problems, State};

/// Where a limiter's counts are: here, or where other gateways count too.
#[derive(Debug)]
#[non_exhaustive]
pub enum LimitStore {
    /// In this process.
    Here(Memory),
    /// On a Redis or Valkey.
    Shared(RedisStore),
}

/// A server that other gateways ask too.
pub(crate) struct Shared {
    server: Server,
    connection: Connection,
    nodes: u32,
    secret: Vec<u8>,
}

impl Shared {
    /// Connects in the background: nothing waits for the server.
    pub(crate) fn open(server: Server, state: &State, secrets: &Secrets) -> Result<Self, Problems> {
        if secrets.shared.is_empty() {
            return Err(Problems::one(
                "state.secret_env",
                "was not looked up: give the secrets of this configuration",
            ));
        }
        let server = match &secrets.redis_password {
            Some(password) => server.with_password(password),
            None => Ok(server),
        };
        let server = server.map_err(|error| Problems::one("state.password_env", error))?;
        tracing::info!(%server, nodes = state.nodes, "limits and the guard's memory are shared");
        let connection = Connection::open_with(server.clone(), state.deadline.0)
            .map_err(|error| Problems::one("state.redis", error))?;
        Ok(Self { server, connection, nodes: state.nodes, secret: secrets.shared.clone() })
    }

    /// Tells other gateways what this guard knows, and it what they do: over a connection of its own, whose deadline is
    /// another. Its memory has to be of [`Secrets::guard`].
    pub(crate) fn guard(&self, guard: &PumpGuard) -> Result<pump_guard::Shared, Problems> {
        let connection =
            pump_guard::open(self.server.clone()).map_err(|error| Problems::one("state.redis", error))?;
        pump_guard::share(guard, connection, &self.secret, self.nodes)
            .map_err(|error| Problems::one("state", error))
    }

    /// A limiter whose counts are those of all gateways.
    pub(crate) fn limiter(&self, limiter: Limiter) -> Result<Limiter<LimitStore>, Problems> {
        let sharing = Sharing::over(self.connection.clone(), self.secret.clone());
        let sharing = sharing.and_then(|sharing| sharing.with_nodes(self.nodes));
        let sharing = sharing.map_err(|error| Problems::one("state", error))?;
        Ok(sharing.share(limiter).map_store(LimitStore::Shared))
    }
}

impl Store for LimitStore {
    type Later = <RedisStore as Store>::Later;

    fn take(&self, counts: &mut Counts, now: Tick) -> Step<Self::Later> {
        match self {
            Self::Here(store) => {
                // From memory the answer is there at once.
                let _ = store.take(counts, now);
                Step::Now
            }
            Self::Shared(store) => store.take(counts, now),
        }
    }

    fn give_back(&self, count: &Count, debt: Debt, now: Tick) {
        match self {
            Self::Here(store) => store.give_back(count, debt, now),
            Self::Shared(store) => store.give_back(count, debt, now),
        }
    }

    fn charge(&self, count: &Count, cost: u32, most: Debt, now: Tick) -> Debt {
        match self {
            Self::Here(store) => store.charge(count, cost, most, now),
            Self::Shared(store) => store.charge(count, cost, most, now),
        }
    }

    fn debt(&self, count: &Count, now: Tick) -> Debt {
        match self {
            Self::Here(store) => store.debt(count, now),
            Self::Shared(store) => store.debt(count, now),
        }
    }

    fn forget(&self, count: &Count, now: Tick) {
        match self {
            Self::Here(store) => store.forget(count, now),
            Self::Shared(store) => store.forget(count, now),
        }
    }

    fn convert(&self, limit: usize, level: usize, convert: &dyn Fn(Debt) -> Debt, now: Tick) {
        match self {
            Self::Here(store) => store.convert(limit, level, convert, now),
            Self::Shared(store) => store.convert(limit, level, convert, now),
        }
    }

    fn memory(&self) -> Option<&Memory> {
        match self {
            Self::Here(store) => Some(store),
            Self::Shared(store) => store.memory(),
        }
    }
}
