//! A worker that answers samples, remembers what it was asked, and can be slow, endless or wrong.

use super::samples;
use crate::*;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_dataset::{DatasetNumber, Generation, SinceToken};
use sluice_entity::{Entity, Json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Bytes of an entity of the feeds `long` and `endless`, in pages of ten.
pub(super) const ENTITY: usize = 200;

#[derive(Default)]
pub(super) struct FakeWorker {
    pub(super) asked: Mutex<Vec<String>>,
    /// Pages that were read from `endless`.
    pub(super) pages: Arc<AtomicUsize>,
    /// Calls and streams that are going on.
    pub(super) going_on: Arc<AtomicUsize>,
    /// Chunks of the body of a push that were read, and their bytes.
    pub(super) chunks: AtomicUsize,
    pub(super) bytes: AtomicUsize,
    /// Lets a push into `slow` read one more chunk, or end.
    pub(super) go_on: Notify,
}

/// Counts for as long as it lives.
struct GoingOn(Arc<AtomicUsize>);

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FakeWorker {
    fn note(&self, call: &str, arguments: &dyn std::fmt::Debug) {
        self.asked.lock().push(format!("{call} {arguments:?}"));
    }

    fn enter(&self) -> GoingOn {
        self.going_on.fetch_add(1, Ordering::SeqCst);
        GoingOn(Arc::clone(&self.going_on))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.going_on.load(Ordering::SeqCst) == 0
    }

    fn known(&self, what: &str, id: &str) -> Result<()> {
        match id {
            "panics" => panic!("a handler goes wrong"),
            "unknown" => Err(Error::not_found("unknown-thing", what, id)
                .with("big", samples::json("123456789012345678901234567890"))
                .caused_by(std::io::Error::other("inside"))),
            _ => Ok(()),
        }
    }

    fn feed(&self, id: &str) -> Result<Feed> {
        self.known("dataset", id)?;
        let (pages, guard) = (Arc::clone(&self.pages), self.enter());
        let page = |n: u64| samples::versions(n * 10..n * 10 + 10, ENTITY);
        let pages = match id {
            "empty" => futures::stream::empty().boxed(),
            "breaks" => futures::stream::iter([
                Ok(samples::versions(0..2, 1)),
                Err(Error::new(Code::StorageFull, "disk-full", "no space")),
            ])
            .boxed(),
            "long" => futures::stream::iter(0..50)
                .map(move |n| Ok(page(n)))
                .boxed(),
            "endless" => futures::stream::iter(0..)
                .map(move |n| {
                    let _ = &guard;
                    pages.fetch_add(1, Ordering::SeqCst);
                    Ok(page(n))
                })
                .boxed(),
            "silent" => futures::stream::pending()
                .map(move |page| {
                    let _ = &guard;
                    page
                })
                .boxed(),
            "made" => futures::stream::iter([
                Ok(Page::Entities(vec![samples::entity(
                    r#"{"_id": "a", "n": 1.10}"#,
                )])),
                Ok(Page::Entities(Vec::new())),
            ])
            .boxed(),
            "large" => futures::stream::iter([Ok(samples::versions(0..3, 90_000))]).boxed(),
            _ => futures::stream::iter([
                Ok(samples::versions(0..2, 1)),
                Ok(samples::versions(0..0, 1)),
                Ok(samples::versions(2..3, 1)),
            ])
            .boxed(),
        };
        Ok(Feed {
            headers: samples::headers(),
            pages,
        })
    }

    async fn read_body(&self, pipe: &str, mut body: ByteStream) -> Result<PushReply> {
        let _guard = self.enter();
        self.known("pipe", pipe)?;
        let slow = pipe == "slow";
        let mut text = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            self.chunks.fetch_add(1, Ordering::SeqCst);
            self.bytes.fetch_add(chunk.len(), Ordering::SeqCst);
            text.extend_from_slice(&chunk);
            if pipe == "early" {
                return Err(Error::invalid("invalid-json", "no").with("accepted", Json::from(0i64)));
            }
            if slow {
                self.go_on.notified().await;
            }
        }
        if slow {
            self.go_on.notified().await;
        }
        self.asked
            .lock()
            .push(String::from_utf8_lossy(&text).into_owned());
        Ok(PushReply {
            received: text.len() as u64,
            changed: 1,
        })
    }
}

#[async_trait]
impl Worker for FakeWorker {
    async fn pipes(&self) -> Result<Vec<PipeReport>> {
        let ids = (0..20).map(|n| format!("pipe{n}"));
        Ok(ids.map(|id| samples::pipe_report(&id)).collect())
    }
    async fn pipe(&self, id: &str) -> Result<PipeReport> {
        self.note("pipe", &id);
        self.known("pipe", id)?;
        if id == "slow" {
            let _guard = self.enter();
            self.go_on.notified().await;
        }
        Ok(samples::pipe_report(id))
    }
    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport> {
        self.note("operate_pump", &(pipe, request));
        self.pipe(pipe).await
    }
    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed> {
        self.note("read_pipe", &(pipe, stage, read));
        self.feed(pipe)
    }
    async fn datasets(&self) -> Result<Vec<DatasetReport>> {
        Ok(vec![
            samples::dataset_report("in"),
            samples::dataset_report("system:x"),
        ])
    }
    async fn dataset(&self, name: &str) -> Result<DatasetReport> {
        self.known("dataset", name)?;
        Ok(samples::dataset_report(name))
    }
    async fn delete_dataset(&self, name: &str, user: &str) -> Result<()> {
        self.note("delete_dataset", &(name, user));
        self.known("dataset", name)
    }
    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed> {
        self.note("read_dataset", &(name, read));
        self.feed(name)
    }
    async fn follow_dataset(
        &self,
        name: &str,
        position: Option<SinceToken>,
    ) -> Result<FollowStream> {
        self.note("follow_dataset", &(name, position));
        self.known("dataset", name)?;
        let guard = self.enter();
        let facts = |generation: u8, populated| {
            Followed::Facts(OwnerFacts {
                number: DatasetNumber(3),
                generation: Generation([generation; 16]),
                epoch: 7,
                populated,
            })
        };
        let Page::Versions(versions) = samples::versions(0..30, 100) else {
            unreachable!("samples of versions are versions")
        };
        let said = [
            Followed::Absent,
            facts(1, false),
            Followed::Rewind(None),
            Followed::Rewind(Some(4)),
            Followed::Versions(versions),
            Followed::Level(Some(u64::MAX)),
            facts(2, true),
            Followed::Level(None),
        ];
        // Then it stays open.
        let said = futures::stream::iter(said.map(Ok)).chain(futures::stream::pending());
        Ok(said
            .map(move |next| {
                let _ = &guard;
                next
            })
            .boxed())
    }
    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity> {
        self.known("dataset", dataset)?;
        self.note("entity", &(dataset, id, offset));
        let entity = samples::entity(&format!(r#"{{"_id": {}, "n": 1}}"#, Json::from(id)));
        Ok(match offset {
            Some(offset) => {
                let generated = samples::generated(offset);
                Entity::with_generated(entity.body_buf().clone(), generated)
            }
            None => entity,
        })
    }
    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply> {
        self.note("push", &(pipe, request));
        self.read_body(pipe, body).await
    }
    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        self.note("write_dataset", &(dataset, request));
        self.read_body(dataset, body).await
    }
    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published> {
        let is_json = request.format == "json";
        self.note("publish", &(pipe, request));
        if is_json {
            return Ok(Published::Entities(self.feed(pipe)?));
        }
        self.known("pipe", pipe)?;
        let row = |n: usize| Bytes::from(format!("{n},{}\r\n", "b".repeat(n * 1000)));
        let broken = Error::new(Code::Internal, "run-failed", "a row went wrong");
        let last = (pipe == "breaks").then_some(Err(broken));
        let rows = (0..5).map(move |n| Ok(row(n))).chain(last);
        Ok(Published::Bytes {
            content_type: "text/csv; charset=utf-8".into(),
            file: Some("a.csv".into()),
            body: futures::stream::iter(rows).boxed(),
        })
    }
    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        mut body: ByteStream,
    ) -> Result<ProxyReply> {
        let _guard = self.enter();
        self.note("proxy", &(system, &request));
        let mut all = Vec::new();
        match system {
            "absent" => return Err(Error::not_found("unknown-system", "system", system)),
            "early" => {
                body.next().await.transpose()?;
                all.push(Ok(Bytes::from_static(b"enough")));
            }
            "duplex" => {
                return Ok(ProxyReply {
                    status: 200,
                    headers: Vec::new(),
                    body,
                });
            }
            _ => {
                while let Some(chunk) = body.next().await {
                    all.push(Ok(chunk?));
                }
            }
        }
        Ok(ProxyReply {
            status: 418,
            headers: request.headers,
            body: futures::stream::iter(all).boxed(),
        })
    }
    async fn systems(&self) -> Result<Vec<SystemReport>> {
        Ok(vec![SystemReport {
            id: "crm".into(),
            reachable: Some(false),
            message: Some("refused".into()),
        }])
    }
    async fn run_all(&self, run: RunAll, user: &str) -> Result<RunnerStatus> {
        self.note("run_all", &(run, user));
        let failed = RunnerOutcome::Failed("too many passes".into());
        Ok(RunnerStatus::Ended(failed))
    }
    async fn start_run_all(&self, run: RunAll, user: &str) -> Result<String> {
        self.note("start_run_all", &(run, user));
        Ok("token-1".into())
    }
    async fn stop_run_all(&self, terminate_timeout: u64) -> Result<bool> {
        self.note("stop_run_all", &terminate_timeout);
        Ok(true)
    }
    async fn run_all_log(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>> {
        self.note("run_all_log", &(since, token));
        let lines = (0..100).map(|n| RunnerLogLine {
            timestamp: n,
            level: "INFO".into(),
            text: "pass 1".into(),
        });
        Ok(lines.collect())
    }
    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus> {
        Ok(match token {
            "token-1" => RunnerStatus::Running,
            "token-2" => RunnerStatus::Ended(RunnerOutcome::Success),
            _ => RunnerStatus::NotRunning,
        })
    }
    async fn run_all_rest(&self, run: &str) -> Result<Option<RunRest>> {
        Ok((run == "known").then_some(RunRest {
            changes: 3,
            quiet: 1,
            ended: true,
        }))
    }
    async fn delete_all_sink_datasets(&self, user: &str) -> Result<()> {
        self.note("delete_all_sink_datasets", &user);
        Ok(())
    }
    async fn wait_for_revision(&self, revision: u64) -> Result<()> {
        self.note("wait_for_revision", &revision);
        Ok(())
    }
    async fn reset(&self) -> Result<()> {
        self.note("reset", &());
        Ok(())
    }
    async fn facts(&self) -> Result<Json> {
        Ok(samples::json(r#"{"b": 1.0, "a": 123456789012345678901}"#))
    }
}
