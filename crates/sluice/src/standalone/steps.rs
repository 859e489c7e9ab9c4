//! Saying how far a start is: each step by number and name when it begins, the whole with its time at the end.

use std::time::Instant;

/// Steps of a start, in order.
pub(super) const STEPS: [&str; 6] = [
    "locking the data folder",
    "preparing keys and certificate",
    "opening the configuration",
    "opening the datasets",
    "taking up the pipes",
    "listening for requests",
];

/// Counts them.
pub(super) struct Steps {
    begun: Instant,
    next: usize,
}

impl Steps {
    pub(super) fn new() -> Self {
        Steps {
            begun: Instant::now(),
            next: 0,
        }
    }

    /// Starts again at the step of that name: a restart keeps what comes before it.
    pub(super) fn again_from(name: &str) -> Self {
        Steps {
            begun: Instant::now(),
            next: STEPS.iter().position(|step| *step == name).unwrap_or(0),
        }
    }

    /// Says that the next step begins.
    pub(super) fn next(&mut self) {
        if let Some(name) = STEPS.get(self.next) {
            self.next += 1;
            tracing::info!("step {} of {}: {name}", self.next, STEPS.len());
        }
    }

    /// Says that the last step is done.
    pub(super) fn done(self, url: &str) {
        tracing::info!(
            url,
            seconds = self.begun.elapsed().as_secs_f64(),
            "the hub serves requests"
        );
    }
}
