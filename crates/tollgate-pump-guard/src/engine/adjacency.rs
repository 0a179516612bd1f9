use super::policy::Mode;
use super::ranges::{ADJACENT, LEVELS, RECENT, place};
use super::state::Seen;
use super::{Reason, Signal};

/// Strangers whose numbers follow one another. It adds to what else speaks against a range; and what others verified there
/// speaks less for a number that follows them too.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AdjacencyPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

/// Numbers that differ by no more than this follow one another.
const GAP: u16 = 4;

/// The number, and the last strangers of its 10k range before it.
const ALL: usize = RECENT + 1;

impl AdjacencyPolicy {
    pub(super) fn judge(self, seen: &Seen<'_>) -> Option<Reason> {
        let near = self.near(seen)?;
        let (cut, name) = LEVELS.get(ADJACENT).copied()?;
        let evidence = format!(
            "{near} of the last {ALL} strangers of the {name} range +{}{} follow another by {GAP} or less",
            seen.number.range(cut),
            "x".repeat(cut as usize)
        );
        self.mode.reason(Signal::Adjacency, 20, evidence, None)
    }

    /// Whether the number goes on where the last strangers of its range were.
    pub(super) fn goes_on(self, seen: &Seen<'_>) -> bool {
        let place = place(seen.number);
        let follows = |recent: &[u16]| recent.iter().any(|known| known.abs_diff(place) <= GAP);
        self.mode == Mode::Enforce
            && self.near(seen).is_some()
            && seen.range(ADJACENT).is_some_and(|range| follows(&range.recent))
    }

    /// How many of the last strangers follow another, where that is more than chance.
    fn near(self, seen: &Seen<'_>) -> Option<usize> {
        // Of the 10k range: four of six random ones within a gap of four of another occur once in 20,000.
        let range = seen.range(ADJACENT)?;
        if self.mode == Mode::Off || !seen.armed || range.remembered() < 2.0 || range.recent.contains(&0) {
            return None;
        }
        let mut places = [place(seen.number); ALL];
        for (to, known) in places.iter_mut().skip(1).zip(range.recent) {
            *to = known;
        }
        places.sort_unstable();
        let near = places.windows(2).filter(|pair| matches!(pair, [a, b] if a < b && b - a <= GAP)).count();
        (2 * near > ALL).then_some(near)
    }
}
