use std::f64::consts::TAU;
use std::time::Duration;

/// Chance, from a seed: the same numbers every time.
#[derive(Debug)]
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    /// The dice of one `stream` of a seed. What one stream throws leaves the others as they are.
    pub(super) fn of(seed: u64, stream: &[u64]) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        for &part in stream {
            rng = fastrand::Rng::with_seed(rng.u64(..) ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        Self(rng)
    }

    /// From 0 to below `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0.usize(..n.max(1))
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(super) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// A time of `from` to `to` seconds.
    pub(super) fn seconds(&mut self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(self.between(from, to))
    }

    /// One of several; there is at least one.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of several, each as likely as its weight; the first where no weight is above 0.
    pub(super) fn weighted<'a, T>(&mut self, of: &'a [T], weight: impl Fn(&T) -> f64) -> &'a T {
        let mut left = self.unit() * of.iter().map(&weight).sum::<f64>();
        let chosen = of.iter().find(|one| {
            left -= weight(one);
            left < 0.0
        });
        chosen.unwrap_or(&of[0])
    }

    /// `amount` of them at most, in any order.
    pub(super) fn some<T: Copy>(&mut self, of: &[T], amount: usize) -> Vec<T> {
        let mut all = of.to_vec();
        self.0.shuffle(&mut all);
        all.truncate(amount);
        all
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        self.0.shuffle(all);
    }

    /// How long people take: half of them longer than `median` seconds.
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        // Box and Muller; 1 - u is above 0.
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }

    /// The time to the next of what happens so often, at random.
    pub(super) fn gap(&mut self, per_second: f64) -> Duration {
        let seconds = -(1.0 - self.unit()).ln() / per_second;
        Duration::try_from_secs_f64(seconds).unwrap_or(super::DAY * 365)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.0.u8(..)
    }

    /// The last part of an address: neither the network's nor the broadcast's.
    pub(super) fn host(&mut self) -> u8 {
        self.0.u8(1..255)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }
}
