//! Datasets: list, show, remove (DS1-DS9).

use super::answer;
use super::call::Call;
use super::configuration_log;
use super::error::Problem;
use super::time;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_protocol::DatasetReport;
use std::borrow::Cow;

/// A dataset.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Dataset {
    #[serde(rename = "_id")]
    id: String,
    r#type: &'static str,
    runtime: DatasetRuntime,
    /// Bytes of all bodies in the log, before compression.
    storage: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct DatasetRuntime {
    populated: bool,
    /// New with every creation.
    generation: String,
    /// Offset of the newest version.
    max_offset: Option<u64>,
    last_modified: Option<String>,
    /// All ids, deleted ones included: clients subtract.
    count_index_exists: u64,
    count_index_deleted: u64,
    /// All versions in the log, deleted ones included.
    count_log_exists: u64,
    count_log_deleted: u64,
    has_circuit_breaker: bool,
    /// `user` or `system`.
    origin: Cow<'static, str>,
    /// The pipe that writes it.
    pipe: Option<String>,
    queues: DatasetQueues,
    /// Expressions of its secondary indexes.
    indexes: Vec<String>,
}

/// Entries that readers have not consumed.
#[derive(Serialize, JsonSchema)]
struct DatasetQueues {
    size: u64,
}

impl Dataset {
    fn new(report: DatasetReport) -> Self {
        let status = report.status;
        let counters = status.counters;
        Dataset {
            id: status.name.as_str().to_owned(),
            r#type: "dataset",
            storage: counters.bytes,
            runtime: DatasetRuntime {
                populated: status.populated,
                generation: status.generation.to_string(),
                max_offset: status.max_offset,
                last_modified: (status.last_modified > 0).then(|| time::text(status.last_modified)),
                count_index_exists: counters.index_exists + counters.index_deleted,
                count_index_deleted: counters.index_deleted,
                count_log_exists: counters.log_exists + counters.log_deleted,
                count_log_deleted: counters.log_deleted,
                has_circuit_breaker: false,
                origin: report.origin,
                pipe: report.pipe,
                queues: DatasetQueues {
                    size: report.queues.size,
                },
                indexes: report.indexes,
            },
        }
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let mut datasets = call.hub.worker.datasets().await?;
    if call.boolean("include-internal-datasets") {
        datasets.push(configuration_log::report(&call.hub).await?);
    } else {
        datasets.retain(|dataset| dataset.origin == "user");
    }
    Ok(answer::list(datasets, Dataset::new))
}

pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    let report = match call.text("dataset_id") {
        configuration_log::NAME => configuration_log::report(&call.hub).await?,
        id => call.hub.worker.dataset(id).await?,
    };
    answer::json(&Dataset::new(report))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Problem> {
    let id = call.text("dataset_id");
    configuration_log::refuse_change(id)?;
    let dataset = call.hub.worker.dataset(id).await?;
    call.hub.worker.delete_dataset(id, &call.user).await?;
    answer::json(&Dataset::new(dataset))
}
