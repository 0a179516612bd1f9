use std::num::NonZeroU32;
use std::ops::Range;

/// A JSON value in the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    /// Never 0, so that no span takes no more memory than a span.
    end: NonZeroU32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: position(start), end: NonZeroU32::new(position(end)).unwrap_or(NonZeroU32::MIN) }
    }

    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) fn end(self) -> usize {
        self.end.get() as usize
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start()..self.end()
    }
}

/// Bodies are shorter than 4 GiB: [`Scan::read`](super::Scan::read) looked first.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
