//! The worker as the other roles see it: each call in a few lines, the work in its own module.

use crate::answer;
use crate::assignment::{Lost, fenced_feed, fenced_published};
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::{self, Subject};
use crate::emptying;
use crate::feed;
use crate::following;
use crate::operations;
use crate::proxy;
use crate::publisher;
use crate::receiver;
use crate::reports;
use crate::scheduler::Wake;
use crate::service::LocalWorker;
use async_trait::async_trait;
use sluice_dataset::SinceToken;
use sluice_entity::{Entity, Json};
use sluice_protocol::{
    ByteStream, Code, DatasetReport, EntityStage, Error, Feed, FollowStream, PipeReport,
    ProxyReply, ProxyRequest, PublishRequest, Published, PumpRequest, PushReply, PushRequest,
    ReadRequest, Result, RunAll, RunRest, RunnerLogLine, RunnerStatus, SystemReport, Worker,
};
use std::sync::Arc;
use std::time::Duration;

impl LocalWorker {
    async fn report(&self, pipe: Arc<Deployed>) -> Result<PipeReport> {
        let shared = self.shared.clone();
        blocking::run(move || reports::pipe(&shared, &pipe)).await
    }

    /// Without the lease others may know better: nothing is answered.
    fn check_lease(&self) -> Result<()> {
        let lease = &self.shared.assignment.lease;
        lease.check().map_err(Lost::answer)
    }

    /// What cannot be read again from anywhere is answered only when it is where the pipe's next owner finds it.
    async fn keep(&self, pipes: Vec<Arc<Deployed>>) -> Result<()> {
        let Some(durability) = &self.shared.durability else {
            return Ok(());
        };
        let written = pipes.iter().filter(|pipe| pipe.unannounced().is_none());
        for subject in written.map(|pipe| Subject::of(pipe)) {
            let kept = durability.checkpoint(&self.shared, &subject).await;
            kept.map_err(durability::Error::answer)?;
        }
        Ok(())
    }

    fn look_at(&self, pipe: &str) {
        let _ = self.wake.send(Wake::Look {
            pipe: pipe.to_owned(),
        });
    }

    fn look_at_all(&self) {
        let _ = self.wake.send(Wake::Configured { started: false });
    }
}

/// That the epoch of a pipe is over is nothing that a caller did: its next owner takes what this one does not.
fn changing_hands(error: Error) -> Error {
    if error.reason != "stale-epoch" {
        return error;
    }
    let message = "the pipe is changing hands; try again";
    Error::new(Code::Unavailable, "not-here", message).caused_by(error)
}

#[async_trait]
impl Worker for LocalWorker {
    async fn pipes(&self) -> Result<Vec<PipeReport>> {
        self.check_lease()?;
        let (shared, pipes) = (self.shared.clone(), self.deployment.pipes());
        blocking::run(move || {
            pipes
                .iter()
                .map(|pipe| reports::pipe(&shared, pipe))
                .collect()
        })
        .await
    }

    async fn pipe(&self, id: &str) -> Result<PipeReport> {
        self.check_lease()?;
        self.report(self.deployment.pipe(id)?).await
    }

    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport> {
        self.check_lease()?;
        let pipe = self.deployment.pipe(pipe)?;
        self.shared.assignment.begin_writing(&pipe).await?;
        operations::operate(&self.shared, &self.runs, &pipe, request).await?;
        self.look_at(&pipe.id);
        self.report(pipe).await
    }

    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed> {
        self.check_lease()?;
        let pipe = self.deployment.pipe(pipe)?;
        let feed = publisher::read_pipe(&self.shared, &pipe, stage, read).await?;
        fenced_feed(&self.shared.assignment.lease, feed)
    }

    async fn datasets(&self) -> Result<Vec<DatasetReport>> {
        self.check_lease()?;
        let (shared, deployment) = (self.shared.clone(), self.deployment.clone());
        blocking::run(move || reports::datasets(&shared, &deployment)).await
    }

    async fn dataset(&self, name: &str) -> Result<DatasetReport> {
        self.shared.assignment.check_here(name)?;
        let (shared, deployment, name) = (
            self.shared.clone(),
            self.deployment.clone(),
            name.to_owned(),
        );
        blocking::run(move || reports::dataset(&shared, &deployment, &name)).await
    }

    async fn delete_dataset(&self, name: &str, user: &str) -> Result<()> {
        self.shared.assignment.check_here(name)?;
        tracing::info!(dataset = name, user, "deleting a dataset");
        let writer = self.deployment.writer_of(name);
        emptying::delete_dataset(&self.shared, &self.deployment, name).await?;
        self.look_at_all();
        self.keep(writer.into_iter().collect()).await
    }

    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed> {
        self.shared.assignment.check_here(name)?;
        let feed = feed::dataset(&self.shared, name, read).await?;
        fenced_feed(&self.shared.assignment.lease, feed)
    }

    async fn follow_dataset(
        &self,
        name: &str,
        position: Option<SinceToken>,
    ) -> Result<FollowStream> {
        following::follow(&self.shared, &self.deployment, name, position)
    }

    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity> {
        // Before: it may lack something. After: it may have become another worker's.
        self.shared.assignment.check_here(dataset)?;
        let entity = feed::entity(&self.shared, dataset, id, offset).await;
        self.shared.assignment.check_here(dataset)?;
        entity
    }

    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply> {
        self.check_lease()?;
        let pipe = self.deployment.pipe(pipe)?;
        self.shared.assignment.begin_writing(&pipe).await?;
        let reply = receiver::push(&self.shared, &pipe, &self.bounds, request, body).await;
        let reply = reply.map_err(changing_hands)?;
        // What was written in time may still be another owner's to say by now.
        self.check_lease()?;
        Ok(reply)
    }

    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        self.shared.assignment.check_here(dataset)?;
        self.deployment.check_taken()?;
        let writer = self.deployment.writer_of(dataset);
        if let Some(pipe) = &writer {
            self.shared.assignment.begin_writing(pipe).await?;
        }
        let reply = receiver::write_dataset(
            &self.shared,
            &self.dataset_lock,
            &self.bounds,
            dataset,
            request,
            body,
        );
        let reply = reply.await.map_err(changing_hands)?;
        let kept = self.keep(writer.into_iter().collect()).await;
        kept.map_err(changing_hands)?;
        self.check_lease()?;
        Ok(reply)
    }

    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published> {
        self.check_lease()?;
        let pipe = self.deployment.pipe(pipe)?;
        let published = publisher::publish(&self.shared, &pipe, request).await?;
        fenced_published(&self.shared.assignment.lease, published)
    }

    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        body: ByteStream,
    ) -> Result<ProxyReply> {
        proxy::proxy(&self.shared.systems, system, request, body).await
    }

    async fn systems(&self) -> Result<Vec<SystemReport>> {
        Ok(self.shared.systems.reports())
    }

    async fn run_all(&self, run: RunAll, user: &str) -> Result<RunnerStatus> {
        let status = self.runner.run(run, user).await;
        self.look_at_all();
        status
    }

    async fn start_run_all(&self, run: RunAll, user: &str) -> Result<String> {
        self.runner.start(run, user)
    }

    async fn stop_run_all(&self, terminate_timeout: u64) -> Result<bool> {
        Ok(self
            .runner
            .stop(Duration::from_secs(terminate_timeout))
            .await)
    }

    async fn run_all_log(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>> {
        Ok(self.runner.log(since, token))
    }

    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus> {
        Ok(self.runner.status(token))
    }

    async fn run_all_rest(&self, run: &str) -> Result<Option<RunRest>> {
        Ok(self.runner.rest(run))
    }

    async fn delete_all_sink_datasets(&self, user: &str) -> Result<()> {
        tracing::info!(user, "deleting the datasets of all pipes");
        emptying::delete_all_sink_datasets(&self.shared, &self.deployment).await?;
        self.look_at_all();
        self.keep(self.deployment.pipes()).await
    }

    async fn wait_for_revision(&self, revision: u64) -> Result<()> {
        let mut taken = self.revision.clone();
        let reached = taken.wait_for(|taken| *taken >= revision).await;
        reached
            .map(|_| ())
            .map_err(|_| Error::new(Code::Unavailable, "stopping", "the worker is stopping"))
    }

    async fn reset(&self) -> Result<()> {
        self.runner.stop(Duration::from_secs(30)).await;
        emptying::reset(&self.shared, &self.deployment).await?;
        self.look_at_all();
        self.keep(self.deployment.pipes()).await
    }

    async fn facts(&self) -> Result<Json> {
        let shared = self.shared.clone();
        let pipes = self.deployment.pipes();
        let running = pipes.iter().filter(|pipe| pipe.running().is_some()).count();
        let revision = *self.revision.borrow();
        let problem = self.problem();
        blocking::run(move || {
            let store = &shared.store;
            let usage = store
                .disk_usage()
                .map_err(|error| Error::internal("cannot measure the store", error))?;
            let fact = |name: &str, number: u64| (name.to_owned(), answer::number(number));
            Ok(Json::Object(vec![
                fact("revision", revision),
                fact("pipes", pipes.len() as u64),
                fact("running", running as u64),
                fact("datasets", store.datasets().len() as u64),
                fact("replicas", shared.replicas.count() as u64),
                fact("store_bytes", usage),
                ("healthy".to_owned(), Json::Bool(problem.is_none())),
                (
                    "problem".to_owned(),
                    problem.map_or(Json::Null, |problem| Json::from(problem.as_str())),
                ),
            ]))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_epoch_is_no_fault_of_a_caller() {
        let stale = Error::new(Code::Conflict, "stale-epoch", "not the worker's");
        let told = changing_hands(stale);
        assert_eq!((told.code, &*told.reason), (Code::Unavailable, "not-here"));
        let other = changing_hands(Error::new(Code::Conflict, "second-first", "again"));
        assert_eq!(other.code, Code::Conflict);
    }
}
