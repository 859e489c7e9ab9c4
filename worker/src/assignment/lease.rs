//! The lease: until when this worker may write and answer. Cheap enough to be asked before each of these.

use crate::sink::WriteError;
use sluice_protocol::{BootClock, Code, Moment};
use sluice_store::{Committed, Durability, Transaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The deadline, counted from the moment at which the request was sent that the storage node answered last.
pub(crate) struct Lease {
    clock: Arc<dyn BootClock>,
    /// Nanoseconds since the machine started; 0: none is held.
    deadline: AtomicU64,
}

/// The lease has ended, or none was given yet: somebody else may own the pipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the worker holds no lease from the storage node, so it neither writes nor answers; try again"
)]
pub(crate) struct Lost;

impl Lease {
    pub(crate) fn new(clock: Arc<dyn BootClock>) -> Self {
        Lease {
            clock,
            deadline: AtomicU64::new(0),
        }
    }

    #[cfg(test)]
    pub(crate) fn held(clock: Arc<dyn BootClock>, until: Moment) -> Arc<Self> {
        let lease = Lease::new(clock);
        lease.hold_until(until);
        Arc::new(lease)
    }

    /// Whether it is held now.
    pub(crate) fn check(&self) -> Result<(), Lost> {
        let deadline = self.deadline.load(Ordering::Acquire);
        if nanoseconds(self.clock.now()) < deadline {
            Ok(())
        } else {
            Err(Lost)
        }
    }

    /// Commits, if it is held. Every transaction of this crate ends here.
    pub(crate) fn commit(
        &self,
        transaction: Transaction,
        durability: Durability,
    ) -> sluice_dataset::Result<Committed> {
        self.check()?;
        transaction.commit(durability)
    }

    /// It holds until then, or longer if it did.
    pub(super) fn hold_until(&self, deadline: Moment) {
        self.deadline
            .fetch_max(nanoseconds(deadline), Ordering::Release);
    }

    /// It is over, whatever was said before.
    pub(super) fn end(&self) {
        self.deadline.store(0, Ordering::Release);
    }
}

fn nanoseconds(moment: Moment) -> u64 {
    u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX)
}

impl From<Lost> for sluice_dataset::Error {
    fn from(_: Lost) -> Self {
        sluice_dataset::Error::LeaseEnded
    }
}

impl Lost {
    /// As callers are told.
    pub(crate) fn answer(self) -> sluice_protocol::Error {
        sluice_protocol::Error::new(Code::Unavailable, "lease-ended", self.to_string())
    }
}

impl From<Lost> for WriteError {
    fn from(lost: Lost) -> Self {
        WriteError::communication("lease-ended", lost.to_string()).ending_run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::holder::tests::TestClock;
    use std::time::Duration;

    #[test]
    fn it_holds_until_its_deadline_and_never_shrinks_by_a_late_answer() {
        let clock = TestClock::at(100);
        let lease = Lease::new(clock.clone());
        assert_eq!(lease.check(), Err(Lost), "before the first answer");
        lease.hold_until(Duration::from_secs(115));
        lease.hold_until(Duration::from_secs(110));
        clock.set(Duration::from_millis(114_999));
        assert_eq!(lease.check(), Ok(()));
        clock.set(Duration::from_secs(115));
        assert_eq!(lease.check(), Err(Lost));
        lease.hold_until(Duration::from_secs(120));
        assert_eq!(lease.check(), Ok(()));
        lease.end();
        assert_eq!(lease.check(), Err(Lost));
    }

    #[test]
    fn it_is_told_as_something_to_try_again() {
        let error = Lost.answer();
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Unavailable, "lease-ended")
        );
        let error = crate::answer::dataset(Lost.into());
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Unavailable, "lease-ended")
        );
        assert!(WriteError::from(Lost).ends_run);
    }
}
