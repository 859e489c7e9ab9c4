//! Sessions: how they are opened, answered and renewed.

use super::damaged::{Damaged, Within, name, required};
use super::proto;
use crate::{
    BootId, Checkpoint, Departure, DiskId, Epoch, FormatRange, Formats, HeldPipe, Incarnation,
    OpenSession, PipeLoad, Renewal, Session, SessionId, WorkerId,
};
use std::time::Duration;

/// An incarnation as it arrives.
pub(super) fn incarnation(number: u32, field: &str) -> Result<Incarnation, Damaged> {
    Incarnation::new(number)
        .ok_or_else(|| Damaged::new(field, format!("{number} has more than 24 bits")))
}

impl From<FormatRange> for proto::FormatRange {
    fn from(range: FormatRange) -> Self {
        proto::FormatRange {
            oldest: range.oldest,
            newest: range.newest,
        }
    }
}

pub(super) fn range(
    range: Option<proto::FormatRange>,
    field: &str,
) -> Result<Option<FormatRange>, Damaged> {
    let Some(proto::FormatRange { oldest, newest }) = range else {
        return Ok(None);
    };
    if oldest > newest {
        let what = format!("{oldest} to {newest} is no range");
        return Err(Damaged::new(field, what));
    }
    Ok(Some(FormatRange { oldest, newest }))
}

impl From<Checkpoint> for proto::Checkpoint {
    fn from(checkpoint: Checkpoint) -> Self {
        proto::Checkpoint {
            number: checkpoint.number,
            format: checkpoint.format,
        }
    }
}

impl From<proto::Checkpoint> for Checkpoint {
    fn from(checkpoint: proto::Checkpoint) -> Self {
        Checkpoint {
            number: checkpoint.number,
            format: checkpoint.format,
        }
    }
}

impl From<HeldPipe> for proto::HeldPipe {
    fn from(held: HeldPipe) -> Self {
        proto::HeldPipe {
            pipe: held.pipe,
            epoch: held.epoch.number(),
            offset: held.offset,
            checkpoint: held.checkpoint.map(Into::into),
        }
    }
}

impl TryFrom<proto::HeldPipe> for HeldPipe {
    type Error = Damaged;

    fn try_from(held: proto::HeldPipe) -> Result<Self, Damaged> {
        Ok(HeldPipe {
            pipe: name(held.pipe, "pipe")?,
            epoch: Epoch::from_number(held.epoch),
            offset: held.offset,
            checkpoint: held.checkpoint.map(Into::into),
        })
    }
}

impl From<OpenSession> for proto::OpenSessionRequest {
    fn from(open: OpenSession) -> Self {
        proto::OpenSessionRequest {
            worker: open.worker.0,
            disk: open.disk.0,
            boot: open.boot.0,
            address: open.address,
            seen: open.seen.number(),
            formats: Some(proto::Formats {
                checkpoints: open.formats.checkpoints.map(Into::into),
                change_streams: open.formats.change_streams.map(Into::into),
                replicas: open.formats.replicas.map(Into::into),
                hub: open.formats.hub.map(Into::into),
            }),
            format: open.format,
            pipes: open.pipes.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<proto::OpenSessionRequest> for OpenSession {
    type Error = Damaged;

    fn try_from(open: proto::OpenSessionRequest) -> Result<Self, Damaged> {
        let formats = required(open.formats, "formats")?;
        let formats = Formats {
            checkpoints: range(formats.checkpoints, "checkpoints").within("formats")?,
            change_streams: range(formats.change_streams, "change_streams").within("formats")?,
            replicas: range(formats.replicas, "replicas").within("formats")?,
            hub: range(formats.hub, "hub").within("formats")?,
        };
        let pipes = open.pipes.into_iter().map(HeldPipe::try_from);
        Ok(OpenSession {
            worker: WorkerId(name(open.worker, "worker")?),
            disk: DiskId(name(open.disk, "disk")?),
            boot: BootId(name(open.boot, "boot")?),
            address: open.address,
            seen: incarnation(open.seen, "seen")?,
            formats,
            format: open.format,
            pipes: pipes.collect::<Result<_, _>>().within("pipes")?,
        })
    }
}

/// Longer than anything that is waited for.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Time that somebody waits: without any, it would be done over and over.
fn time(nanoseconds: u64, field: &str) -> Result<Duration, Damaged> {
    match nanoseconds {
        0 => Err(Damaged::new(field, "missing")),
        some => Ok(Duration::from_nanos(some)),
    }
}

impl From<Session> for proto::Session {
    fn from(session: Session) -> Self {
        proto::Session {
            id: session.id.0,
            incarnation: session.incarnation.number(),
            lease: nanoseconds(session.lease),
            renew_every: nanoseconds(session.renew_every),
        }
    }
}

impl TryFrom<proto::Session> for Session {
    type Error = Damaged;

    fn try_from(session: proto::Session) -> Result<Self, Damaged> {
        Ok(Session {
            id: SessionId(session.id),
            incarnation: incarnation(session.incarnation, "incarnation")?,
            lease: time(session.lease, "lease")?,
            renew_every: time(session.renew_every, "renew_every")?,
        })
    }
}

impl From<Departure> for proto::Departure {
    fn from(departure: Departure) -> Self {
        proto::Departure {
            pipes: departure.pipes,
        }
    }
}

impl From<proto::Departure> for Departure {
    fn from(departure: proto::Departure) -> Self {
        Departure {
            pipes: departure.pipes,
        }
    }
}

impl From<Renewal> for proto::RenewRequest {
    fn from(renewal: Renewal) -> Self {
        let loads = renewal.loads.into_iter().map(|load| proto::PipeLoad {
            pipe: load.pipe,
            weight: load.weight,
            bytes: load.bytes,
        });
        proto::RenewRequest {
            session: renewal.session.0,
            loads: loads.collect(),
        }
    }
}

impl TryFrom<proto::RenewRequest> for Renewal {
    type Error = Damaged;

    fn try_from(renewal: proto::RenewRequest) -> Result<Self, Damaged> {
        let loads = renewal.loads.into_iter().map(|load| {
            Ok(PipeLoad {
                pipe: name(load.pipe, "pipe")?,
                weight: load.weight,
                bytes: load.bytes,
            })
        });
        Ok(Renewal {
            session: SessionId(renewal.session),
            loads: loads.collect::<Result<_, _>>().within("loads")?,
        })
    }
}
