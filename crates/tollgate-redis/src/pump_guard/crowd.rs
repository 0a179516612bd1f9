//! Whether there are more nodes than this one was told of.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_pump_guard::Node;

/// A node that has told nothing for so long may be gone.
const LATELY: Duration = Duration::from_secs(60);
/// For so long there have to be too many: one that is started again is another node, and the one before it is not gone yet.
const LASTING: Duration = Duration::from_secs(150);
const LOOKS: Duration = Duration::from_secs(5);

/// Who told something lately.
#[derive(Debug)]
pub(super) struct Crowd {
    nodes: usize,
    told: HashMap<Node, Instant>,
    looked: Option<Instant>,
    too_many_since: Option<Instant>,
}

impl Crowd {
    /// With so many nodes there should be no more.
    pub(super) fn of(nodes: u32) -> Self {
        let nodes = usize::try_from(nodes).unwrap_or(usize::MAX);
        Self { nodes, told: HashMap::new(), looked: None, too_many_since: None }
    }

    /// This one told something: how many there are, where these have been too many for a while.
    pub(super) fn heard(&mut self, node: Node, now: Instant) -> Option<usize> {
        self.told.insert(node, now);
        if self.looked.is_some_and(|looked| now < looked + LOOKS) {
            return None;
        }
        self.looked = Some(now);
        self.told.retain(|_, told| now < *told + LATELY);
        if self.told.len() <= self.nodes {
            self.too_many_since = None;
            return None;
        }
        let since = *self.too_many_since.get_or_insert(now);
        (since + LASTING <= now).then_some(self.told.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each second of three minutes, these tell something: how many were too many, if ever.
    fn too_many(nodes: u32, who: impl Fn(u64) -> Vec<u64>) -> Option<usize> {
        let (mut crowd, start) = (Crowd::of(nodes), Instant::now());
        (0..180)
            .flat_map(|second| who(second).into_iter().map(move |node| (second, node)))
            .filter_map(|(second, node)| crowd.heard(Node::of(node), start + Duration::from_secs(second)))
            .last()
    }

    #[tokio::test]
    async fn more_nodes_than_were_said_are_noticed_when_they_stay() {
        assert_eq!(too_many(2, |_| vec![1, 2, 3]), Some(3));
        assert_eq!(too_many(3, |_| vec![1, 2, 3]), None);
        assert_eq!(
            too_many(2, |second| if second < 90 { vec![1, 2] } else { vec![1, 3] }),
            None,
            "one started again"
        );
    }
}
