//! One sync for many waiting writers.
//!
//! A writer takes a ticket when its batch is in the write-ahead log. Whoever finds no sync under way makes one; it covers all
//! tickets given out before it began. The others wait and mostly find theirs covered; those that came too late are left asleep
//! until the next one is made, but for the one that makes it.

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct GroupSync {
    state: Mutex<State>,
    /// Who waits for an even and who for an odd round.
    rounds: [Condvar; 2],
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    synced: u64,
    /// Number of the round under way, or of the next.
    round: usize,
    /// What the sync under way covers.
    syncing: Option<u64>,
}

/// A place in the write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl GroupSync {
    /// To be called when a batch has been written.
    pub(crate) fn written(&self) -> Ticket {
        let mut state = self.state.lock();
        state.written += 1;
        Ticket(state.written)
    }

    /// Everything written so far.
    pub(crate) fn latest(&self) -> Ticket {
        Ticket(self.state.lock().written)
    }

    /// Returns when `ticket` is covered by a sync. An error goes to the writer whose sync it was; the next one tries again
    /// (and is refused if the failure stopped the store).
    pub(crate) fn wait<E>(
        &self,
        ticket: Ticket,
        sync: impl Fn() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.state.lock();
        loop {
            if state.synced >= ticket.0 {
                return Ok(());
            }
            if let Some(covered) = state.syncing {
                let is_late = usize::from(ticket.0 > covered);
                self.round(state.round + is_late).wait(&mut state);
                continue;
            }
            let covered = state.written;
            state.syncing = Some(covered);
            drop(state);
            let outcome = sync();
            state = self.state.lock();
            state.syncing = None;
            if outcome.is_ok() {
                state.synced = state.synced.max(covered);
            }
            self.round(state.round).notify_all();
            state.round += 1;
            self.round(state.round).notify_one();
            outcome?;
        }
    }

    fn round(&self, number: usize) -> &Condvar {
        &self.rounds[number % 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Barrier};

    #[test]
    fn writers_that_wait_together_share_a_sync() {
        let group = Arc::new(GroupSync::default());
        let syncs = Arc::new(AtomicU64::new(0));
        let release = Arc::new(Barrier::new(2));
        let first = group.written();
        let leader = std::thread::spawn({
            let (group, syncs, release) =
                (Arc::clone(&group), Arc::clone(&syncs), Arc::clone(&release));
            move || {
                group.wait(first, || {
                    syncs.fetch_add(1, Ordering::SeqCst);
                    release.wait();
                    release.wait();
                    Ok::<(), ()>(())
                })
            }
        });
        release.wait();
        // The leader is inside its sync: these twenty come too late for it and share the next one.
        let tickets: Vec<Ticket> = (0..20).map(|_| group.written()).collect();
        let followers: Vec<_> = tickets
            .into_iter()
            .map(|ticket| {
                let (group, syncs) = (Arc::clone(&group), Arc::clone(&syncs));
                std::thread::spawn(move || {
                    group.wait(ticket, || {
                        syncs.fetch_add(1, Ordering::SeqCst);
                        Ok::<(), ()>(())
                    })
                })
            })
            .collect();
        release.wait();
        assert_eq!(leader.join().unwrap(), Ok(()));
        for follower in followers {
            assert_eq!(follower.join().unwrap(), Ok(()));
        }
        assert_eq!(syncs.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failed_sync_covers_nobody() {
        let group = GroupSync::default();
        let ticket = group.written();
        assert_eq!(group.wait(ticket, || Err("broken")), Err("broken"));
        assert_eq!(group.wait(ticket, || Ok::<(), &str>(())), Ok(()));
        assert_eq!(group.wait(ticket, || Err("not asked")), Ok(()));
    }
}
