//! The calls of the trait: to one worker, or to all. Those that only read wait while a pipe changes hands.

use super::patience::Wanted;
use super::{Answered, Fleet, merge, no_worker, parted};
use async_trait::async_trait;
use sluice_dataset::SinceToken;
use sluice_entity::{Entity, Json};
use sluice_protocol::{
    ByteStream, ComponentKind, DatasetReport, EntityStage, Feed, FollowStream, Liveness,
    PipeReport, Placement, ProxyReply, ProxyRequest, PublishRequest, Published, PumpRequest,
    PushReply, PushRequest, ReadRequest, Result, RunAll, RunRest, RunnerLogLine, RunnerStatus,
    SystemReport, Worker, WorkerId,
};
use std::collections::{BTreeMap, HashMap};

#[async_trait]
impl Worker for Fleet {
    async fn pipes(&self) -> Result<Vec<PipeReport>> {
        let asked = self.each(self.present(), |worker| async move { worker.pipes().await });
        let (mut reports, mut silent) = (HashMap::new(), HashMap::new());
        for Answered { worker, answer } in asked.await {
            match answer {
                Ok(list) => {
                    let own = list.into_iter().map(|report| (report.id.clone(), report));
                    reports.insert(worker, own.collect::<BTreeMap<_, _>>());
                }
                Err(error) => {
                    silent.insert(worker, error.message);
                }
            }
        }
        let (configuration, topology, directory) =
            (self.configuration(), self.topology(), self.directory());
        let pipes = configuration
            .components
            .values()
            .filter(|component| component.kind == ComponentKind::Pipe);
        let all = pipes.map(|component| {
            let place = match directory.place(&topology, &component.id) {
                Ok(place) => place,
                Err(error) => return merge::unreported(component, error.message),
            };
            let own = reports.get_mut(&place.worker);
            own.and_then(|own| own.remove(&component.id))
                .unwrap_or_else(|| {
                    let why = silent.get(&place.worker);
                    let why = why.map_or("it is being taken up", String::as_str);
                    merge::unreported(component, format!("worker {}: {why}", place.worker))
                })
        });
        Ok(all.collect())
    }

    async fn pipe(&self, id: &str) -> Result<PipeReport> {
        let report = self.reading(
            Wanted::Pipe(id),
            |worker| async move { worker.pipe(id).await },
        );
        report.await
    }

    async fn operate_pump(&self, pipe: &str, request: PumpRequest) -> Result<PipeReport> {
        let report = self.of_pipe(pipe)?.operate_pump(pipe, request).await;
        report.map_err(|error| self.known(pipe, error))
    }

    async fn read_pipe(&self, pipe: &str, stage: EntityStage, read: ReadRequest) -> Result<Feed> {
        let feed = self.reading(Wanted::Pipe(pipe), |worker| {
            let read = read.clone();
            async move { worker.read_pipe(pipe, stage, read).await }
        });
        feed.await
    }

    async fn datasets(&self) -> Result<Vec<DatasetReport>> {
        let asked = self.each(self.everybody()?, |worker| async move {
            worker.datasets().await
        });
        let (lists, failed) = parted(asked.await);
        // A list without the datasets of a worker that does not answer would look complete.
        if let Some(error) = failed.into_iter().next() {
            return Err(error);
        }
        Ok(merge::datasets(&self.topology(), &self.directory(), lists))
    }

    async fn dataset(&self, name: &str) -> Result<DatasetReport> {
        let report = self.reading(Wanted::Dataset(name), |worker| async move {
            worker.dataset(name).await
        });
        report.await
    }

    async fn delete_dataset(&self, name: &str, user: &str) -> Result<()> {
        let worker = self.of_dataset(name).await?;
        worker.delete_dataset(name, user).await
    }

    async fn read_dataset(&self, name: &str, read: ReadRequest) -> Result<Feed> {
        let feed = self.reading(Wanted::Dataset(name), |worker| {
            let read = read.clone();
            async move { worker.read_dataset(name, read).await }
        });
        feed.await
    }

    async fn follow_dataset(
        &self,
        name: &str,
        position: Option<SinceToken>,
    ) -> Result<FollowStream> {
        let stream = self.reading(Wanted::Dataset(name), |worker| async move {
            worker.follow_dataset(name, position).await
        });
        stream.await
    }

    async fn entity(&self, dataset: &str, id: &str, offset: Option<u64>) -> Result<Entity> {
        let entity = self.reading(Wanted::Dataset(dataset), |worker| async move {
            worker.entity(dataset, id, offset).await
        });
        entity.await
    }

    async fn push(&self, pipe: &str, request: PushRequest, body: ByteStream) -> Result<PushReply> {
        let reply = self.of_pipe(pipe)?.push(pipe, request, body).await;
        reply.map_err(|error| self.known(pipe, error))
    }

    async fn write_dataset(
        &self,
        dataset: &str,
        request: PushRequest,
        body: ByteStream,
    ) -> Result<PushReply> {
        let worker = self.to_write(dataset).await?;
        worker.write_dataset(dataset, request, body).await
    }

    async fn publish(&self, pipe: &str, request: PublishRequest) -> Result<Published> {
        let published = self.reading(Wanted::Pipe(pipe), |worker| {
            let request = request.clone();
            async move { worker.publish(pipe, request).await }
        });
        published.await
    }

    /// Any worker can. What belongs together goes by the same one.
    async fn proxy(
        &self,
        system: &str,
        request: ProxyRequest,
        body: ByteStream,
    ) -> Result<ProxyReply> {
        let present = self.present();
        let sum = system.bytes().map(usize::from).sum::<usize>();
        let chosen = present.get(sum % present.len().max(1));
        let worker = self.reach(chosen.ok_or_else(no_worker)?)?;
        worker.proxy(system, request, body).await
    }

    async fn systems(&self) -> Result<Vec<SystemReport>> {
        let lists = self
            .all(|worker| async move { worker.systems().await })
            .await?;
        Ok(merge::systems(lists))
    }

    async fn run_all(&self, run: RunAll, user: &str) -> Result<RunnerStatus> {
        self.run_everywhere(run, user).await
    }

    async fn start_run_all(&self, run: RunAll, user: &str) -> Result<String> {
        self.start_everywhere(run, user).await
    }

    async fn stop_run_all(&self, terminate_timeout: u64) -> Result<bool> {
        self.stop_everywhere(terminate_timeout).await
    }

    async fn run_all_log(
        &self,
        since: Option<u64>,
        token: Option<&str>,
    ) -> Result<Vec<RunnerLogLine>> {
        self.log_of(since, token).await
    }

    async fn run_all_status(&self, token: &str) -> Result<RunnerStatus> {
        self.status_of(token).await
    }

    /// Who asks here is no worker with a part of a run.
    async fn run_all_rest(&self, _: &str) -> Result<Option<RunRest>> {
        Ok(None)
    }

    async fn delete_all_sink_datasets(&self, user: &str) -> Result<()> {
        let emptied = self.all(|worker| async move { worker.delete_all_sink_datasets(user).await });
        emptied.await.map(|_| ())
    }

    /// Waits for everybody who is heard of. Who falls silent is waited for until the storage node says so too; it takes the
    /// revision up before it owns anything again.
    async fn wait_for_revision(&self, revision: u64) -> Result<()> {
        let mut topology = self.topology.clone();
        loop {
            let known = topology.wait_for(|topology| topology.revision >= revision);
            let live = live(&*known.await.map_err(|_| stopping())?);
            let mut places = self.present();
            places.retain(|place| live.contains(&place.worker));
            let asked = self
                .each(places, |worker| async move {
                    worker.wait_for_revision(revision).await
                })
                .await;
            if asked.iter().all(|one| one.answer.is_ok()) {
                return Ok(());
            }
            topology.changed().await.map_err(|_| stopping())?;
        }
    }

    async fn reset(&self) -> Result<()> {
        let done = self.all(|worker| async move { worker.reset().await });
        done.await.map(|_| ())
    }

    async fn facts(&self) -> Result<Json> {
        let asked = self.each(self.present(), |worker| async move { worker.facts().await });
        let workers = asked.await.into_iter().map(|one| {
            let facts = one.answer.unwrap_or_else(|error| {
                let problem = Json::from(error.message.as_str());
                Json::Object(vec![
                    ("healthy".to_owned(), Json::Bool(false)),
                    ("problem".to_owned(), problem),
                ])
            });
            (one.worker.0, facts)
        });
        let topology = self.topology();
        let owned = |placement: &&Placement| matches!(placement, Placement::Owned { .. });
        let count = |number: usize| Json::from(i64::try_from(number).unwrap_or(i64::MAX));
        let placed = topology.pipes.values().filter(owned).count();
        Ok(Json::Object(vec![
            ("pipes".to_owned(), count(topology.pipes.len())),
            ("placed".to_owned(), count(placed)),
            ("workers".to_owned(), Json::Object(workers.collect())),
        ]))
    }
}

fn live(topology: &sluice_protocol::Topology) -> Vec<WorkerId> {
    let live = topology
        .workers
        .iter()
        .filter(|(_, facts)| facts.liveness == Liveness::Live);
    live.map(|(id, _)| id.clone()).collect()
}

fn stopping() -> sluice_protocol::Error {
    sluice_protocol::Error::new(
        sluice_protocol::Code::Unavailable,
        "stopping",
        "the storage node is not watched any more",
    )
}
