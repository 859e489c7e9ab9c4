//! A worker somewhere else.

use super::ClientSettings;
use super::call::{answered, within};
use super::channel::Way;
use super::followers::Followers;
use super::{feed, proxy, push};
use crate::wire::proto::{self, worker_client::WorkerClient};
use crate::wire::{
    Target, checked_entity, json, to_operate_pump, to_position, to_publish, to_run_all,
};
use crate::{
    ByteStream, DatasetReport, EntityStage, Feed, FollowStream, PipeReport, ProxyReply,
    ProxyRequest, PublishRequest, Published, PumpRequest, PushReply, PushRequest, ReadRequest,
    Result, RunAll, RunRest, RunnerLogLine, RunnerStatus, SystemReport, Worker,
};
use async_trait::async_trait;
use sluice_dataset::SinceToken;
use sluice_entity::{Entity, Json};
use std::time::Duration;

/// What tonic generated, over our way.
pub(super) type Client = WorkerClient<Way>;

/// A worker behind a channel.
pub struct RemoteWorker {
    client: Client,
    settings: ClientSettings,
    followers: Followers,
}

impl RemoteWorker {
    /// Connects when it is used.
    pub fn new(channel: impl Into<Way>, settings: ClientSettings) -> Self {
        let way = channel.into();
        RemoteWorker {
            client: client(way.clone(), settings),
            settings,
            followers: Followers::new(way),
        }
    }

    fn client(&self) -> Client {
        self.client.clone()
    }
}

/// What tonic generated, with our bounds.
pub(super) fn client(way: Way, settings: ClientSettings) -> Client {
    let most = settings.bounds.message_bytes();
    WorkerClient::new(way)
        .max_decoding_message_size(most)
        .max_encoding_message_size(most)
}

#[async_trait]
impl Worker for RemoteWorker {
    async fn pipes(&self) -> Result<Vec<PipeReport>> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::PipesRequest {});
        let mut client = self.client();
        let parts = client.pipes(request);
        limit
            .gather(parts, |part| part.pipes, PipeReport::try_from)
            .await
    }

    async fn pipe(&self, id: &str) -> Result<PipeReport> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::PipeRequest { id: id.to_owned() });
        let report = limit.answer(self.client().pipe(request)).await?;
        answered(report.try_into())
    }

    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(to_operate_pump(pipe, request));
        let report = limit.answer(self.client().operate_pump(request)).await?;
        answered(report.try_into())
    }

    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed> {
        let wanted = proto::ReadPipe {
            pipe: pipe.to_owned(),
            stage: proto::EntityStage::from(stage).into(),
            read: Some(read.into()),
        };
        feed::read(self.client(), proto::feed_ask::Ask::Pipe(wanted)).await
    }

    async fn datasets(&self) -> Result<Vec<DatasetReport>> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::DatasetsRequest {});
        let mut client = self.client();
        let parts = client.datasets(request);
        limit
            .gather(parts, |part| part.datasets, DatasetReport::try_from)
            .await
    }

    async fn dataset(&self, name: &str) -> Result<DatasetReport> {
        let limit = within(self.settings.deadlines.look);
        let name = name.to_owned();
        let request = limit.request(proto::DatasetRequest { name });
        let report = limit.answer(self.client().dataset(request)).await?;
        answered(report.try_into())
    }

    async fn delete_dataset(&self, name: &str, user: &str) -> Result<()> {
        let limit = within(self.settings.deadlines.long);
        let request = limit.request(proto::DeleteDatasetRequest {
            name: name.to_owned(),
            user: user.to_owned(),
        });
        let done = limit.answer(self.client().delete_dataset(request)).await;
        done.map(|proto::Done {}| ())
    }

    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed> {
        let wanted = proto::ReadDataset {
            name: name.to_owned(),
            read: Some(read.into()),
        };
        feed::read(self.client(), proto::feed_ask::Ask::Dataset(wanted)).await
    }

    async fn follow_dataset(
        &self,
        name: &str,
        position: Option<SinceToken>,
    ) -> Result<FollowStream> {
        let wanted = proto::FollowDataset {
            name: name.to_owned(),
            position: position.map(to_position),
        };
        let limit = within(self.settings.deadlines.look);
        limit
            .in_time(self.followers.follow(self.settings, wanted))
            .await
    }

    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::EntityRequest {
            dataset: dataset.to_owned(),
            id: id.to_owned(),
            offset,
        });
        let entity = limit.answer(self.client().entity(request)).await?;
        answered(checked_entity(entity))
    }

    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply> {
        let target = Target::Pipe(pipe.to_owned());
        let page_bytes = self.settings.bounds.page_bytes;
        push::push(self.client(), target, request, body, page_bytes).await
    }

    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        let target = Target::Dataset(dataset.to_owned());
        let page_bytes = self.settings.bounds.page_bytes;
        push::push(self.client(), target, request, body, page_bytes).await
    }

    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published> {
        let wanted = to_publish(pipe, request);
        feed::publish(self.client(), proto::feed_ask::Ask::Publish(wanted)).await
    }

    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        body: ByteStream,
    ) -> Result<ProxyReply> {
        let page_bytes = self.settings.bounds.page_bytes;
        proxy::proxy(self.client(), system, request, body, page_bytes).await
    }

    async fn systems(&self) -> Result<Vec<SystemReport>> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::SystemsRequest {});
        let reply = limit.answer(self.client().systems(request)).await?;
        Ok(reply.systems.into_iter().map(SystemReport::from).collect())
    }

    async fn run_all(&self, run: RunAll, user: &str) -> Result<RunnerStatus> {
        let limit = within(None);
        let request = limit.request(to_run_all(run, user));
        let status = limit.answer(self.client().run_all(request)).await?;
        answered(status.try_into())
    }

    async fn start_run_all(&self, run: RunAll, user: &str) -> Result<String> {
        let limit = within(self.settings.deadlines.change);
        let request = limit.request(to_run_all(run, user));
        let reply = limit.answer(self.client().start_run_all(request)).await?;
        Ok(reply.token)
    }

    async fn stop_run_all(&self, terminate_timeout: u64) -> Result<bool> {
        let waiting = Duration::from_secs(terminate_timeout);
        let limit = within(self.settings.deadlines.look.saturating_add(waiting));
        let request = limit.request(proto::StopRunAllRequest { terminate_timeout });
        let reply = limit.answer(self.client().stop_run_all(request)).await?;
        Ok(reply.stopped)
    }

    async fn run_all_log(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>> {
        let limit = within(self.settings.deadlines.look);
        let token = token.map(str::to_owned);
        let request = limit.request(proto::RunAllLogRequest { since, token });
        let mut client = self.client();
        let parts = client.run_all_log(request);
        limit
            .gather(parts, |part| part.lines, |line| Ok(line.into()))
            .await
    }

    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus> {
        let limit = within(self.settings.deadlines.look);
        let token = token.to_owned();
        let request = limit.request(proto::RunAllStatusRequest { token });
        let status = limit.answer(self.client().run_all_status(request)).await?;
        answered(status.try_into())
    }

    async fn run_all_rest(&self, run: &str) -> Result<Option<RunRest>> {
        let limit = within(self.settings.deadlines.look);
        let run = run.to_owned();
        let request = limit.request(proto::RunAllRestRequest { run });
        let reply = limit.answer(self.client().run_all_rest(request)).await?;
        Ok(reply.rest.map(RunRest::from))
    }

    async fn delete_all_sink_datasets(&self, user: &str) -> Result<()> {
        let limit = within(self.settings.deadlines.long);
        let request = limit.request(proto::DeleteAllSinkDatasetsRequest {
            user: user.to_owned(),
        });
        let mut client = self.client();
        let done = limit.answer(client.delete_all_sink_datasets(request)).await;
        done.map(|proto::Done {}| ())
    }

    async fn wait_for_revision(&self, revision: u64) -> Result<()> {
        let limit = within(self.settings.deadlines.long);
        let request = limit.request(proto::WaitForRevisionRequest { revision });
        let mut client = self.client();
        let done = limit.answer(client.wait_for_revision(request)).await;
        done.map(|proto::Done {}| ())
    }

    async fn reset(&self) -> Result<()> {
        let limit = within(self.settings.deadlines.long);
        let request = limit.request(proto::ResetWorkerRequest {});
        let done = limit.answer(self.client().reset(request)).await;
        done.map(|proto::Done {}| ())
    }

    async fn facts(&self) -> Result<Json> {
        let limit = within(self.settings.deadlines.look);
        let request = limit.request(proto::FactsRequest {});
        let reply = limit.answer(self.client().facts(request)).await?;
        answered(json(&reply.facts, "facts"))
    }
}
