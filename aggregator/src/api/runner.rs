//! Running everything until nothing changes: what the compatible client's `run`, `test` and `stop` call.

use super::answer::{self, Message};
use super::call::Call;
use super::error::Problem;
use super::time;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_protocol::{RunAll, RunnerLogLine, RunnerOutcome, RunnerStatus};
use std::borrow::Cow;

/// Where a run stands, or how it ended.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RunStatus {
    /// `success`, `failed`, `running` or `not-running`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_info: Option<String>,
    /// Names a run that was started and not waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<RunnerStatus> for RunStatus {
    fn from(status: RunnerStatus) -> Self {
        let (status, additional_info) = match status {
            RunnerStatus::NotRunning => ("not-running", None),
            RunnerStatus::Running => ("running", None),
            RunnerStatus::Ended(RunnerOutcome::Success) => ("success", None),
            RunnerStatus::Ended(RunnerOutcome::Failed(why)) => ("failed", Some(why)),
        };
        RunStatus {
            status,
            additional_info,
            token: None,
        }
    }
}

pub(crate) async fn run_all(call: Call) -> Result<Response, Problem> {
    let at_most =
        |name: &str| u32::try_from(call.number(name).unwrap_or_default()).unwrap_or(u32::MAX);
    let run = RunAll {
        extra_zero_runs: at_most("extra_zero_runs"),
        max_runs: at_most("max_runs"),
        max_run_time: call.number("max_run_time").unwrap_or_default(),
        delete_input_datasets: call.boolean("delete_input_datasets"),
        reset_pipes_and_delete_sink_datasets: call.boolean("reset_pipes_and_delete_sink_datasets"),
        check_input_pipes: call.boolean("check_input_pipes"),
        output_run_statistics: call.boolean("output_run_statistics"),
        pipes: call.optional_text("pipes").map(ids).unwrap_or_default(),
        together: None,
    };
    if call.text("request_mode") == "async" {
        let token = call.hub.worker.start_run_all(run, &call.user).await?;
        return answer::json(&RunStatus {
            status: "running",
            additional_info: None,
            token: Some(token),
        });
    }
    answer::json(&RunStatus::from(
        call.hub.worker.run_all(run, &call.user).await?,
    ))
}

fn ids(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What stopping did.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Stopped {
    /// `stopped`, or `not-running` where there was nothing to stop.
    status: &'static str,
}

pub(crate) async fn stop(call: Call) -> Result<Response, Problem> {
    let stopped = call
        .hub
        .worker
        .stop_run_all(call.number("terminate_timeout").unwrap_or_default())
        .await?;
    answer::json(&Stopped {
        status: if stopped { "stopped" } else { "not-running" },
    })
}

/// A line of a run's log.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LogLine {
    /// `since` of the next question.
    timestamp: String,
    loglevel: Cow<'static, str>,
    logdata: String,
}

impl From<RunnerLogLine> for LogLine {
    fn from(line: RunnerLogLine) -> Self {
        LogLine {
            timestamp: time::text(line.timestamp),
            loglevel: line.level,
            logdata: line.text,
        }
    }
}

pub(crate) async fn log(call: Call) -> Result<Response, Problem> {
    let since = match call.optional_text("since") {
        Some(text) => Some(
            time::parse(text)
                .ok_or_else(|| Problem::parameter("since", "the timestamp of a log line"))?,
        ),
        None => None,
    };
    let lines = call
        .hub
        .worker
        .run_all_log(since, call.optional_text("token"))
        .await?;
    Ok(answer::list(lines, LogLine::from))
}

pub(crate) async fn status(call: Call) -> Result<Response, Problem> {
    answer::json(&RunStatus::from(
        call.hub.worker.run_all_status(call.text("token")).await?,
    ))
}

pub(crate) async fn delete_all_sink_datasets(call: Call) -> Result<Response, Problem> {
    call.hub.worker.delete_all_sink_datasets(&call.user).await?;
    answer::json(&Message::OK)
}
