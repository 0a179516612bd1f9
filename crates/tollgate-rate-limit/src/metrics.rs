//! What is counted. Never an address: labels are limit names and verdicts, both fixed at start-up.

use metrics::{Key, Label, Level, Metadata, SharedString};

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// One limit's counters.
///
/// Keys and not handles: a handle belongs to the recorder of the moment, and layers are often built before the recorder
/// is installed.
#[derive(Debug)]
pub(crate) struct Counters {
    pass: Key,
    refuse: Key,
    monitor: Key,
    evicted_live: Key,
}

impl Counters {
    pub(crate) fn new(limit: &str) -> Self {
        let limit = Label::new("limit", SharedString::from(limit.to_owned()));
        let total = |verdict: &'static str| {
            let labels = vec![limit.clone(), Label::from_static_parts("verdict", verdict)];
            Key::from_parts("tollgate_rate_limit_total", labels)
        };
        Self {
            pass: total("pass"),
            refuse: total("refuse"),
            monitor: total("monitor"),
            evicted_live: Key::from_parts("tollgate_rate_limit_evicted_live_total", vec![limit.clone()]),
        }
    }

    /// Passed, and charged to this limit.
    pub(crate) fn pass(&self) {
        count(&self.pass);
    }

    /// Refused, by this limit perhaps among others.
    pub(crate) fn refuse(&self) {
        count(&self.refuse);
    }

    /// Would have been refused, were this limit enforced.
    pub(crate) fn monitor(&self) {
        count(&self.monitor);
    }

    /// A client was forgotten while it still owed something.
    pub(crate) fn evicted_live(&self) {
        count(&self.evicted_live);
    }
}

/// A request that a limit applies to came without a client IP.
pub(crate) fn without_client_ip(passes: bool) {
    static PASS: [Label; 1] = [Label::from_static_parts("verdict", "pass")];
    static REFUSE: [Label; 1] = [Label::from_static_parts("verdict", "refuse")];
    static KEYS: [Key; 2] = {
        const NAME: &str = "tollgate_rate_limit_without_client_ip_total";
        [Key::from_static_parts(NAME, &REFUSE), Key::from_static_parts(NAME, &PASS)]
    };
    count(&KEYS[usize::from(passes)]);
}

/// A request of a client that is banned was refused.
pub(crate) fn banned() {
    static KEY: Key = Key::from_static_name("tollgate_rate_limit_banned_total");
    count(&KEY);
}

/// A request of a client on the deny list was refused.
pub(crate) fn denied() {
    static KEY: Key = Key::from_static_name("tollgate_rate_limit_denied_total");
    count(&KEY);
}

fn count(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA).increment(1));
}
