//! `[traffic_log]`: what is written down of the traffic.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Problems, State};
use crate::traffic_log::file::before;

/// `[traffic_log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrafficLog {
    /// The file that `tollgate serve` writes, for `tollgate replay`; empty writes none.
    pub path: String,
    /// The longest it gets, in MiB, 1 to 1048576: it then becomes `….1`, in place of the one before. Default 256.
    pub max_mb: u32,
    /// Writes phone numbers as they are.
    pub insecure_clear_numbers: bool,
}

impl Default for TrafficLog {
    fn default() -> Self {
        Self { path: String::new(), max_mb: 256, insecure_clear_numbers: false }
    }
}

impl TrafficLog {
    pub(super) fn check(&self, state: &State, problems: &mut Problems) {
        if !(1..=1 << 20).contains(&self.max_mb) {
            problems.add("traffic_log.max_mb", format!("{} is not within 1 and 1048576", self.max_mb));
        }
        let (path, database) = (Path::new(&self.path), Path::new(&state.path));
        // One file may be named in several ways.
        let is = |path: &Path| std::path::absolute(path).ok() == std::path::absolute(database).ok();
        if !self.path.is_empty() && !state.path.is_empty() && (is(path) || is(&before(path))) {
            problems.add(
                "traffic_log.path",
                format!("{:?} would be written over the file of state.path: name another", self.path),
            );
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        (self.insecure_clear_numbers && !self.path.is_empty()).then(|| {
            format!(
                "traffic_log.insecure_clear_numbers: people's phone numbers are in {:?} as they are",
                self.path
            )
        })
    }
}
