//! Leave for destructive acts.

use super::damaged::{Damaged, Within, name, required};
use super::proto::{self, act::Act as Sent};
use crate::{Act, DiskId, Permit, PermitRequest, WorkerId};

impl From<Act> for proto::Act {
    fn from(act: Act) -> Self {
        let act = match act {
            Act::RetireWorker(worker) => Sent::RetireWorker(worker.0),
            Act::GiveUpDisk { disk, even_if_lost } => Sent::GiveUpDisk(proto::GiveUpDisk {
                disk: disk.0,
                even_if_lost,
            }),
        };
        proto::Act { act: Some(act) }
    }
}

fn act(act: Option<proto::Act>) -> Result<Act, Damaged> {
    let act = required(act.and_then(|act| act.act), "act")?;
    let act = match act {
        Sent::RetireWorker(worker) => {
            name(worker, "retire_worker").map(|worker| Act::RetireWorker(WorkerId(worker)))
        }
        Sent::GiveUpDisk(given) => {
            name(given.disk, "disk")
                .within("give_up_disk")
                .map(|disk| Act::GiveUpDisk {
                    disk: DiskId(disk),
                    even_if_lost: given.even_if_lost,
                })
        }
    };
    act.within("act")
}

impl From<PermitRequest> for proto::PermitRequest {
    fn from(request: PermitRequest) -> Self {
        proto::PermitRequest {
            operator_epoch: request.operator_epoch,
            act: Some(request.act.into()),
        }
    }
}

impl TryFrom<proto::PermitRequest> for PermitRequest {
    type Error = Damaged;

    fn try_from(request: proto::PermitRequest) -> Result<Self, Damaged> {
        Ok(PermitRequest {
            operator_epoch: request.operator_epoch,
            act: act(request.act)?,
        })
    }
}

impl From<Permit> for proto::Permit {
    fn from(permit: Permit) -> Self {
        proto::Permit {
            operator_epoch: permit.operator_epoch,
            act: Some(permit.act.into()),
        }
    }
}

impl TryFrom<proto::Permit> for Permit {
    type Error = Damaged;

    fn try_from(permit: proto::Permit) -> Result<Self, Damaged> {
        Ok(Permit {
            operator_epoch: permit.operator_epoch,
            act: act(permit.act)?,
        })
    }
}
