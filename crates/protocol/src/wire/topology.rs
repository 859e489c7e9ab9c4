//! The topology, cut into parts that are bounded in bytes.

use super::damaged::{Damaged, Within, name, required};
use super::parts::parts;
use super::proto;
use super::reports::{flow, to_flow};
use super::sessions::incarnation;
use super::whole::{Gather, same};
use crate::{
    DiskId, Epoch, Isolation, Liveness, Placement, Standing, Topology, Unplaced, WorkerFacts,
    WorkerId,
};

impl From<Liveness> for proto::Liveness {
    fn from(liveness: Liveness) -> Self {
        match liveness {
            Liveness::Live => proto::Liveness::Live,
            Liveness::Suspect => proto::Liveness::Suspect,
            Liveness::Lost => proto::Liveness::Lost,
        }
    }
}

fn liveness(number: i32) -> Result<Liveness, Damaged> {
    match proto::Liveness::try_from(number) {
        Ok(proto::Liveness::Live) => Ok(Liveness::Live),
        Ok(proto::Liveness::Suspect) => Ok(Liveness::Suspect),
        Ok(proto::Liveness::Lost) => Ok(Liveness::Lost),
        Ok(proto::Liveness::Unspecified) | Err(_) => Err(unknown("liveness", number)),
    }
}

impl From<Standing> for proto::Standing {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Active => proto::Standing::Active,
            Standing::Cordoned => proto::Standing::Cordoned,
            Standing::Draining => proto::Standing::Draining,
            Standing::Retired => proto::Standing::Retired,
        }
    }
}

/// A standing as it arrives.
pub(crate) fn standing(number: i32) -> Result<Standing, Damaged> {
    match proto::Standing::try_from(number) {
        Ok(proto::Standing::Active) => Ok(Standing::Active),
        Ok(proto::Standing::Cordoned) => Ok(Standing::Cordoned),
        Ok(proto::Standing::Draining) => Ok(Standing::Draining),
        Ok(proto::Standing::Retired) => Ok(Standing::Retired),
        Ok(proto::Standing::Unspecified) | Err(_) => Err(unknown("standing", number)),
    }
}

impl From<Isolation> for proto::Isolation {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::Shared => proto::Isolation::Shared,
            Isolation::Dedicated => proto::Isolation::Dedicated,
        }
    }
}

/// An isolation as it arrives.
pub(crate) fn isolation(number: i32) -> Result<Isolation, Damaged> {
    match proto::Isolation::try_from(number) {
        Ok(proto::Isolation::Shared) => Ok(Isolation::Shared),
        Ok(proto::Isolation::Dedicated) => Ok(Isolation::Dedicated),
        Ok(proto::Isolation::Unspecified) | Err(_) => Err(unknown("isolation", number)),
    }
}

impl From<Unplaced> for proto::Unplaced {
    fn from(unplaced: Unplaced) -> Self {
        match unplaced {
            Unplaced::NoWorker => proto::Unplaced::NoWorker,
            Unplaced::OwnerMayWrite => proto::Unplaced::OwnerMayWrite,
            Unplaced::DiskAway => proto::Unplaced::DiskAway,
            Unplaced::StateLost => proto::Unplaced::StateLost,
        }
    }
}

fn unplaced(number: i32) -> Result<Unplaced, Damaged> {
    match proto::Unplaced::try_from(number) {
        Ok(proto::Unplaced::NoWorker) => Ok(Unplaced::NoWorker),
        Ok(proto::Unplaced::OwnerMayWrite) => Ok(Unplaced::OwnerMayWrite),
        Ok(proto::Unplaced::DiskAway) => Ok(Unplaced::DiskAway),
        Ok(proto::Unplaced::StateLost) => Ok(Unplaced::StateLost),
        Ok(proto::Unplaced::Unspecified) | Err(_) => Err(unknown("unplaced", number)),
    }
}

fn unknown(field: &str, number: i32) -> Damaged {
    Damaged::new(field, format!("unknown value {number}"))
}

fn to_placement(placement: &Placement) -> proto::placed_pipe::Placement {
    match placement {
        Placement::Owned {
            worker,
            epoch,
            address,
            moves_to,
            restoring,
        } => proto::placed_pipe::Placement::Owned(proto::Owned {
            worker: worker.0.clone(),
            epoch: epoch.number(),
            address: address.clone(),
            moves_to: moves_to.as_ref().map(|to| to.0.clone()),
            restoring: restoring.map(|(fetched, total)| proto::Fetched { fetched, total }),
        }),
        Placement::Unplaced(why) => {
            proto::placed_pipe::Placement::Unplaced(proto::Unplaced::from(*why).into())
        }
    }
}

fn placement(placement: proto::placed_pipe::Placement) -> Result<Placement, Damaged> {
    let owned = match placement {
        proto::placed_pipe::Placement::Owned(owned) => owned,
        proto::placed_pipe::Placement::Unplaced(why) => {
            return unplaced(why).map(Placement::Unplaced);
        }
    };
    let moves_to = owned.moves_to.map(|to| name(to, "moves_to")).transpose();
    Ok(Placement::Owned {
        worker: WorkerId(name(owned.worker, "worker").within("owned")?),
        epoch: Epoch::from_number(owned.epoch),
        address: owned.address,
        moves_to: moves_to.within("owned")?.map(WorkerId),
        restoring: owned.restoring.map(|part| (part.fetched, part.total)),
    })
}

fn facts(facts: proto::WorkerFacts) -> Result<WorkerFacts, Damaged> {
    Ok(WorkerFacts {
        address: facts.address,
        disk: DiskId(name(facts.disk, "disk")?),
        liveness: liveness(facts.liveness)?,
        standing: standing(facts.standing)?,
    })
}

/// A topology as parts of about `page_bytes`; there is always one, and the last says so.
pub(crate) fn topology_parts(topology: &Topology, page_bytes: usize) -> Vec<proto::TopologyPart> {
    let empty = proto::TopologyPart {
        incarnation: topology.incarnation.number(),
        revision: topology.revision,
        format: topology.format,
        ..Default::default()
    };
    let workers = topology.workers.iter();
    let workers = workers.map(|(worker, facts)| proto::WorkerFacts {
        worker: worker.0.clone(),
        address: facts.address.clone(),
        disk: facts.disk.0.clone(),
        liveness: proto::Liveness::from(facts.liveness).into(),
        standing: proto::Standing::from(facts.standing).into(),
    });
    let pipes = topology.pipes.iter();
    let pipes = pipes.map(|(pipe, placement)| proto::PlacedPipe {
        pipe: pipe.clone(),
        placement: Some(to_placement(placement)),
    });
    let workers = parts(workers, page_bytes).into_iter();
    let workers = workers.map(|workers| proto::TopologyPart {
        workers,
        ..empty.clone()
    });
    let pipes = parts(pipes, page_bytes).into_iter();
    let pipes = pipes.map(|pipes| proto::TopologyPart {
        pipes,
        ..empty.clone()
    });
    let flows = topology.flows.iter();
    let flows = flows.map(|(pipe, flow)| to_flow(pipe.clone(), Epoch::NONE, flow.clone()));
    let flows = parts(flows, page_bytes).into_iter();
    let flows = flows.map(|flows| proto::TopologyPart {
        flows,
        ..empty.clone()
    });
    let mut all: Vec<_> = workers.chain(pipes).chain(flows).collect();
    if all.is_empty() {
        all.push(empty);
    }
    if let Some(last) = all.last_mut() {
        last.last = true;
    }
    all
}

/// A topology on its way in.
#[derive(Default)]
pub(crate) struct GatheredTopology {
    repeated: Option<(u32, u64, u32)>,
    topology: Topology,
}

impl Gather for GatheredTopology {
    type Part = proto::TopologyPart;
    type Whole = Topology;

    fn take(&mut self, part: proto::TopologyPart) -> Result<Option<Topology>, Damaged> {
        let repeated = (part.incarnation, part.revision, part.format);
        same(
            &mut self.repeated,
            repeated,
            "incarnation, revision, format",
        )?;
        let topology = &mut self.topology;
        topology.incarnation = incarnation(part.incarnation, "incarnation")?;
        topology.revision = part.revision;
        topology.format = part.format;
        for mut sent in part.workers {
            let worker = name(std::mem::take(&mut sent.worker), "worker").within("workers")?;
            let facts = facts(sent).within(&worker).within("workers")?;
            let before = topology.workers.insert(WorkerId(worker.clone()), facts);
            once(before, &worker).within("workers")?;
        }
        for sent in part.pipes {
            let pipe = name(sent.pipe, "pipe").within("pipes")?;
            let place = required(sent.placement, "placement").and_then(placement);
            let place = place.within(&pipe).within("pipes")?;
            let before = topology.pipes.insert(pipe.clone(), place);
            once(before, &pipe).within("pipes")?;
        }
        for sent in part.flows {
            let (pipe, _, flow) = flow(sent).within("flows")?;
            let before = topology.flows.insert(pipe.clone(), flow);
            once(before, &pipe).within("flows")?;
        }
        Ok(part.last.then(|| std::mem::take(self).topology))
    }
}

fn once<T>(before: Option<T>, name: &str) -> Result<(), Damaged> {
    match before {
        None => Ok(()),
        Some(_) => Err(Damaged::new(name, "there twice")),
    }
}
