//! The worker as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, admit, asked, open, open_for};
use super::{feed, push};
use crate::Worker;
use crate::wire::proto::{self, worker_server};
use crate::wire::{entity, operate_pump, parts, run_all};
use sluice_identity::Role;
use std::sync::Arc;
use tonic::{Request, Response, Streaming};

/// Who speaks for users: other workers only read.
pub(super) const USERS: [Role; 1] = [Role::Aggregator];

pub(super) struct Service<W: ?Sized> {
    pub(super) worker: Arc<W>,
    pub(super) settings: ServerSettings,
}

#[tonic::async_trait]
impl<W: Worker + ?Sized + 'static> worker_server::Worker for Service<W> {
    type PipesStream = Parts<proto::PipesPart>;
    type DatasetsStream = Parts<proto::DatasetsPart>;
    type ReadStream = Parts<proto::FeedPart>;
    type PushStream = Parts<proto::PushAnswer>;
    type RunAllLogStream = Parts<proto::RunAllLogPart>;

    async fn pipes(&self, request: Request<proto::PipesRequest>) -> Answer<Self::PipesStream> {
        let (call, _) = open_for(request, &USERS)?;
        call.answer_parts(async {
            let pipes = self.worker.pipes().await?;
            let pipes = pipes.into_iter().map(proto::PipeReport::from);
            let parts = parts(pipes, self.settings.bounds.page_bytes);
            Ok(parts
                .into_iter()
                .map(|pipes| proto::PipesPart { pipes })
                .collect())
        })
        .await
    }

    async fn pipe(&self, request: Request<proto::PipeRequest>) -> Answer<proto::PipeReport> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let report = self.worker.pipe(&wanted.id).await?;
            Ok(report.into())
        })
        .await
    }

    async fn operate_pump(
        &self,
        request: Request<proto::OperatePumpRequest>,
    ) -> Answer<proto::PipeReport> {
        let (call, operation) = open_for(request, &USERS)?;
        call.answer(async {
            let (pipe, operation) = asked(operate_pump(operation))?;
            let report = self.worker.operate_pump(&pipe, operation).await?;
            Ok(report.into())
        })
        .await
    }

    async fn datasets(
        &self,
        request: Request<proto::DatasetsRequest>,
    ) -> Answer<Self::DatasetsStream> {
        let (call, _) = open(request);
        call.answer_parts(async {
            let datasets = self.worker.datasets().await?;
            let datasets = datasets.into_iter().map(proto::DatasetReport::from);
            let parts = parts(datasets, self.settings.bounds.page_bytes);
            Ok(parts
                .into_iter()
                .map(|datasets| proto::DatasetsPart { datasets })
                .collect())
        })
        .await
    }

    async fn dataset(
        &self,
        request: Request<proto::DatasetRequest>,
    ) -> Answer<proto::DatasetReport> {
        let (call, wanted) = open(request);
        call.answer(async {
            let report = self.worker.dataset(&wanted.name).await?;
            Ok(report.into())
        })
        .await
    }

    async fn delete_dataset(
        &self,
        request: Request<proto::DeleteDatasetRequest>,
    ) -> Answer<proto::Done> {
        let (call, delete) = open_for(request, &USERS)?;
        call.answer(async {
            let deleted = self.worker.delete_dataset(&delete.name, &delete.user);
            deleted.await.map(done)
        })
        .await
    }

    async fn entity(&self, request: Request<proto::EntityRequest>) -> Answer<proto::Entity> {
        let (call, wanted) = open(request);
        call.answer(async {
            let found = self
                .worker
                .entity(&wanted.dataset, &wanted.id, wanted.offset);
            Ok(entity(&found.await?))
        })
        .await
    }

    async fn read(&self, request: Request<Streaming<proto::FeedAsk>>) -> Answer<Self::ReadStream> {
        let parts = feed::read(&self.worker, request, &self.settings).await;
        parts.map(Response::new)
    }

    async fn push(&self, request: Request<Streaming<proto::PushPart>>) -> Answer<Self::PushStream> {
        admit(&request, &USERS)?;
        let answers = push::push(Arc::clone(&self.worker), request.into_inner()).await;
        answers.map(Response::new)
    }

    async fn systems(
        &self,
        request: Request<proto::SystemsRequest>,
    ) -> Answer<proto::SystemsReply> {
        let (call, _) = open_for(request, &USERS)?;
        call.answer(async {
            let systems = self.worker.systems().await?.into_iter();
            Ok(proto::SystemsReply {
                systems: systems.map(proto::SystemReport::from).collect(),
            })
        })
        .await
    }

    async fn run_all(&self, request: Request<proto::RunAllRequest>) -> Answer<proto::RunnerStatus> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let (run, user) = asked(run_all(wanted))?;
            Ok(self.worker.run_all(run, &user).await?.into())
        })
        .await
    }

    async fn start_run_all(
        &self,
        request: Request<proto::RunAllRequest>,
    ) -> Answer<proto::StartRunAllReply> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let (run, user) = asked(run_all(wanted))?;
            let token = self.worker.start_run_all(run, &user).await?;
            Ok(proto::StartRunAllReply { token })
        })
        .await
    }

    async fn stop_run_all(
        &self,
        request: Request<proto::StopRunAllRequest>,
    ) -> Answer<proto::StopRunAllReply> {
        let (call, stop) = open_for(request, &USERS)?;
        call.answer(async {
            let stopped = self.worker.stop_run_all(stop.terminate_timeout).await?;
            Ok(proto::StopRunAllReply { stopped })
        })
        .await
    }

    async fn run_all_log(
        &self,
        request: Request<proto::RunAllLogRequest>,
    ) -> Answer<Self::RunAllLogStream> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer_parts(async {
            let lines = self
                .worker
                .run_all_log(wanted.since, wanted.token.as_deref());
            let lines = lines.await?.into_iter().map(proto::RunnerLogLine::from);
            let parts = parts(lines, self.settings.bounds.page_bytes);
            Ok(parts
                .into_iter()
                .map(|lines| proto::RunAllLogPart { lines })
                .collect())
        })
        .await
    }

    async fn run_all_status(
        &self,
        request: Request<proto::RunAllStatusRequest>,
    ) -> Answer<proto::RunnerStatus> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let status = self.worker.run_all_status(&wanted.token).await?;
            Ok(status.into())
        })
        .await
    }

    async fn run_all_rest(
        &self,
        request: Request<proto::RunAllRestRequest>,
    ) -> Answer<proto::RunAllRestReply> {
        let (call, wanted) = open(request);
        call.answer(async {
            let rest = self.worker.run_all_rest(&wanted.run).await?;
            let rest = rest.map(proto::RunRest::from);
            Ok(proto::RunAllRestReply { rest })
        })
        .await
    }

    async fn delete_all_sink_datasets(
        &self,
        request: Request<proto::DeleteAllSinkDatasetsRequest>,
    ) -> Answer<proto::Done> {
        let (call, delete) = open_for(request, &USERS)?;
        call.answer(async {
            let deleted = self.worker.delete_all_sink_datasets(&delete.user);
            deleted.await.map(done)
        })
        .await
    }

    async fn wait_for_revision(
        &self,
        request: Request<proto::WaitForRevisionRequest>,
    ) -> Answer<proto::Done> {
        let (call, wanted) = open_for(request, &USERS)?;
        call.answer(async {
            let reached = self.worker.wait_for_revision(wanted.revision);
            reached.await.map(done)
        })
        .await
    }

    async fn reset(&self, request: Request<proto::ResetWorkerRequest>) -> Answer<proto::Done> {
        let (call, _) = open_for(request, &USERS)?;
        call.answer(async { self.worker.reset().await.map(done) })
            .await
    }

    async fn facts(&self, request: Request<proto::FactsRequest>) -> Answer<proto::FactsReply> {
        let (call, _) = open(request);
        call.answer(async {
            let facts = self.worker.facts().await?.to_string();
            Ok(proto::FactsReply { facts })
        })
        .await
    }
}

fn done((): ()) -> proto::Done {
    proto::Done {}
}
