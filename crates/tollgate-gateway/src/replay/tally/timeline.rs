use std::collections::BTreeMap;
use std::time::Duration;

use super::rfc3339;
use crate::replay::report::{Bin, Stops, Timeline};

/// At most so many pieces of time are reported.
const MOST: u64 = 120;
/// How long a piece may be, in minutes.
const LENGTHS: [u64; 11] = [1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10_080];

/// What happened in each minute in which something did.
#[derive(Debug, Default)]
pub(super) struct Minutes(BTreeMap<u64, Minute>);

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    sends: u64,
    stops: Stops,
    verified: u64,
}

impl Minutes {
    pub(super) fn send(&mut self, at: Duration, stops: Stops) {
        let minute = self.0.entry(at.as_secs() / 60).or_default();
        minute.sends += 1;
        minute.stops.add(stops);
    }

    /// A send of `at` was.
    pub(super) fn verified(&mut self, at: Duration) {
        self.0.entry(at.as_secs() / 60).or_default().verified += 1;
    }

    /// Pieces of the shortest length with which there are few enough. Where one length of a week is too short, the last
    /// pieces are reported.
    pub(super) fn timeline(self) -> Timeline {
        let (Some((&first, _)), Some((&last, _))) = (self.0.first_key_value(), self.0.last_key_value())
        else {
            return Timeline::default();
        };
        let pieces = |length: u64| last / length - first / length + 1;
        let length = LENGTHS.into_iter().find(|length| pieces(*length) <= MOST).unwrap_or(10_080);
        let from = (first / length).max((last / length + 1).saturating_sub(MOST));
        let mut bins: Vec<Bin> = (from..=last / length)
            .map(|piece| Bin { at: rfc3339(Duration::from_secs(piece * length * 60)), ..Bin::default() })
            .collect();
        for (minute, counted) in self.0 {
            let piece = (minute / length).checked_sub(from).and_then(|i| usize::try_from(i).ok());
            if let Some(bin) = piece.and_then(|i| bins.get_mut(i)) {
                bin.sends += counted.sends;
                bin.stops.add(counted.stops);
                bin.verified += counted.verified;
            }
        }
        Timeline { bin_minutes: length, bins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_and_nothing_is_lost() {
        let mut minutes = Minutes::default();
        for hour in 0..7 * 24 {
            minutes.send(Duration::from_secs(hour * 3600), Stops { blocked: 1, ..Stops::default() });
        }
        minutes.verified(Duration::from_secs(60));
        let timeline = minutes.timeline();
        assert!(timeline.bins.len() <= 120 && timeline.bin_minutes == 180, "{timeline:?}");
        assert_eq!(timeline.bins.iter().map(|bin| bin.sends).sum::<u64>(), 7 * 24);
        assert_eq!(timeline.bins.iter().map(|bin| bin.stops.blocked).sum::<u64>(), 7 * 24);
        assert_eq!(timeline.bins[0].verified, 1);
    }
}
