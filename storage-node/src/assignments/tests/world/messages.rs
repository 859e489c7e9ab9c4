//! What happens when a message arrives.

use super::*;

impl World {
    pub(super) fn deliver(&mut self, message: Message) {
        let now = self.now;
        match message {
            Message::Open(worker, boot, open, sent) => {
                let opened = self.decide(|core| core.open_session(open, now));
                if let Some(Ok(session)) = opened {
                    self.messages
                        .push(Message::Opened(worker, boot, session, sent));
                }
            }
            Message::Opened(worker, boot, session, sent) => {
                let process = &mut self.processes[worker];
                if process.boot == boot && session.incarnation >= process.disk.seen {
                    process.disk.seen = session.incarnation;
                    process.session = Some(session.id);
                    process.pending = Some(sent + session.lease);
                }
            }
            Message::Renew(worker, boot, session, sent) => {
                let renewal = Renewal {
                    session,
                    loads: Vec::new(),
                };
                if let Some(Ok(())) = self.decide(|core| core.renew(renewal, now)) {
                    let renewed = Message::Renewed(worker, boot, session, sent);
                    self.messages.push(renewed);
                }
            }
            Message::Renewed(worker, boot, session, sent) => {
                let process = &mut self.processes[worker];
                if process.boot == boot && process.session == Some(session) {
                    let deadline = process.pending.as_mut().unwrap_or(&mut process.deadline);
                    *deadline = (*deadline).max(sent + LEASE);
                }
            }
            Message::Leave(session) => {
                self.decide(|core| drop(core.leave(session, now)));
            }
            Message::Assigned(worker, boot, session, assigned) => {
                self.obey(worker, boot, session, assigned);
            }
            Message::Report(worker, boot, session, report) => {
                let reported = self.decide(|core| core.report(session, report.clone(), now));
                if let Some(Ok(())) = reported {
                    self.messages.push(Message::Reported(worker, boot, report));
                }
            }
            Message::Reported(worker, boot, report) => self.reported(worker, boot, report),
        }
    }

    pub(super) fn obey(
        &mut self,
        worker: usize,
        boot: u32,
        session: SessionId,
        assigned: Assigned,
    ) {
        let process = &mut self.processes[worker];
        if process.boot != boot || process.session != Some(session) {
            return;
        }
        if let Some(deadline) = process.pending.take() {
            let is_owned = |pipe: &String| assigned.pipes.get(pipe).and_then(Duty::owned).is_some();
            let keeps_all = process
                .duties
                .iter()
                .all(|(pipe, duty)| duty.owned().is_none() || is_owned(pipe));
            if self.now >= process.deadline || !keeps_all {
                process.duties.clear();
                process.begun.clear();
            }
            process.deadline = process.deadline.max(deadline);
        }
        let gone = process.duties.iter().filter_map(|(pipe, duty)| {
            let epoch = duty.owned()?;
            (!assigned.pipes.contains_key(pipe)).then(|| (pipe.clone(), epoch))
        });
        let gone: Vec<(String, Epoch)> = gone.collect();
        process.duties = assigned.pipes;
        let mut reports = Vec::new();
        for (pipe, epoch) in gone {
            let copy = process.disk.copies.entry(pipe.clone()).or_default();
            copy.released = copy.released.max(epoch);
            reports.push(Report::Released {
                offset: Some(copy.version),
                pipe,
                epoch,
            });
        }
        for report in reports {
            self.send(worker, report);
        }
    }

    /// The state arrives with the first commit, at the latest.
    pub(super) fn reported(&mut self, worker: usize, boot: u32, report: Report) {
        let Report::Committed { pipe, epoch } = report else {
            return;
        };
        let may_write = self
            .may_write(worker, &pipe)
            .filter(|(present, _)| *present == epoch);
        let Some((_, start)) = may_write.filter(|_| self.processes[worker].boot == boot) else {
            return;
        };
        if self.processes[worker].begun.get(&pipe) == Some(&epoch) {
            // It was said twice.
            return;
        }
        let newest = self.newest.get(&pipe).copied().unwrap_or_default();
        let version = match start {
            Start::Fresh => {
                let is_forgotten = self.forgotten.contains(&pipe);
                assert!(
                    newest == 0 || is_forgotten,
                    "{pipe} begins fresh after a commit"
                );
                newest
            }
            Start::StartOver => {
                assert!(!pipe.starts_with("push"), "{pipe} starts over by itself");
                newest
            }
            Start::Restore { checkpoint } => {
                assert_eq!(self.checkpoints.get(&pipe), Some(&checkpoint.number));
                newest
            }
            Start::HandOver { offset, .. } => {
                assert_eq!(
                    offset,
                    Some(newest),
                    "{pipe} is handed over with its newest state"
                );
                newest
            }
            Start::Local => return,
        };
        let process = &mut self.processes[worker];
        let copy = process.disk.copies.entry(pipe.clone()).or_default();
        (copy.version, copy.epoch) = (version + 1, epoch);
        self.newest.insert(pipe.clone(), version + 1);
        process.begun.insert(pipe, epoch);
    }
}
