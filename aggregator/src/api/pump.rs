//! The pump of a pipe: its state, and what it can be told to do (PU16).

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::pipe_view::Pump;
use axum::response::Response;
use sluice_entity::Json;
use sluice_protocol::{OperationKind, PumpOperation, PumpRequest};

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    answer::json(&Pump::new(
        call.hub.worker.pipe(call.text("pipe_id")).await?,
    ))
}

pub(crate) async fn operate(mut call: Call) -> Result<Response, Problem> {
    let pipe = call.text("pipe_id").to_owned();
    let report = call.hub.worker.pipe(&pipe).await?;
    let wanted = call.text("operation").to_owned();
    let kind = OperationKind::parse(&wanted)
        .filter(|_| report.has_pump)
        .ok_or_else(|| unsupported(&pipe, &wanted))?;
    // A pump that runs does not offer `start`, and says so with a conflict.
    let starts = matches!(kind, OperationKind::Start | OperationKind::StartRescan);
    let takes = report.supported_operations.contains(&kind) || (starts && report.running);
    if !takes {
        return Err(unsupported(&pipe, &wanted));
    }
    let mut parameters = std::mem::take(&mut call.others);
    for name in ["last-seen", "comment", "entity-ids"] {
        if let Some(value) = call.optional_text(name) {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    }
    parameters.insert(
        "allow-mass-delete".to_owned(),
        call.boolean("allow-mass-delete").to_string(),
    );
    let request = PumpRequest {
        operation: PumpOperation { kind, parameters },
        user: call.user.clone(),
    };
    match call.hub.worker.operate_pump(&pipe, request).await {
        Ok(report) => answer::json(&Pump::new(report)),
        Err(error) => Err(with_pump(&call, &pipe, Problem::from(error)).await),
    }
}

fn unsupported(pipe: &str, operation: &str) -> Problem {
    // Clients look for these words.
    let detail =
        format!("the pump of the pipe \"{pipe}\" doesn't support the operation \"{operation}\"");
    Problem::invalid("unsupported-operation", detail).with("operation", operation)
}

/// Clients read the pump from the body of a conflict ("already running").
async fn with_pump(call: &Call, pipe: &str, problem: Problem) -> Problem {
    if !problem.is_conflict() {
        return problem;
    }
    let Ok(report) = call.hub.worker.pipe(pipe).await else {
        return problem;
    };
    let limits = super::limits_for_json(&call.hub.settings.limits);
    let printed = serde_json::to_vec(&Pump::new(report)).unwrap_or_default();
    match Json::parse(&printed, &limits) {
        Ok(Json::Object(members)) => {
            members
                .into_iter()
                .fold(problem, |problem, (name, value)| match name.as_str() {
                    "_id" => problem.with("_id", value),
                    "runtime" => problem.with("runtime", value),
                    _ => problem,
                })
        }
        _ => problem,
    }
}
