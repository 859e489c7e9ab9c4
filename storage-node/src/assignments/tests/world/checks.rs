//! What must never be, and what has to be in the end.

use super::*;

impl World {
    /// What must hold at every moment.
    pub(super) fn check(&mut self) {
        for pipe in PIPES {
            let writers = (0..WORKERS).filter(|worker| self.may_write(*worker, pipe).is_some());
            let writers: Vec<usize> = writers.collect();
            assert!(writers.len() <= 1, "{pipe} is written by {writers:?}");
        }
        let Some(core) = &self.core else { return };
        for (worker, process) in self.processes.iter().enumerate() {
            let disk = DiskId(format!("disk {}", process.disk.number));
            let Some((id, known)) = core.workers.live_on(&disk) else {
                continue;
            };
            assert_eq!(id.0, name(worker));
            let session = known.session.as_ref().unwrap().id;
            for (pipe, duty) in core.assigned(session).unwrap().pipes {
                let Duty::Own { epoch, start } = duty else {
                    continue;
                };
                let told = self.told.entry(pipe.clone()).or_default();
                assert!(epoch >= *told, "{pipe}: epoch {epoch} after {told}");
                let is_new = epoch > *told;
                *told = epoch;
                let newest = self.newest.get(&pipe).copied().unwrap_or_default();
                let version = process
                    .disk
                    .copies
                    .get(&pipe)
                    .map_or(0, |copy| copy.version);
                // Without its disk the storage node goes by what is reported; for pushed data that is always the newest.
                let is_forgotten = self.forgotten.contains(&pipe);
                let is_known = !self.has_forgotten || pipe.starts_with("push") && !is_forgotten;
                match start {
                    Start::Local if is_new && is_known => {
                        assert_eq!(
                            version, newest,
                            "{pipe}: an older state is taken for the newest"
                        );
                    }
                    Start::Fresh if is_new && !is_forgotten => {
                        assert_eq!(newest, 0, "{pipe} fresh after a commit")
                    }
                    _ => {}
                }
            }
        }
    }

    /// Everything works from now on for one worker, and nobody else is heard of: the pipes that can be placed are, in time.
    pub(in super::super) fn end(&mut self, worker: usize) {
        self.messages.clear();
        if self.core.is_none() {
            self.start(true);
        }
        self.step(Step::Drain(worker, false));
        // It may have been about to stop: it does, and starts again.
        self.restart(worker, false);
        let mut began = None;
        for _ in 0..40 {
            // A worker with a new disk is not let in before its old one can no longer be written.
            let process = &self.processes[worker];
            if process
                .session
                .is_none_or(|session| self.core.as_ref().unwrap().assigned(session).is_none())
            {
                self.open(worker);
            } else {
                began = began.or(Some(self.now));
                self.renew(worker);
            }
            while let Some(message) = self.messages.pop() {
                self.deliver(message);
            }
            self.poll(worker);
            while let Some(message) = self.messages.pop() {
                self.deliver(message);
            }
            self.release(worker);
            while let Some(message) = self.messages.pop() {
                self.deliver(message);
            }
            self.check();
            if began.is_some_and(|began| self.now > began + FENCED) {
                break;
            }
            self.step(Step::Pass(1_000));
        }
        assert!(began.is_some(), "the worker never gets in");
        let topology = self.core.as_ref().unwrap().topology(self.now);
        for (pipe, placement) in topology.pipes {
            match placement {
                Placement::Owned { worker: owner, .. } => assert_eq!(owner.0, name(worker)),
                Placement::Unplaced(why) => {
                    let waits = matches!(why, Unplaced::DiskAway | Unplaced::StateLost);
                    assert!(
                        waits && pipe.starts_with("push"),
                        "{pipe} is nowhere: {why:?}"
                    );
                }
            }
        }
    }
}
