//! The clock that leases are measured by: time since the machine started, which nobody can set.

use std::time::Duration;

/// A moment as time since the machine started. Moments of two machines have nothing to do with one another.
pub type Moment = Duration;

/// Tells the time since the machine started. It goes on while the machine sleeps, never jumps and never goes back: a lease
/// measured by it cannot look younger than it is.
pub trait BootClock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// The machine's own (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemBootClock;

impl BootClock for SystemBootClock {
    fn now(&self) -> Moment {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // Neither is negative: time since the start, and the nanoseconds of one second.
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_goes_forward() {
        let first = SystemBootClock.now();
        let second = SystemBootClock.now();
        assert!(Duration::ZERO < first && first <= second);
    }
}
