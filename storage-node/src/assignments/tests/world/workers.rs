//! What workers do by themselves.

use super::*;

impl World {
    pub(super) fn open(&mut self, worker: usize) {
        let process = &self.processes[worker];
        let held = process
            .disk
            .copies
            .iter()
            .filter(|(_, copy)| copy.version > 0 && copy.released < copy.epoch);
        let held = held.map(|(pipe, copy)| HeldPipe {
            pipe: pipe.clone(),
            epoch: copy.epoch,
            offset: Some(copy.version),
            checkpoint: None,
        });
        let open = OpenSession {
            disk: DiskId(format!("disk {}", process.disk.number)),
            seen: process.disk.seen,
            ..opening(&name(worker), held.collect())
        };
        let (boot, now) = (process.boot, self.now);
        self.messages.push(Message::Open(worker, boot, open, now));
    }

    pub(super) fn renew(&mut self, worker: usize) {
        let process = &self.processes[worker];
        if let Some(session) = process.session {
            let message = Message::Renew(worker, process.boot, session, self.now);
            self.messages.push(message);
        }
    }

    pub(super) fn leave(&mut self, worker: usize) {
        if let Some(session) = self.processes[worker].session {
            self.messages.push(Message::Leave(session));
        }
    }

    pub(super) fn poll(&mut self, worker: usize) {
        let process = &self.processes[worker];
        let (Some(session), Some(core)) = (process.session, &self.core) else {
            return;
        };
        if let Some(assigned) = core.assigned(session) {
            let message = Message::Assigned(worker, process.boot, session, assigned);
            self.messages.push(message);
        }
    }

    pub(super) fn send(&mut self, worker: usize, report: Report) {
        let process = &self.processes[worker];
        if let Some(session) = process.session {
            let message = Message::Report(worker, process.boot, session, report);
            self.messages.push(message);
        }
    }

    /// The epoch under which a worker may write a pipe now.
    pub(super) fn may_write(&self, worker: usize, pipe: &str) -> Option<(Epoch, Start)> {
        let process = &self.processes[worker];
        let Some(Duty::Own { epoch, start }) = process.duties.get(pipe) else {
            return None;
        };
        let copy = process.disk.copies.get(pipe).copied().unwrap_or_default();
        (self.now < process.deadline && *epoch > copy.released).then(|| (*epoch, start.clone()))
    }

    pub(super) fn write(&mut self, worker: usize, pipe: &str) {
        let Some((epoch, start)) = self.may_write(worker, pipe) else {
            return;
        };
        let process = &self.processes[worker];
        let is_begun = process.begun.get(pipe) == Some(&epoch) || start == Start::Local;
        if !is_begun {
            let pipe = pipe.to_owned();
            self.send(worker, Report::Committed { pipe, epoch });
            return;
        }
        let newest = self.newest.entry(pipe.to_owned()).or_default();
        *newest += 1;
        let copy = self.processes[worker]
            .disk
            .copies
            .entry(pipe.to_owned())
            .or_default();
        (copy.version, copy.epoch) = (*newest, epoch);
    }

    pub(super) fn level(&mut self, worker: usize, pipe: &str) {
        if let Some(Duty::Follow { .. }) = self.processes[worker].duties.get(pipe) {
            let pipe = pipe.to_owned();
            self.send(worker, Report::Level { pipe });
        }
    }

    /// Gives back what the worker is told to, or what it is not told to have any more; and says again what was not heard.
    pub(super) fn release(&mut self, worker: usize) {
        let process = &mut self.processes[worker];
        if process.session.is_none() || process.duties.is_empty() && process.disk.copies.is_empty()
        {
            return;
        }
        let mut reports = Vec::new();
        for (pipe, duty) in &process.duties {
            let copy = process.disk.copies.entry(pipe.clone()).or_default();
            let epoch = match duty {
                Duty::Release { epoch, .. } => *epoch,
                Duty::Own { epoch, .. } if *epoch <= copy.released => *epoch,
                _ => continue,
            };
            copy.released = copy.released.max(epoch);
            reports.push(Report::Released {
                pipe: pipe.clone(),
                epoch,
                offset: Some(copy.version),
            });
        }
        for report in reports {
            self.send(worker, report);
        }
    }

    pub(super) fn checkpoint(&mut self, worker: usize, pipe: &str) {
        let Some((epoch, _)) = self.may_write(worker, pipe) else {
            return;
        };
        let copy = self.processes[worker].disk.copies.get(pipe).copied();
        let Some(copy) = copy.filter(|copy| copy.version > 0 && copy.epoch == epoch) else {
            return;
        };
        self.checkpoints.insert(pipe.to_owned(), copy.version);
        let checkpoint = Checkpoint {
            number: copy.version,
            format: 1,
        };
        let pipe = pipe.to_owned();
        let report = Report::Checkpointed {
            pipe,
            epoch,
            checkpoint,
        };
        self.send(worker, report);
    }
}
