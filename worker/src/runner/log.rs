//! The runner's log: bounded, in memory, with growing timestamps so that a reader can go on after the last one it saw.

use crate::clock::Clock;
use parking_lot::Mutex;
use sluice_protocol::RunnerLogLine;
use std::collections::VecDeque;
use std::sync::Arc;

/// Lines kept.
const KEPT: usize = 10_000;

/// The log of one run.
pub(super) struct Log {
    clock: Arc<dyn Clock>,
    lines: Mutex<VecDeque<RunnerLogLine>>,
}

impl Log {
    /// An empty one.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Log {
            clock,
            lines: Mutex::default(),
        }
    }

    /// Adds a line.
    pub(super) fn line(&self, level: &'static str, text: impl Into<String>) {
        let mut lines = self.lines.lock();
        let now = self.clock.now();
        let timestamp = lines.back().map_or(now, |last| now.max(last.timestamp + 1));
        lines.push_back(RunnerLogLine {
            timestamp,
            level: level.into(),
            text: text.into(),
        });
        if lines.len() > KEPT {
            lines.pop_front();
        }
    }

    /// Lines after a timestamp.
    pub(super) fn after(&self, since: Option<u64>) -> Vec<RunnerLogLine> {
        let lines = self.lines.lock();
        lines
            .iter()
            .filter(|line| since.is_none_or(|since| line.timestamp > since))
            .cloned()
            .collect()
    }
}
