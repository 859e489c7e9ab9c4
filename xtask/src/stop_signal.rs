//! Waits for Ctrl-C or a request to end, so that what was started can be stopped in order.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Signals that were asked for before anything was started: none is lost in between.
pub(crate) struct StopSignal(Signals);

impl StopSignal {
    /// From now on the signals are kept for [`StopSignal::arrived`] and [`StopSignal::wait`] and end nothing by themselves.
    pub(crate) fn catch() -> Result<Self> {
        Signals::new([SIGINT, SIGTERM, SIGHUP])
            .map(Self)
            .context("could not ask for signals")
    }

    /// Whether one has come.
    pub(crate) fn arrived(&mut self) -> bool {
        self.0.pending().next().is_some()
    }

    /// Waits for one.
    pub(crate) fn wait(&mut self) {
        self.0.forever().next();
    }
}

/// Waits for a signal to stop.
pub(crate) fn wait() -> Result<()> {
    StopSignal::catch()?.wait();
    Ok(())
}
