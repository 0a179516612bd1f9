//! How far the stream was read.

/// An entry's number: milliseconds of the server's clock, and which of them.
pub(super) type Id = (u64, u64);

/// After a connection was lost, what came so long before is read again: another server may have numbered it otherwise.
const AGAIN_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    last: Id,
    /// The last one ever.
    furthest: Id,
}

impl Place {
    /// The last entry that was read.
    pub(super) fn last(&self) -> Id {
        self.last
    }

    /// Goes on to this entry; not where it is none behind the last.
    pub(super) fn pass(&mut self, id: Id) -> bool {
        let is_behind = id > self.last;
        if is_behind {
            self.last = id;
            self.furthest = self.furthest.max(id);
        }
        is_behind
    }

    /// Goes back as far as entries may be numbered otherwise, however often that was tried.
    pub(super) fn go_back(&mut self) {
        self.last = self.last.min((self.furthest.0.saturating_sub(AGAIN_MS), 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_often_a_connection_is_lost_a_minute_is_read_again() {
        let mut place = Place::default();
        place.go_back();
        assert_eq!(place.last(), (0, 0));
        assert!(place.pass((3_600_000, 7)) && !place.pass((3_600_000, 7)) && !place.pass((3_599_999, 9)));
        for _ in 0..600 {
            place.go_back();
        }
        assert_eq!(place.last(), (3_540_000, 0));
        // Nor where it comes back for a moment each time.
        for ms in 0..600 {
            assert!(place.pass((3_540_000 + ms, 1)), "{ms}");
            place.go_back();
            assert_eq!(place.last(), (3_540_000, 0));
        }
        while place.pass((place.last().0 + 1000, 0)) && place.last().0 < 4_000_000 {}
        place.go_back();
        assert_eq!(place.last(), (3_940_000, 0));
    }
}
