//! What a node tells, as bytes.

use super::event::Event;
use super::packed::{squeeze, unsqueeze};
use super::record::Record;
use super::shared::Node;

/// The first byte: what the bytes behind it mean.
const VERSION: u8 = 2;

/// Events of one node, in their order.
///
/// Numbers and clients are keyed hashes, ranges are in the clear. Beside a range stands the number's place in it, as
/// neighbours are told by it: both together are the number, so that others must not read these bytes.
#[derive(Clone, Debug)]
pub struct Deltas {
    node: Node,
    /// The first event's number; others follow without a gap.
    first: u64,
    events: Vec<Event>,
}

impl Deltas {
    /// The most events there are in one.
    pub const MOST: usize = 256;

    pub(super) fn new(node: Node, first: u64, events: Vec<Event>) -> Self {
        Self { node, first, events }
    }

    pub(super) fn empty(node: Node) -> Self {
        Self::new(node, 0, Vec::new())
    }

    /// Whose they are.
    #[must_use]
    pub fn node(&self) -> Node {
        self.node
    }

    /// The first one's number.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The same in several, of so many each.
    pub fn parts(&self, most: usize) -> impl Iterator<Item = Self> + '_ {
        let firsts = (self.first..).step_by(most.max(1));
        let parts = self.events.chunks(most.max(1));
        firsts.zip(parts).map(|(first, part)| Self::new(self.node, first, part.to_vec()))
    }

    /// As bytes: some 90 for each event.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 96 * self.events.len());
        VERSION.put(&mut out);
        self.node.number().put(&mut out);
        self.first.put(&mut out);
        let (mut record, mut packed) = (Vec::with_capacity(128), Vec::with_capacity(128));
        for event in &self.events {
            record.clear();
            packed.clear();
            event.put(&mut record);
            squeeze(&record, &mut packed);
            out.push(u8::try_from(packed.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(&packed);
        }
        out
    }

    /// From bytes; `None` where they are none of this version's, whatever else they are.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let from = &mut rest;
        let (version, node, first) = (u8::take(from)?, u64::take(from)?, u64::take(from)?);
        if version != VERSION || node >= 1 << 48 || first >= 1 << 62 {
            return None;
        }
        let mut events = Vec::new();
        while let Some((length, behind)) = rest.split_first() {
            let (packed, behind) = behind.split_at_checked(usize::from(*length))?;
            let record = unsqueeze(packed)?;
            let mut record = record.as_slice();
            let event = Event::take(&mut record)?;
            let nothing_else = record.iter().all(|byte| *byte == 0);
            if !nothing_else || !event.is_sound() || events.len() == Self::MOST {
                return None;
            }
            events.push(event);
            rest = behind;
        }
        Some(Self::new(Node::of(node), first, events))
    }
}
