//! A worker in memory: answers for the pipe and dataset `in`, and remembers what it was asked. No pipes and no store.

use super::fake_storage::json;
use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_dataset::{
    Counters, DatasetName, DatasetNumber, DatasetStatus, Generation, SinceToken, VersionBatch,
};
use sluice_entity::{ContentHash, Entity, Generated, Json, Limits, Numbers, Reader};
use sluice_protocol::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

fn entity(text: &str) -> Entity {
    Reader::new(Limits::default(), Numbers::default())
        .read_entity(text.as_bytes())
        .unwrap()
}

fn versions(offsets: std::ops::Range<u64>) -> Page {
    let mut batch = VersionBatch::new();
    for offset in offsets {
        let text = format!(r#"{{"_id": "id{offset}", "name": "Ærø", "price": 1.10}}"#);
        let generated = Generated {
            updated: offset,
            previous: None,
            ts: 1_700_000_000_000_000 + offset,
            hash: ContentHash([7; 16]),
            deleted: false,
        };
        batch.push(entity(&text).body().encoded(), generated);
    }
    Page::Versions(batch)
}

/// Answers for the pipe and dataset `in`, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct FakeWorker {
    pub(crate) reads: Mutex<Vec<(String, ReadRequest)>>,
    pub(crate) pushes: Mutex<Vec<(PushRequest, String)>>,
    pub(crate) pumps: Mutex<Vec<PumpRequest>>,
    pub(super) runs: Mutex<Vec<RunAll>>,
    pub(super) looked_up: Mutex<Vec<(String, Option<u64>)>>,
    pub(super) published: Mutex<Vec<PublishRequest>>,
    pub(super) running: Mutex<bool>,
    pub(crate) resets: AtomicUsize,
    /// Told when the first bytes of a push arrived.
    pub(super) began: Notify,
    /// The last request that was to go on.
    pub(super) proxied: Mutex<String>,
    /// So many reads of datasets are answered that somebody else has it now.
    pub(crate) elsewhere: AtomicUsize,
    /// Pages of `endless` that were asked for.
    pub(super) pages: Arc<AtomicUsize>,
}

pub(super) fn pipe_report(id: &str) -> PipeReport {
    let config = Arc::new(json(&format!(
        r#"{{"_id": "{id}", "type": "pipe", "n": 1.10}}"#
    )));
    PipeReport {
        id: id.to_owned(),
        origin: "user".into(),
        original: Arc::clone(&config),
        effective: config,
        diagnostics: Vec::new(),
        valid: true,
        state: PipeState::Deployed,
        waiting_for: None,
        has_pump: id != "published",
        supported_operations: vec![
            OperationKind::Start,
            OperationKind::Disable,
            OperationKind::UpdateLastSeen,
        ],
        mode: "scheduled".into(),
        disabled: false,
        running: false,
        last_started: Some(1_700_000_000_000_000),
        last_run: None,
        next_run: None,
        average_process_time: Some(0.25),
        last_seen: Some(Json::from(17i64)),
        queues: Queues {
            source: [("a".to_owned(), 3)].into(),
            dependencies: 0,
            retries: 0,
        },
        reprocessing_reasons: Vec::new(),
        dead_letter_dataset: None,
        dependencies: vec!["a".into()],
        sink_dataset: Some(id.to_owned()),
        storage: 12,
        checkpoint: None,
    }
}

fn dataset_report(name: &str) -> DatasetReport {
    let status = DatasetStatus {
        name: DatasetName::existing(name).unwrap(),
        number: DatasetNumber(3),
        generation: Generation([1; 16]),
        populated: true,
        max_offset: Some(2),
        epoch: 0,
        counters: Counters {
            log_exists: 3,
            log_deleted: 1,
            index_exists: 2,
            index_deleted: 1,
            bytes: 99,
        },
        last_modified: 1_700_000_000_000_002,
        indexes: Vec::new(),
    };
    DatasetReport {
        status,
        pipe: Some(name.to_owned()),
        origin: "user".into(),
        queues: QueueReport { size: 4 },
        indexes: Vec::new(),
    }
}

fn headers() -> FeedHeaders {
    FeedHeaders {
        populated: Some(true),
        max_updated: Some(2),
        generation: Some(Generation([1; 16]).to_string()),
        filtered: Some(false),
        ..FeedHeaders::default()
    }
}

impl FakeWorker {
    fn known(&self, what: &'static str, id: &str) -> Result<()> {
        match id {
            "in" | "published" | "breaks" | "endless" | "empty" | "a/b" | "blåbær:x" => Ok(()),
            "panics" => panic!("a handler goes wrong"),
            _ => Err(Error::not_found(format!("unknown-{what}"), what, id)),
        }
    }

    fn feed(&self, id: &str) -> Result<Feed> {
        self.known("dataset", id)?;
        let pages = Arc::clone(&self.pages);
        let pages = match id {
            "empty" => futures::stream::empty().boxed(),
            "breaks" => futures::stream::iter([
                Ok(versions(0..2)),
                Err(Error::new(Code::Internal, "internal", "the disk is gone")),
            ])
            .boxed(),
            "endless" => futures::stream::repeat_with(move || {
                pages.fetch_add(1, Ordering::SeqCst);
                Ok(versions(0..2000))
            })
            .boxed(),
            _ => {
                futures::stream::iter([Ok(versions(0..2)), Ok(versions(0..0)), Ok(versions(2..3))])
                    .boxed()
            }
        };
        Ok(Feed {
            headers: headers(),
            pages,
        })
    }
}

async fn all(mut body: ByteStream, began: &Notify) -> Result<String> {
    let mut text = Vec::new();
    while let Some(chunk) = body.next().await {
        began.notify_one();
        text.extend_from_slice(&chunk?);
    }
    Json::parse(&text, &Limits::default())
        .map_err(|error| Error::invalid("invalid-json", error.to_string()))?
        .as_array()
        .ok_or_else(|| Error::invalid("invalid-body", "no array"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[async_trait]
impl Worker for FakeWorker {
    async fn pipes(&self) -> Result<Vec<PipeReport>> {
        let hidden = PipeReport {
            origin: "system".into(),
            ..pipe_report("hidden")
        };
        Ok(vec![pipe_report("in"), hidden])
    }
    async fn pipe(&self, id: &str) -> Result<PipeReport> {
        if id != "added" {
            self.known("pipe", id)?;
        }
        Ok(PipeReport {
            running: *self.running.lock(),
            ..pipe_report(id)
        })
    }
    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport> {
        self.pumps.lock().push(request);
        if *self.running.lock() {
            return Err(Error::new(
                Code::Conflict,
                "already-running",
                "the pump is running already",
            ));
        }
        self.pipe(pipe).await
    }
    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed> {
        self.reads.lock().push((format!("{pipe} {stage:?}"), read));
        self.feed(pipe)
    }
    async fn datasets(&self) -> Result<Vec<DatasetReport>> {
        Ok(vec![dataset_report("in")])
    }
    async fn dataset(&self, name: &str) -> Result<DatasetReport> {
        self.known("dataset", name)?;
        Ok(dataset_report("in"))
    }
    async fn delete_dataset(&self, name: &str, _: &str) -> Result<()> {
        self.known("dataset", name)
    }
    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed> {
        self.reads.lock().push((name.to_owned(), read));
        let fewer = |left: usize| left.checked_sub(1);
        if self
            .elsewhere
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
            .is_ok()
        {
            return Err(Error::new(Code::Unavailable, "not-here", "try again"));
        }
        self.feed(name)
    }
    async fn follow_dataset(&self, _: &str, _: Option<SinceToken>) -> Result<FollowStream> {
        Ok(futures::stream::pending().boxed())
    }
    async fn run_all_rest(&self, _: &str) -> Result<Option<RunRest>> {
        Ok(None)
    }
    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity> {
        self.known("dataset", dataset)?;
        self.looked_up.lock().push((id.to_owned(), offset));
        Ok(entity(&format!(r#"{{"_id": {}, "n": 1}}"#, Json::from(id))))
    }
    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply> {
        self.known("pipe", pipe)?;
        let body = all(body, &self.began).await?;
        self.pushes.lock().push((request, body));
        Ok(PushReply {
            received: 1,
            changed: 1,
        })
    }
    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        self.push(dataset, request, body).await
    }
    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published> {
        self.known("pipe", pipe)?;
        let format = request.format.clone();
        self.published.lock().push(request);
        if format == "json" {
            return Ok(Published::Entities(self.feed(pipe)?));
        }
        let body = futures::stream::iter([Ok("_id,name\r\n".into()), Ok("a,b\r\n".into())]).boxed();
        Ok(Published::Bytes {
            content_type: "text/csv; charset=utf-8".into(),
            file: None,
            body,
        })
    }
    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        mut body: ByteStream,
    ) -> Result<ProxyReply> {
        *self.proxied.lock() = format!("{system} {request:?}");
        let mut all = Vec::new();
        while let Some(chunk) = body.next().await {
            all.push(Ok(chunk?));
        }
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        Ok(ProxyReply {
            status: 200,
            headers: vec![
                header("content-type", "text/plain"),
                header("set-cookie", "a=b"),
                header("x-own", "1"),
            ],
            body: futures::stream::iter(all).boxed(),
        })
    }
    async fn systems(&self) -> Result<Vec<SystemReport>> {
        Ok(Vec::new())
    }
    async fn run_all(&self, run: RunAll, _: &str) -> Result<RunnerStatus> {
        self.runs.lock().push(run);
        Ok(RunnerStatus::Ended(RunnerOutcome::Failed(
            "too many passes".into(),
        )))
    }
    async fn start_run_all(&self, run: RunAll, _: &str) -> Result<String> {
        self.runs.lock().push(run);
        Ok("token-1".into())
    }
    async fn stop_run_all(&self, _: u64) -> Result<bool> {
        Ok(false)
    }
    async fn run_all_log(&self, since: Option<u64>, _: Option<&str>) -> Result<Vec<RunnerLogLine>> {
        let line = RunnerLogLine {
            timestamp: 1_700_000_000_000_001,
            level: "INFO".into(),
            text: "pass 1".into(),
        };
        Ok([line]
            .into_iter()
            .filter(|line| since.is_none_or(|since| line.timestamp > since))
            .collect())
    }
    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus> {
        Ok(if token == "token-1" {
            RunnerStatus::Running
        } else {
            RunnerStatus::NotRunning
        })
    }
    async fn delete_all_sink_datasets(&self, _: &str) -> Result<()> {
        Ok(())
    }
    async fn wait_for_revision(&self, _: u64) -> Result<()> {
        Ok(())
    }
    async fn reset(&self) -> Result<()> {
        self.resets.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    async fn facts(&self) -> Result<Json> {
        Ok(json(r#"{"datasets": 1}"#))
    }
}
