//! What a worker has to do, cut into parts that are bounded in bytes.

use super::damaged::{Damaged, Within, name, required};
use super::parts::parts;
use super::proto;
use super::whole::{Gather, same};
use crate::{Assigned, Duty, Epoch, Start, WorkerId};
use std::collections::btree_map::Entry;

impl From<&Start> for proto::Start {
    fn from(start: &Start) -> Self {
        use proto::start::Start as Sent;
        let start = match start {
            Start::Fresh => Sent::Fresh(proto::Fresh {}),
            Start::Local => Sent::Local(proto::Local {}),
            Start::HandOver {
                from,
                address,
                offset,
            } => Sent::HandOver(proto::HandOver {
                from: from.0.clone(),
                address: address.clone(),
                offset: *offset,
            }),
            Start::Restore { checkpoint } => Sent::Restore(proto::Restore {
                checkpoint: Some((*checkpoint).into()),
            }),
            Start::StartOver => Sent::StartOver(proto::StartOver {}),
        };
        proto::Start { start: Some(start) }
    }
}

impl TryFrom<proto::Start> for Start {
    type Error = Damaged;

    fn try_from(start: proto::Start) -> Result<Self, Damaged> {
        use proto::start::Start as Sent;
        Ok(match required(start.start, "start")? {
            Sent::Fresh(proto::Fresh {}) => Start::Fresh,
            Sent::Local(proto::Local {}) => Start::Local,
            Sent::HandOver(from) => Start::HandOver {
                from: WorkerId(name(from.from, "from").within("hand_over")?),
                address: from.address,
                offset: from.offset,
            },
            Sent::Restore(restore) => Start::Restore {
                checkpoint: required(restore.checkpoint, "checkpoint")
                    .within("restore")?
                    .into(),
            },
            Sent::StartOver(proto::StartOver {}) => Start::StartOver,
        })
    }
}

impl From<&Duty> for proto::duty::Duty {
    fn from(duty: &Duty) -> Self {
        match duty {
            Duty::Own { epoch, start } => proto::duty::Duty::Own(proto::Own {
                epoch: epoch.number(),
                start: Some(start.into()),
            }),
            Duty::Follow { from, address } => proto::duty::Duty::Follow(proto::Follow {
                from: from.0.clone(),
                address: address.clone(),
            }),
            Duty::Release { epoch, to } => proto::duty::Duty::Release(proto::Release {
                epoch: epoch.number(),
                to: to.0.clone(),
            }),
        }
    }
}

impl TryFrom<proto::duty::Duty> for Duty {
    type Error = Damaged;

    fn try_from(duty: proto::duty::Duty) -> Result<Self, Damaged> {
        Ok(match duty {
            proto::duty::Duty::Own(own) => Duty::Own {
                epoch: Epoch::from_number(own.epoch),
                start: required(own.start, "start")
                    .and_then(Start::try_from)
                    .within("own")?,
            },
            proto::duty::Duty::Follow(follow) => Duty::Follow {
                from: WorkerId(name(follow.from, "from").within("follow")?),
                address: follow.address,
            },
            proto::duty::Duty::Release(release) => Duty::Release {
                epoch: Epoch::from_number(release.epoch),
                to: WorkerId(name(release.to, "to").within("release")?),
            },
        })
    }
}

/// Everything a worker has to do as parts of about `page_bytes`; there is always one, and the last says so.
pub(crate) fn assigned_parts(assigned: &Assigned, page_bytes: usize) -> Vec<proto::AssignedPart> {
    let part = |duties| proto::AssignedPart {
        revision: assigned.revision,
        is_filling: assigned.is_filling,
        duties,
        last: false,
        format: assigned.format,
    };
    let duties = assigned.pipes.iter().map(|(pipe, duty)| proto::Duty {
        pipe: pipe.clone(),
        duty: Some(duty.into()),
    });
    let mut all: Vec<_> = parts(duties, page_bytes).into_iter().map(part).collect();
    if all.is_empty() {
        all.push(part(Vec::new()));
    }
    if let Some(last) = all.last_mut() {
        last.last = true;
    }
    all
}

/// What a worker has to do, on its way in.
#[derive(Default)]
pub(crate) struct GatheredAssigned {
    repeated: Option<(u64, bool, u32)>,
    assigned: Assigned,
}

impl Gather for GatheredAssigned {
    type Part = proto::AssignedPart;
    type Whole = Assigned;

    fn take(&mut self, part: proto::AssignedPart) -> Result<Option<Assigned>, Damaged> {
        let repeated = (part.revision, part.is_filling, part.format);
        same(&mut self.repeated, repeated, "revision, is_filling, format")?;
        let assigned = &mut self.assigned;
        assigned.revision = part.revision;
        assigned.is_filling = part.is_filling;
        assigned.format = part.format;
        for duty in part.duties {
            let pipe = name(duty.pipe, "pipe").within("duties")?;
            let duty = required(duty.duty, "duty").and_then(Duty::try_from);
            let duty = duty.within(&pipe).within("duties")?;
            match assigned.pipes.entry(pipe) {
                Entry::Vacant(place) => place.insert(duty),
                Entry::Occupied(place) => {
                    return Err(Damaged::new(place.key(), "there twice")).within("duties");
                }
            };
        }
        Ok(part.last.then(|| std::mem::take(self).assigned))
    }
}
