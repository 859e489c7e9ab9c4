//! What the hub is written in, which roles read what, and finalizing it.

use super::answer;
use super::call::Call;
use super::error::Problem;
use super::time;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_protocol::{FormatRange, FormatReport, WorkerFormats};
use std::collections::BTreeMap;

/// How the hub stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct HubFormat {
    /// What everything is written in. Versions that do not read it cannot come back.
    format: u32,
    /// What the storage node reads.
    reads: Range,
    /// What each worker reads.
    workers: BTreeMap<String, WorkerFormat>,
    /// When the hub is finalized in a later format by itself, if nothing changes.
    finalizes: Option<String>,
}

/// Formats, both ends included.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Range {
    oldest: u32,
    newest: u32,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct WorkerFormat {
    /// As it said last; nothing if it was not heard of since the storage node started.
    reads: Option<Range>,
    /// It is there.
    is_present: bool,
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let report = call.hub.storage.format().await?;
    answer::json(&HubFormat::from(report))
}

pub(crate) async fn finalize(call: Call) -> Result<Response, Problem> {
    let report = call.hub.storage.finalize(&call.user).await?;
    tracing::warn!(user = %call.user, format = report.format, "the hub is finalized");
    answer::json(&HubFormat::from(report))
}

impl From<FormatReport> for HubFormat {
    fn from(report: FormatReport) -> Self {
        let workers = report.workers.into_iter();
        HubFormat {
            format: report.format,
            reads: report.reads.into(),
            workers: workers.map(|(id, worker)| (id.0, worker.into())).collect(),
            finalizes: report.finalizes.map(time::text),
        }
    }
}

impl From<FormatRange> for Range {
    fn from(range: FormatRange) -> Self {
        Range {
            oldest: range.oldest,
            newest: range.newest,
        }
    }
}

impl From<WorkerFormats> for WorkerFormat {
    fn from(worker: WorkerFormats) -> Self {
        WorkerFormat {
            reads: worker.reads.map(Into::into),
            is_present: worker.is_present,
        }
    }
}
