//! The guard's memory in a file: what changed is written every two seconds, in one transaction.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use redb::{
    Database, DatabaseError, Durability, ReadableTable, ReadableTableMetadata, StorageError, TableDefinition,
    TableError,
};
use tokio::sync::oneshot;
use tollgate::pump_guard::{Changes, PumpGuard, Secret, State};

/// What the file is: which hashes are in it, and under what secret.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("tollgate");
/// The memory: under the engine's table (8 bits) and key (48 bits).
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pump-guard");

const SECRET: &str = "secret";
const CHECK: &str = "check";

/// How often what changed is written.
const EVERY: Duration = Duration::from_secs(2);
/// How long to wait after that failed.
const RETRY: Duration = Duration::from_secs(10);
/// How long the last write may take when the gateway ends.
const LAST: Duration = Duration::from_secs(10);
/// How far the clock may be behind what is in the file: within it, the guard's time stands still.
const BEHIND: Duration = Duration::from_secs(3600);
/// Of the file's pages.
const CACHE: usize = 16 << 20;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The file.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// Not there after a failure, until it could be opened again.
    database: Option<Database>,
    secret: Secret,
    /// What was drained could not be written: everything has to be.
    behind: bool,
}

impl Store {
    /// Opens the file, or makes one, and reads the memory in it, into one of about so many bytes. `now` is the wall clock's, since 1970. A file that is made gets this secret, or a
    /// random one.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, with its name and the remedy. Nothing in it was changed then.
    pub(crate) fn open(
        path: &Path,
        memory: usize,
        now: Duration,
        shared: Option<Secret>,
    ) -> Result<(Self, State), String> {
        let told = |what: String| format!("state.path: {:?} {what}", path.display().to_string());
        make(path, shared).map_err(|error| {
            told(format!("cannot be made: {error}. Name a file in a directory that may be written"))
        })?;
        warn_of_readers(path);
        // The database takes what it reads for whole and panics where it is not. This is before anything is served.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let read = panic::catch_unwind(AssertUnwindSafe(|| read(path, memory)));
        panic::set_hook(hook);
        let read =
            read.unwrap_or_else(|_| Err(Unreadable::Damaged("its pages contradict each other".to_owned())));
        let (database, secret, state) = read.map_err(|why| told(why.to_string()))?;
        if shared.is_some_and(|shared| shared != secret) {
            return Err(told(
                "was written under another secret than that of state.secret_env: name another file, or move it away; the \
                 guard then begins with what other gateways tell it"
                    .to_owned(),
            ));
        }
        if state.latest() > now + BEHIND {
            return Err(told(format!(
                "was written {} s ahead of this machine's clock: set the clock, or move the file away; the guard then \
                 begins with an empty memory",
                (state.latest() - now).as_secs()
            )));
        }
        Ok((Self { path: path.to_owned(), database: Some(database), secret, behind: false }, state))
    }

    /// Under what it hashes.
    pub(crate) fn secret(&self) -> Secret {
        self.secret
    }

    /// Writes what changed.
    fn save(&mut self, guard: &PumpGuard) -> Result<(), Failed> {
        let database = match self.database.take() {
            Some(database) => database,
            None => reopen(&self.path, self.secret)?,
        };
        let changes = if self.behind { guard.everything() } else { guard.changes() };
        if !changes.is_empty() {
            // A database that failed once answers nothing else any more: it is opened again.
            self.behind = true;
            write(&database, &changes)?;
            self.behind = false;
        }
        self.database = Some(database);
        Ok(())
    }

    fn save_or_tell(&mut self, guard: &PumpGuard) -> bool {
        let saved = panic::catch_unwind(AssertUnwindSafe(|| self.save(guard)));
        let error = match saved {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database panicked".to_owned(),
        };
        metrics::counter!("tollgate_gateway_state_failures_total").increment(1);
        tracing::error!(error, path = %self.path.display(), "the guard's memory could not be written; a restart would lose it");
        false
    }
}

/// Writes every two seconds on a thread of its own, so that a slow disk keeps no request waiting.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: mpsc::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Keeper {
    pub(crate) fn start(mut store: Store, guard: PumpGuard) -> io::Result<Self> {
        let (stop, told) = mpsc::channel::<()>();
        let (done, stopped) = oneshot::channel();
        std::thread::Builder::new().name("state".to_owned()).spawn(move || {
            let mut wait = EVERY;
            while matches!(told.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                wait = if store.save_or_tell(&guard) { EVERY } else { RETRY };
            }
            store.save_or_tell(&guard);
            drop(store);
            let _ = done.send(());
        })?;
        Ok(Self { stop, stopped })
    }

    /// Writes what is left.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if tokio::time::timeout(LAST, self.stopped).await.is_err() {
            tracing::error!("the guard's last changes were not written within {LAST:?}");
        }
    }
}

/// Why a file is not read.
#[derive(Debug)]
enum Unreadable {
    Open,
    Foreign,
    Version,
    Damaged(String),
    Io(String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const EMPTY: &str = "the guard then begins with an empty memory";
        match self {
            Self::Open => f.write_str("is in use by another gateway: give each a file of its own"),
            Self::Foreign => {
                f.write_str("is not a database of Tollgate's; it is left as it is. Name another file")
            }
            Self::Version => write!(
                f,
                "was written by another version of Tollgate: run that one, or move the file away; {EMPTY}"
            ),
            Self::Damaged(how) => {
                write!(f, "is damaged ({how}): move it away, or bring back a copy; {EMPTY}")
            }
            Self::Io(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl From<DatabaseError> for Unreadable {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::Open,
            DatabaseError::UpgradeRequired(_) => Self::Version,
            DatabaseError::Storage(error) => error.into(),
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl From<StorageError> for Unreadable {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) if error.kind() == io::ErrorKind::InvalidData => Self::Foreign,
            StorageError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it ends too soon".to_owned())
            }
            StorageError::Io(error) => Self::Io(error.to_string()),
            error => Self::Damaged(error.to_string()),
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> Unreadable {
    Unreadable::Damaged(error.to_string())
}

/// Makes the file where there is none: whole from the moment it has its name.
fn make(path: &Path, shared: Option<Secret>) -> Result<(), Failed> {
    if path.try_exists()? {
        return Ok(());
    }
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(new);
    let made = make_new(&new, shared).and_then(|()| match std::fs::hard_link(&new, path) {
        // Another gateway was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Ok(()) => Ok(()),
        // Not every file system has links.
        Err(_) => Ok(std::fs::rename(&new, path)?),
    });
    let _ = std::fs::remove_file(&new);
    made
}

fn make_new(path: &Path, shared: Option<Secret>) -> Result<(), Failed> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let database = Database::builder().set_cache_size(CACHE).create_file(options.open(path)?)?;
    let secret = shared.or_else(Secret::random).ok_or("the system has no randomness")?;
    let writing = database.begin_write()?;
    {
        let mut meta = writing.open_table(META)?;
        meta.insert(SECRET, secret.to_bytes().as_slice())?;
        meta.insert(CHECK, secret.check().to_le_bytes().as_slice())?;
        writing.open_table(RECORDS)?;
    }
    Ok(writing.commit()?)
}

fn warn_of_readers(path: &Path) {
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0
    {
        tracing::warn!(path = %path.display(), "state.path: others than its owner may read it, and the secret of its hashes: chmod 600");
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn read(path: &Path, memory: usize) -> Result<(Database, Secret, State), Unreadable> {
    let mut database = Database::builder().set_cache_size(CACHE).open(path)?;
    let secret = secret(&database)?;
    if !database.check_integrity()? {
        tracing::warn!(path = %path.display(), "state.path: was repaired: the last changes may be missing");
    }
    let reading = database.begin_read().map_err(damaged)?;
    let records = reading.open_table(RECORDS).map_err(damaged)?;
    let mut values = Vec::with_capacity(usize::try_from(records.len()?).unwrap_or(0).min(1 << 20));
    for record in records.iter()? {
        let (key, value) = record?;
        values.push((key.value(), value));
    }
    let parts = values.iter().map(|(key, value)| ((key >> 48) as u8, key & ((1 << 48) - 1), value.value()));
    let (state, skipped) = State::restore(memory, secret, parts);
    if skipped > 0 {
        tracing::warn!(skipped, path = %path.display(), "state.path: records that this version cannot read");
    }
    tracing::info!(records = values.len(), path = %path.display(), "the guard remembers");
    drop(values);
    Ok((database, secret, state))
}

/// The secret of a database that is Tollgate's and of this version.
fn secret(database: &Database) -> Result<Secret, Unreadable> {
    let reading = database.begin_read().map_err(damaged)?;
    let meta = match reading.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Err(Unreadable::Foreign),
        meta => meta.map_err(damaged)?,
    };
    let secret = meta.get(SECRET)?.and_then(|found| found.value().try_into().ok()).map(Secret::from_bytes);
    let secret = secret.ok_or(Unreadable::Version)?;
    let check = meta.get(CHECK)?.ok_or(Unreadable::Version)?;
    if check.value() == secret.check().to_le_bytes() { Ok(secret) } else { Err(Unreadable::Version) }
}

/// The file again after a failure: the same one, or a new one under the same secret is not made.
fn reopen(path: &Path, known: Secret) -> Result<Database, Failed> {
    let database = Database::builder().set_cache_size(CACHE).open(path)?;
    let found = secret(&database).map_err(|why| why.to_string())?;
    if found == known { Ok(database) } else { Err("it is another file now".into()) }
}

fn write(database: &Database, changes: &Changes) -> Result<(), Failed> {
    let mut writing = database.begin_write()?;
    writing.set_durability(Durability::Immediate);
    if changes.is_whole() {
        writing.delete_table(RECORDS)?;
    }
    {
        let mut records = writing.open_table(RECORDS)?;
        for (table, key, value) in changes.iter() {
            let key = u64::from(table) << 48 | key;
            if value.is_empty() {
                records.remove(key)?;
            } else {
                records.insert(key, value)?;
            }
        }
    }
    Ok(writing.commit()?)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
