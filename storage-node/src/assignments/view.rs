//! What each worker has to do, and what everybody may know.

use super::{Core, Pipe};
use sluice_protocol::{
    Assigned, Duty, Flow, Moment, Placement, SessionId, Topology, Unplaced, WorkerId,
};
use std::collections::BTreeMap;

impl Core {
    /// Whether something may look otherwise than at the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// What the worker of a session has to do; `None` when the session has ended.
    pub(crate) fn assigned(&self, session: SessionId) -> Option<Assigned> {
        let (worker, known) = self.workers.of_session(session)?;
        let disk = &known.record.disk;
        let duties = self.pipes.iter().filter_map(|(id, pipe)| {
            pipe.spec.as_ref()?;
            let owner = pipe.record.owner.as_ref()?;
            let epoch = pipe.record.epoch;
            let duty = match &pipe.moving {
                Some(moving) if owner.disk == *disk && moving.is_releasing => Duty::Release {
                    epoch,
                    to: moving.to.clone(),
                },
                Some(moving) if moving.to == *worker => Duty::Follow {
                    from: owner.worker.clone(),
                    address: self.address(&owner.worker),
                },
                _ if owner.disk == *disk => Duty::Own {
                    epoch,
                    start: owner.start.clone(),
                },
                _ => return None,
            };
            Some((id.clone(), duty))
        });
        Some(Assigned {
            revision: self.revision,
            is_filling: self.counters.is_filling,
            format: self.format,
            pipes: duties.collect(),
        })
    }

    /// The sessions that go on.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        let sessions = self
            .workers
            .iter()
            .filter_map(|(_, worker)| worker.session.as_ref());
        sessions.map(|session| session.id)
    }

    /// Pipes and workers.
    pub(crate) fn topology(&self, now: Moment) -> Topology {
        let pipes = self.pipes.iter().filter(|(_, pipe)| pipe.spec.is_some());
        Topology {
            incarnation: self.counters.incarnation,
            revision: self.revision,
            format: self.format,
            pipes: pipes
                .map(|(id, pipe)| (id.clone(), self.placement(pipe)))
                .collect(),
            workers: self.workers.facts(now),
            flows: self.flows(),
        }
    }

    /// What the present owners said.
    fn flows(&self) -> BTreeMap<String, Flow> {
        let configured = self.pipes.iter().filter(|(_, pipe)| pipe.spec.is_some());
        let flows = configured.filter_map(|(id, pipe)| {
            let (epoch, flow) = pipe.flow.as_ref()?;
            pipe.owner_at(*epoch)?;
            Some((id.clone(), flow.clone()))
        });
        flows.collect()
    }

    fn placement(&self, pipe: &Pipe) -> Placement {
        match (&pipe.record.owner, pipe.unplaced) {
            (Some(owner), None) => Placement::Owned {
                worker: owner.worker.clone(),
                epoch: pipe.record.epoch,
                address: self.address(&owner.worker),
                moves_to: pipe.moving.as_ref().map(|moving| moving.to.clone()),
                restoring: pipe.restoring,
            },
            (_, why) => Placement::Unplaced(why.unwrap_or(Unplaced::NoWorker)),
        }
    }

    fn address(&self, worker: &WorkerId) -> String {
        let worker = self.workers.get(worker);
        worker
            .map(|worker| worker.address.clone())
            .unwrap_or_default()
    }
}
