//! Up to where what other nodes told counts here.

use super::persist::Changes;
use super::record::Record;
use super::shared::Node;

/// How many other nodes are told apart.
pub(super) const MOST_NODES: usize = 256;

/// What it sent next is known from then on.
const NOT_YET: u64 = u64::MAX;

/// Up to where each node's events count.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) nodes: Vec<HeardOf>,
    /// Who is not to be kept any more.
    gone: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct HeardOf {
    node: u64,
    next: u64,
    at: u32,
    /// Since when all that it sent is known here, in milliseconds of its time; [`NOT_YET`] where that is to be seen.
    since: u64,
    changed: bool,
    written: bool,
}

impl Heard {
    /// Takes note of so many events from `first` on: how many of them are known, and how many were missed.
    pub(super) fn hear(&mut self, node: Node, first: u64, count: u64, at: u32) -> (u64, u64) {
        let index = self.nodes.iter().position(|heard| heard.node == node.0);
        let index = index.unwrap_or_else(|| self.meet(node, first, at));
        let Some(heard) = self.nodes.get_mut(index) else { return (count, 0) };
        let known = heard.next.saturating_sub(first).min(count);
        let missed = first.saturating_sub(heard.next);
        let next = heard.next.max(first + count);
        heard.changed |= next != heard.next;
        (heard.next, heard.at) = (next, at);
        if missed > 0 {
            heard.since = NOT_YET;
        }
        (known, missed)
    }

    pub(super) fn has_met(&self, node: Node) -> bool {
        self.nodes.iter().any(|heard| heard.node == node.0)
    }

    /// It sent something at `at` (milliseconds), which counts here or does not.
    pub(super) fn sent(&mut self, node: Node, at: u64, counts: bool) {
        let Some(heard) = self.nodes.iter_mut().find(|heard| heard.node == node.0) else { return };
        let since = if counts { heard.since.min(at) } else { NOT_YET };
        heard.changed |= since != heard.since;
        heard.since = since;
    }

    /// Whether what it sent at `at` (milliseconds) counts here.
    pub(super) fn knows(&self, node: Node, at: u64) -> bool {
        self.nodes.iter().any(|heard| heard.node == node.0 && heard.since <= at)
    }

    fn meet(&mut self, node: Node, first: u64, at: u32) -> usize {
        if self.nodes.len() >= MOST_NODES
            && let Some((oldest, _)) = self.nodes.iter().enumerate().min_by_key(|(_, heard)| heard.at)
        {
            let gone = self.nodes.swap_remove(oldest);
            if gone.written {
                self.gone.push(gone.node);
            }
        }
        // What it told before is not known.
        let since = if first == 0 { 0 } else { NOT_YET };
        self.nodes.push(HeardOf { node: node.0, next: first, at, since, changed: true, written: false });
        self.nodes.len() - 1
    }

    pub(super) fn note_all(&mut self) {
        self.gone.clear();
        for heard in &mut self.nodes {
            (heard.changed, heard.written) = (true, false);
        }
    }

    /// Writes up to where what was told counts in what is kept, so that it does not count twice after a restart.
    pub(super) fn drain(&mut self, table: u8, changes: &mut Changes) {
        for gone in std::mem::take(&mut self.gone) {
            changes.remove(table, gone);
        }
        for heard in self.nodes.iter_mut().filter(|heard| heard.changed) {
            (heard.changed, heard.written) = (false, true);
            changes.put(table, heard.node, |out| {
                heard.next.put(out);
                heard.at.put(out);
                heard.since.put(out);
            });
        }
    }

    pub(super) fn take_back(&mut self, node: u64, value: &mut &[u8]) -> Option<()> {
        let (next, at) = (u64::take(value)?, u32::take(value)?);
        let since = u64::take(value).unwrap_or(0);
        let fits = node < 1 << 48 && next < 1 << 62 && self.nodes.len() < MOST_NODES;
        fits.then(|| self.nodes.push(HeardOf { node, next, at, since, changed: false, written: true }))
    }
}
