//! Reports of pipes and systems, operations of pumps.

use super::components::{diagnostics, texts, to_diagnostics, to_texts};
use super::damaged::{Damaged, required};
use super::json::optional_json;
use super::proto;
use crate::{
    CheckpointReport, LastRun, OperationKind, PipeReport, PipeState, PumpOperation, PumpRequest,
    Queues, SystemReport,
};
use sluice_entity::Json;

impl From<OperationKind> for proto::OperationKind {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Start => proto::OperationKind::Start,
            OperationKind::StartRescan => proto::OperationKind::StartRescan,
            OperationKind::Stop => proto::OperationKind::Stop,
            OperationKind::Enable => proto::OperationKind::Enable,
            OperationKind::Disable => proto::OperationKind::Disable,
            OperationKind::UpdateLastSeen => proto::OperationKind::UpdateLastSeen,
            OperationKind::SetLastSeenToEnd => proto::OperationKind::SetLastSeenToEnd,
            OperationKind::DiscardRetries => proto::OperationKind::DiscardRetries,
            OperationKind::Repost => proto::OperationKind::Repost,
        }
    }
}

fn operation(kind: i32, field: &str) -> Result<OperationKind, Damaged> {
    Ok(match proto::OperationKind::try_from(kind) {
        Ok(proto::OperationKind::Start) => OperationKind::Start,
        Ok(proto::OperationKind::StartRescan) => OperationKind::StartRescan,
        Ok(proto::OperationKind::Stop) => OperationKind::Stop,
        Ok(proto::OperationKind::Enable) => OperationKind::Enable,
        Ok(proto::OperationKind::Disable) => OperationKind::Disable,
        Ok(proto::OperationKind::UpdateLastSeen) => OperationKind::UpdateLastSeen,
        Ok(proto::OperationKind::SetLastSeenToEnd) => OperationKind::SetLastSeenToEnd,
        Ok(proto::OperationKind::DiscardRetries) => OperationKind::DiscardRetries,
        Ok(proto::OperationKind::Repost) => OperationKind::Repost,
        Ok(proto::OperationKind::Unspecified) | Err(_) => {
            return Err(Damaged::new(field, format!("unknown value {kind}")));
        }
    })
}

/// A pump operation going out.
pub(crate) fn to_operate_pump(pipe: &str, request: PumpRequest) -> proto::OperatePumpRequest {
    proto::OperatePumpRequest {
        pipe: pipe.to_owned(),
        kind: proto::OperationKind::from(request.operation.kind).into(),
        parameters: request.operation.parameters,
        user: request.user,
    }
}

/// A pump operation as it arrives: the pipe and what to do.
pub(crate) fn operate_pump(
    request: proto::OperatePumpRequest,
) -> Result<(String, PumpRequest), Damaged> {
    let operation = PumpOperation {
        kind: operation(request.kind, "kind")?,
        parameters: request.parameters,
    };
    let user = request.user;
    Ok((request.pipe, PumpRequest { operation, user }))
}

impl From<PipeState> for proto::PipeState {
    fn from(state: PipeState) -> Self {
        match state {
            PipeState::Deploying => proto::PipeState::Deploying,
            PipeState::Deployed => proto::PipeState::Deployed,
            PipeState::Removing => proto::PipeState::Removing,
        }
    }
}

fn state(state: i32) -> Result<PipeState, Damaged> {
    match proto::PipeState::try_from(state) {
        Ok(proto::PipeState::Deploying) => Ok(PipeState::Deploying),
        Ok(proto::PipeState::Deployed) => Ok(PipeState::Deployed),
        Ok(proto::PipeState::Removing) => Ok(PipeState::Removing),
        _ => Err(Damaged::new("state", format!("unknown value {state}"))),
    }
}

impl From<PipeReport> for proto::PipeReport {
    fn from(report: PipeReport) -> Self {
        let (original, effective) = to_texts(&report.original, &report.effective);
        let operations = report.supported_operations.into_iter();
        proto::PipeReport {
            id: report.id,
            origin: report.origin,
            original,
            effective,
            diagnostics: to_diagnostics(&report.diagnostics),
            valid: report.valid,
            state: proto::PipeState::from(report.state).into(),
            waiting_for: report.waiting_for,
            has_pump: report.has_pump,
            supported_operations: operations
                .map(|kind| proto::OperationKind::from(kind).into())
                .collect(),
            mode: report.mode.into_owned(),
            disabled: report.disabled,
            running: report.running,
            last_started: report.last_started,
            last_run: report.last_run.map(|run| proto::LastRun {
                started: run.started,
                finished: run.finished,
                success: run.success,
                message: run.message,
            }),
            next_run: report.next_run,
            average_process_time: report.average_process_time,
            last_seen: report.last_seen.as_ref().map(Json::to_string),
            queues: Some(proto::Queues {
                source: report.queues.source,
                dependencies: report.queues.dependencies,
                retries: report.queues.retries,
            }),
            reprocessing_reasons: report.reprocessing_reasons,
            dead_letter_dataset: report.dead_letter_dataset,
            dependencies: report.dependencies,
            sink_dataset: report.sink_dataset,
            storage: report.storage,
            checkpoint: report.checkpoint.map(|checkpoint| proto::CheckpointReport {
                number: checkpoint.number,
                made: checkpoint.made,
                whole: checkpoint.whole,
                problem: checkpoint.problem,
            }),
        }
    }
}

impl TryFrom<proto::PipeReport> for PipeReport {
    type Error = Damaged;

    fn try_from(report: proto::PipeReport) -> Result<Self, Damaged> {
        let (original, effective) = texts(&report.original, report.effective.as_ref())?;
        let operations = report
            .supported_operations
            .into_iter()
            .map(|kind| operation(kind, "supported_operations"));
        let queues = required(report.queues, "queues")?;
        Ok(PipeReport {
            id: report.id,
            origin: report.origin,
            original,
            effective,
            diagnostics: diagnostics(report.diagnostics)?,
            valid: report.valid,
            state: state(report.state)?,
            waiting_for: report.waiting_for,
            has_pump: report.has_pump,
            supported_operations: operations.collect::<Result<_, _>>()?,
            mode: report.mode.into(),
            disabled: report.disabled,
            running: report.running,
            last_started: report.last_started,
            last_run: report.last_run.map(|run| LastRun {
                started: run.started,
                finished: run.finished,
                success: run.success,
                message: run.message,
            }),
            next_run: report.next_run,
            average_process_time: report.average_process_time,
            last_seen: optional_json(report.last_seen.as_ref(), "last_seen")?,
            queues: Queues {
                source: queues.source,
                dependencies: queues.dependencies,
                retries: queues.retries,
            },
            reprocessing_reasons: report.reprocessing_reasons,
            dead_letter_dataset: report.dead_letter_dataset,
            dependencies: report.dependencies,
            sink_dataset: report.sink_dataset,
            storage: report.storage,
            checkpoint: report.checkpoint.map(|checkpoint| CheckpointReport {
                number: checkpoint.number,
                made: checkpoint.made,
                whole: checkpoint.whole,
                problem: checkpoint.problem,
            }),
        })
    }
}

impl From<SystemReport> for proto::SystemReport {
    fn from(report: SystemReport) -> Self {
        proto::SystemReport {
            id: report.id,
            reachable: report.reachable,
            message: report.message,
        }
    }
}

impl From<proto::SystemReport> for SystemReport {
    fn from(report: proto::SystemReport) -> Self {
        SystemReport {
            id: report.id,
            reachable: report.reachable,
            message: report.message,
        }
    }
}
