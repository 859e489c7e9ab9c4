//! What a worker says of its pipes.

use super::damaged::{Damaged, Within, name, required};
use super::proto::{self, report::Report as Sent};
use crate::{Durable, Epoch, Flow, PipeFlow, Report, SessionId};

/// A report going out.
pub(crate) fn to_report(session: SessionId, report: Report) -> proto::ReportRequest {
    let report = match report {
        Report::Committed { pipe, epoch } => Sent::Committed(proto::Committed {
            pipe,
            epoch: epoch.number(),
        }),
        Report::Released {
            pipe,
            epoch,
            offset,
        } => Sent::Released(proto::Released {
            pipe,
            epoch: epoch.number(),
            offset,
        }),
        Report::Level { pipe } => Sent::Level(proto::LevelWithOwner { pipe }),
        Report::Restoring {
            pipe,
            epoch,
            fetched,
            total,
        } => Sent::Restoring(proto::Restoring {
            pipe,
            epoch: epoch.number(),
            fetched,
            total,
        }),
        Report::CannotStart {
            pipe,
            epoch,
            reason,
        } => Sent::CannotStart(proto::CannotStart {
            pipe,
            epoch: epoch.number(),
            reason,
        }),
        Report::Checkpointed {
            pipe,
            epoch,
            checkpoint,
        } => Sent::Checkpointed(proto::Checkpointed {
            pipe,
            epoch: epoch.number(),
            checkpoint: Some(checkpoint.into()),
        }),
        Report::Flowing { flows } => Sent::Flowing(proto::Flowing {
            flows: flows
                .into_iter()
                .map(|one| to_flow(one.pipe, one.epoch, one.flow))
                .collect(),
        }),
    };
    proto::ReportRequest {
        session: session.0,
        report: Some(proto::Report {
            report: Some(report),
        }),
    }
}

/// A report as it arrives: in which session, and what.
pub(crate) fn report(request: proto::ReportRequest) -> Result<(SessionId, Report), Damaged> {
    let report = required(request.report.and_then(|report| report.report), "report")?;
    let report = understood(report).within("report")?;
    Ok((SessionId(request.session), report))
}

/// How a pipe does, going out.
pub(super) fn to_flow(pipe: String, epoch: Epoch, flow: Flow) -> proto::PipeFlow {
    proto::PipeFlow {
        pipe,
        epoch: epoch.number(),
        configuration: flow.configuration,
        is_failing: flow.is_failing,
        durable: proto::Durable::from(flow.durable).into(),
    }
}

impl From<Durable> for proto::Durable {
    fn from(durable: Durable) -> Self {
        match durable {
            Durable::NotSaid => proto::Durable::Unspecified,
            Durable::NoCheckpoint => proto::Durable::NoCheckpoint,
            Durable::Checkpointed => proto::Durable::Checkpointed,
            Durable::Failing => proto::Durable::Failing,
        }
    }
}

/// What a later version says that this one does not know is nothing said.
fn durable(sent: i32) -> Durable {
    match proto::Durable::try_from(sent) {
        Ok(proto::Durable::NoCheckpoint) => Durable::NoCheckpoint,
        Ok(proto::Durable::Checkpointed) => Durable::Checkpointed,
        Ok(proto::Durable::Failing) => Durable::Failing,
        Ok(proto::Durable::Unspecified) | Err(_) => Durable::NotSaid,
    }
}

/// How a pipe does, as it arrives.
pub(super) fn flow(sent: proto::PipeFlow) -> Result<(String, Epoch, Flow), Damaged> {
    let flow = Flow {
        configuration: sent.configuration,
        is_failing: sent.is_failing,
        durable: durable(sent.durable),
    };
    let pipe = name(sent.pipe, "pipe")?;
    Ok((pipe, Epoch::from_number(sent.epoch), flow))
}

fn understood(report: Sent) -> Result<Report, Damaged> {
    let pipe = |pipe| name(pipe, "pipe");
    Ok(match report {
        Sent::Committed(report) => Report::Committed {
            pipe: pipe(report.pipe)?,
            epoch: Epoch::from_number(report.epoch),
        },
        Sent::Released(report) => Report::Released {
            pipe: pipe(report.pipe)?,
            epoch: Epoch::from_number(report.epoch),
            offset: report.offset,
        },
        Sent::Level(report) => Report::Level {
            pipe: pipe(report.pipe)?,
        },
        Sent::Restoring(report) => Report::Restoring {
            pipe: pipe(report.pipe)?,
            epoch: Epoch::from_number(report.epoch),
            fetched: report.fetched,
            total: report.total,
        },
        Sent::CannotStart(report) => Report::CannotStart {
            pipe: pipe(report.pipe)?,
            epoch: Epoch::from_number(report.epoch),
            reason: report.reason,
        },
        Sent::Checkpointed(report) => Report::Checkpointed {
            pipe: pipe(report.pipe)?,
            epoch: Epoch::from_number(report.epoch),
            checkpoint: required(report.checkpoint, "checkpoint")?.into(),
        },
        Sent::Flowing(report) => {
            let flows = report.flows.into_iter().map(flow);
            let flows = flows.map(|found| {
                let (pipe, epoch, flow) = found?;
                Ok(PipeFlow { pipe, epoch, flow })
            });
            Report::Flowing {
                flows: flows.collect::<Result<_, Damaged>>().within("flows")?,
            }
        }
    })
}
