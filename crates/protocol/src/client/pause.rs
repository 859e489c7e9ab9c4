//! Waits between tries: longer with each failure, and never the same for many clients.

use super::ClientSettings;
use std::time::Duration;

/// Of a wait, at most this part is left out by chance, so that clients that lost the same role do not come back as one.
const JITTER: f64 = 0.5;

/// The next wait.
pub(super) struct Pause {
    next: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Pause {
    pub(super) fn new(settings: &ClientSettings) -> Self {
        Pause {
            next: settings.shortest_pause,
            shortest: settings.shortest_pause,
            longest: settings.longest_pause,
        }
    }

    /// It worked: the next failure is a first one.
    pub(super) fn reset(&mut self) {
        self.next = self.shortest;
    }

    /// How long to wait now; the next time at most twice as long.
    pub(super) fn take(&mut self) -> Duration {
        let longest = self.next.min(self.longest);
        self.next = longest.saturating_mul(2).min(self.longest);
        longest.mul_f64(1.0 - JITTER * rand::random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_vary_and_begin_anew() {
        let settings = ClientSettings {
            shortest_pause: Duration::from_millis(100),
            longest_pause: Duration::from_millis(500),
            ..ClientSettings::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut pause = Pause::new(&settings);
        for _ in 0..50 {
            for longest in [100, 200, 400, 500, 500] {
                let taken = pause.take();
                let longest = Duration::from_millis(longest);
                assert!(longest / 2 <= taken && taken <= longest, "{taken:?}");
                seen.insert(taken);
            }
            pause.reset();
        }
        assert!(seen.len() > 200, "{}", seen.len());
    }
}
