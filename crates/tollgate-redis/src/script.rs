use std::fmt;
use std::sync::OnceLock;

/// A Lua script, sent by its hash.
pub struct Script {
    source: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    /// Of its source.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, hash: OnceLock::new() }
    }

    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    pub(crate) fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned())
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Script").field(&self.hash()).finish()
    }
}
