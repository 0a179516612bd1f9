use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::traffic::{BadLine, Event};

/// Several logs as one, by time. Of events at the same time, the first log's comes first.
///
/// A log that is not in order stays in its own order: it is counted, and nothing is lost.
#[derive(Debug)]
pub(crate) struct Merge<L> {
    logs: Vec<Head<L>>,
    /// Which log has the oldest event.
    next: BinaryHeap<Reverse<(Duration, usize)>>,
    /// Logs whose next line has not been read yet.
    unread: Vec<usize>,
    /// Events that were older than the one before them in their log.
    pub(crate) out_of_order: u64,
}

#[derive(Debug)]
struct Head<L> {
    log: L,
    event: Option<Event>,
    last: Duration,
}

impl<L: Iterator<Item = Result<Event, BadLine>>> Merge<L> {
    pub(crate) fn new(logs: Vec<L>) -> Self {
        let unread = (0..logs.len()).rev().collect();
        let logs = logs.into_iter().map(|log| Head { log, event: None, last: Duration::ZERO }).collect();
        Self { logs, next: BinaryHeap::new(), unread, out_of_order: 0 }
    }
}

/// The next event; or a line that could not be read, with its log's place in the list.
impl<L: Iterator<Item = Result<Event, BadLine>>> Iterator for Merge<L> {
    type Item = Result<Event, (usize, BadLine)>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(&i) = self.unread.last() {
            let head = self.logs.get_mut(i)?;
            match head.log.next() {
                Some(Err(bad)) => return Some(Err((i, bad))),
                Some(Ok(event)) => {
                    self.out_of_order += u64::from(event.at < head.last);
                    head.last = event.at;
                    self.next.push(Reverse((event.at, i)));
                    head.event = Some(event);
                }
                None => {}
            }
            self.unread.pop();
        }
        let Reverse((_, i)) = self.next.pop()?;
        self.unread.push(i);
        self.logs.get_mut(i)?.event.take().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Kind, LoggedOutcome};

    fn event(at: u64, id: &str) -> Result<Event, BadLine> {
        let kind = Kind::Outcome { id: id.to_owned(), outcome: LoggedOutcome::Verified };
        Ok(Event { at: Duration::from_secs(at), kind })
    }

    fn ids(merge: &mut Merge<std::vec::IntoIter<Result<Event, BadLine>>>) -> String {
        let mut all = String::new();
        for item in merge {
            match item {
                Ok(Event { kind: Kind::Outcome { id, .. }, .. }) => all.push_str(&id),
                Ok(_) => unreachable!(),
                Err((log, bad)) => all.push_str(&format!("[{log}:{}]", bad.line)),
            }
        }
        all
    }

    #[test]
    fn several_logs_are_one_by_time_and_the_first_comes_first() {
        let one = vec![event(1, "a"), event(4, "b"), event(6, "c")].into_iter();
        let two = vec![event(4, "x"), event(5, "y")].into_iter();
        let mut merge = Merge::new(vec![one, vec![].into_iter(), two]);
        assert_eq!(ids(&mut merge), "abxyc");
        assert_eq!(merge.out_of_order, 0);
    }

    #[test]
    fn a_log_out_of_order_loses_nothing_and_a_bad_line_names_its_log() {
        let bad = Err(BadLine { line: 2, why: String::new() });
        let one = vec![event(5, "a"), event(1, "b"), event(6, "c")].into_iter();
        let two = vec![event(2, "x"), bad, event(7, "y")].into_iter();
        let mut merge = Merge::new(vec![one, two]);
        assert_eq!(ids(&mut merge), "x[1:2]abcy");
        assert_eq!(merge.out_of_order, 1);
    }
}
