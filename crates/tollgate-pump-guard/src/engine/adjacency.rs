use super::policy::Mode;
use super::ranges::{ADJACENT, LEVELS, RECENT, place};
use super::state::Seen;
use super::{Reason, Signal};

/// Strangers whose numbers follow one another. It adds to what else speaks against a range.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AdjacencyPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

/// Numbers that differ by no more than this follow one another.
const GAP: u16 = 4;

impl AdjacencyPolicy {
    pub(super) fn judge(self, seen: &Seen<'_>) -> Option<Reason> {
        // Of the 10k range: four of six random ones within a gap of four of another occur once in 20,000.
        let (level, range) = seen.ranges().find(|(level, _)| *level == ADJACENT)?;
        if self.mode == Mode::Off || !seen.armed || range.remembered() < 2.0 || range.recent.contains(&0) {
            return None;
        }
        let mut places = [place(seen.number); RECENT + 1];
        for (to, known) in places.iter_mut().skip(1).zip(range.recent) {
            *to = known;
        }
        places.sort_unstable();
        let near = places.windows(2).filter(|pair| matches!(pair, [a, b] if a < b && b - a <= GAP)).count();
        if 2 * near <= places.len() {
            return None;
        }
        let (cut, name) = LEVELS.get(level).copied()?;
        let evidence = format!(
            "{near} of the last {} strangers of the {name} range +{}{} follow another by {GAP} or less",
            places.len(),
            seen.number.range(cut),
            "x".repeat(cut as usize)
        );
        self.mode.reason(Signal::Adjacency, 20, evidence, None)
    }
}
