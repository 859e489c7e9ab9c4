//! What a worker offers: pipes, datasets, pushes, publishing, the runner.

use crate::{
    DatasetReport, EntityStage, Feed, FollowStream, PipeReport, ProxyReply, ProxyRequest,
    PumpRequest, Result, RunAll, RunRest, RunnerLogLine, RunnerStatus, SystemReport,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use sluice_dataset::{ReadOptions, SinceToken};
use sluice_entity::{Entity, Json};
use std::collections::BTreeMap;

/// A request body or a rendered answer, chunk by chunk.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Which entities of a dataset or pipe to read (JP1, R74).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadRequest {
    /// Paging and filters. `since` is already parsed and checked against the dataset's generation by the worker (`since_text`).
    pub options: ReadOptions,
    /// The since parameter as it came: an integer or a token of ours.
    pub since_text: Option<String>,
    /// The subset expression as it came (JSON text), IX6.
    pub subset: Option<String>,
    /// Answer `NotFound` unless the dataset is populated.
    pub populated: bool,
    /// Other URL parameters, `_B` in DTL.
    pub parameters: BTreeMap<String, String>,
}

/// A push into a receiver (JP3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushRequest {
    /// Sequence of a full push.
    pub sequence_id: Option<String>,
    /// This request replaces everything in the end.
    pub is_full: bool,
    /// This request's id.
    pub request_id: Option<String>,
    /// The id of the request before it in the sequence.
    pub previous_request_id: Option<String>,
    /// First of the sequence.
    pub is_first: bool,
    /// Last of the sequence: ids not seen are deleted (JP5).
    pub is_last: bool,
    /// Let a mass delete through (R27).
    pub allow_mass_delete: bool,
    /// Length announced by the client, if any.
    pub content_length: Option<u64>,
    /// `X-Dataset-Completeness` of the request.
    pub completeness: Option<u64>,
    /// Other URL parameters.
    pub parameters: BTreeMap<String, String>,
    /// Who pushes.
    pub user: String,
}

/// Answer of a push, after everything in it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReply {
    /// Entities read from the body.
    pub received: u64,
    /// Versions appended.
    pub changed: u64,
}

/// What a publisher shall render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRequest {
    /// Which entities.
    pub read: ReadRequest,
    /// `json` or `csv`.
    pub format: String,
    /// File name in the path, if any.
    pub file: Option<String>,
}

/// A rendered publisher answer.
pub enum Published {
    /// Entities, printed by the caller.
    Entities(Feed),
    /// Bytes of the given content type.
    Bytes {
        /// e.g. `text/csv; charset=utf-8`
        content_type: String,
        /// Suggested file name.
        file: Option<String>,
        /// The document.
        body: ByteStream,
    },
}

/// A worker: its pipes and their datasets.
#[async_trait]
pub trait Worker: Send + Sync {
    /// All pipes.
    async fn pipes(&self) -> Result<Vec<PipeReport>>;
    /// One pipe.
    async fn pipe(&self, id: &str) -> Result<PipeReport>;
    /// Does something to a pump; answers the pipe afterwards.
    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport>;
    /// Entities at a stage of a pipe, evaluated without touching the sink's target (client contract 1.5).
    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed>;
    /// All datasets, internal ones among them.
    async fn datasets(&self) -> Result<Vec<DatasetReport>>;
    /// One dataset.
    async fn dataset(&self, name: &str) -> Result<DatasetReport>;
    /// Removes a dataset with everything in it.
    async fn delete_dataset(&self, name: &str, user: &str) -> Result<()>;
    /// Entities of a dataset.
    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed>;
    /// Follows a dataset for a replica of it: everything behind `position`, then whatever comes. It may not exist yet.
    async fn follow_dataset(
        &self,
        name: &str,
        position: Option<SinceToken>,
    ) -> Result<FollowStream>;
    /// One entity: the latest version, or the exact version at `offset` (DS3). `NotFound` when absent.
    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity>;
    /// Pushes a JSON array (or one object) into a receiver pipe. R73 for bad input.
    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply>;
    /// Writes straight into a dataset (AP8, developer mode).
    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply>;
    /// Renders a publisher.
    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published>;
    /// Sends a request on to a microservice. `NotFound` for other systems, and where nobody runs it.
    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        body: ByteStream,
    ) -> Result<ProxyReply>;
    /// State of all systems in use.
    async fn systems(&self) -> Result<Vec<SystemReport>>;
    /// Runs everything until quiet; resolves at the end.
    async fn run_all(&self, run: RunAll, user: &str) -> Result<RunnerStatus>;
    /// Same, but answers a token at once.
    async fn start_run_all(&self, run: RunAll, user: &str) -> Result<String>;
    /// Stops it; true if one was going on. Waits at most the given seconds.
    async fn stop_run_all(&self, terminate_timeout: u64) -> Result<bool>;
    /// The log after `since` (microseconds), of the run with the token or the latest one.
    async fn run_all_log(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>>;
    /// Where a run stands.
    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus>;
    /// How much at rest this worker's part of a run of several workers is; `None`: it has not begun.
    async fn run_all_rest(&self, run: &str) -> Result<Option<RunRest>>;
    /// Empties the datasets of all user pipes.
    async fn delete_all_sink_datasets(&self, user: &str) -> Result<()>;
    /// Waits until the configuration of at least this revision is taken up (deploys are synchronous for callers who ask).
    async fn wait_for_revision(&self, revision: u64) -> Result<()>;
    /// Empties datasets, offsets, queues and run-time state.
    async fn reset(&self) -> Result<()>;
    /// Facts for `GET /` and `/health`: free form, identifiers and numbers only.
    async fn facts(&self) -> Result<Json>;
}
