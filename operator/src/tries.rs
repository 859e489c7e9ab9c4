//! What failed is tried again after pauses that grow, partly left to chance, and are forgotten at the first success.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// Never longer.
const LONGEST: Duration = Duration::from_secs(300);

/// The pause after so many failures in a row: twice as long each time. At least half of it, the rest by `chance` (from 0 to 1):
/// what failed together is not tried together.
pub(crate) fn pause(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// The same by a chance of our own.
pub(crate) fn next_pause(failures: u32) -> Duration {
    pause(failures, rand::random())
}

/// How often each of some things failed in a row.
pub(crate) struct Tries<K>(Mutex<HashMap<K, Failing>>);

struct Failing {
    failures: u32,
    /// When it is tried again if nothing happens before.
    due: Instant,
}

impl<K> Default for Tries<K> {
    fn default() -> Self {
        Tries(Mutex::default())
    }
}

impl<K: Eq + Hash> Tries<K> {
    /// It failed at this moment; how long to wait for the next try. One that came before its time, because something had changed,
    /// is no reason to wait longer.
    pub(crate) fn failed(&self, what: K, now: Instant) -> Duration {
        let mut all = self.0.lock();
        let failing = all.entry(what).or_insert(Failing {
            failures: 0,
            due: now,
        });
        if now >= failing.due {
            failing.failures = failing.failures.saturating_add(1);
        }
        let pause = next_pause(failing.failures);
        failing.due = now + pause;
        pause
    }

    /// It works, or is not there any more.
    pub(crate) fn forget(&self, what: &K) {
        self.0.lock().remove(what);
    }

    /// How many fail.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_are_never_shorter_than_half() {
        let seconds = |chance| {
            [1, 2, 3, 4, 9, 10, 1000].map(|failures| pause(failures, chance).as_secs_f64())
        };
        assert_eq!(seconds(1.0), [1.0, 2.0, 4.0, 8.0, 256.0, 300.0, 300.0]);
        assert_eq!(seconds(0.0), [0.5, 1.0, 2.0, 4.0, 128.0, 150.0, 150.0]);
    }

    #[test]
    fn success_begins_anew_and_one_failure_is_not_that_of_another() {
        let (tries, mut now) = (Tries::default(), Instant::now());
        for _ in 0..9 {
            now += tries.failed("a", now);
        }
        assert!(tries.failed("a", now) >= LONGEST / 2);
        assert!(tries.failed("b", now) <= FIRST);
        assert_eq!(tries.count(), 2);
        tries.forget(&"a");
        for _ in 0..9 {
            // Many changes at once are not many failures.
            assert!(tries.failed("a", now) <= FIRST);
        }
    }
}
