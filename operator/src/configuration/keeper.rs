//! The loop of one hub: what happened, then a round.

use super::link::Link;
use super::round::Round;
use crate::api_writes::{self, Begun};
use crate::crd::{DataHub, Pipe, System};
use crate::metrics::Metrics;
use crate::microservice::{self, States};
use crate::tries::next_pause;
use crate::{Error, Result};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_resources};
use kube::{Api, Client};
use sluice_protocol::WriteIntent;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// News that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often everything is looked at although nothing happened: Secrets change without telling.
const ANYWAY: Duration = Duration::from_secs(60);
/// The same while something fails: each round tries it again.
const WHILE_FAILING: Duration = Duration::from_secs(2);
/// The kind of a round among what is counted.
const KIND: &str = "configuration";

/// A hub as its resources name it.
#[derive(Clone)]
pub struct Hub {
    /// The way to the API server.
    pub client: Client,
    /// Where its resources are.
    pub namespace: String,
    /// The name of its DataHub.
    pub name: String,
    /// What is counted.
    pub metrics: Metrics,
}

impl Hub {
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

impl Hub {
    /// For a failed request to the storage node.
    pub(crate) fn failed(
        &self,
        verb: &'static str,
    ) -> impl FnOnce(sluice_protocol::Error) -> Error + use<> {
        let hub = self.name.clone();
        move |source| Error::StorageNode {
            verb,
            hub,
            source: Box::new(source),
        }
    }
}

/// Something that a watch of resources said.
enum News {
    Pipe(Box<Event<Pipe>>),
    System(Box<Event<System>>),
    Hub(Box<Event<DataHub>>),
}

enum Happened {
    News(News),
    /// The hub has something else now, or it is time.
    Look,
    Write(WriteIntent),
}

/// Keeps the configuration of a hub until the storage node says that another operator leads. Dropped it stops at once, which may
/// leave a write half done: it is still waiting then, and whoever leads next does it again.
pub fn keep(hub: Hub, link: Link) -> BoxFuture<'static, Result<()>> {
    let (states, seen) = watch::channel(Arc::default());
    let microservices = microservice::keep(hub.clone(), link.clone(), states);
    let kept = keep_on(hub, link, seen);
    async move {
        tokio::select! {
            kept = kept => kept,
            () = microservices => Ok(()),
        }
    }
    .boxed()
}

async fn keep_on(
    hub: Hub,
    link: Link,
    mut microservices: watch::Receiver<Arc<States>>,
) -> Result<()> {
    let mut writes = link
        .control
        .watch_writes(link.operator_epoch)
        .await
        .map_err(hub.failed("watch writes"))?;
    writes.mark_changed();
    let mut news = news(&hub);
    let (mut configuration, mut topology) = (link.configuration.clone(), link.topology.clone());
    let mut anyway = tokio::time::interval(ANYWAY);
    anyway.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = Round::new(hub, link, microservices.clone());
    // When a round is due.
    let mut due: Option<Instant> = None;
    let mut failed_rounds = 0;
    // A write that failed, and when it is tried again; everything else goes on meanwhile.
    let mut begun: Option<Begun> = None;
    let mut retry: Option<Instant> = None;
    loop {
        let takes_writes = round.is_ready() && retry.is_none();
        let waiting = takes_writes.then(|| {
            let writes = writes.borrow();
            writes.first().cloned()
        });
        let happened = match waiting.flatten() {
            Some(write) if round.is_new(&write) => Happened::Write(write),
            _ => {
                tokio::select! {
                    Some(one) = news.next() => Happened::News(one),
                    () = moment(retry) => {
                        retry = None;
                        continue;
                    }
                    () = moment(due) => {
                        due = None;
                        let running = round.hub.metrics.reconciling(KIND);
                        let done = round.go().await;
                        running.ended(done.is_ok());
                        failed_rounds = if done.is_ok() { 0 } else { failed_rounds + 1 };
                        round.hub.metrics.failing(KIND, usize::from(done.is_err()));
                        if done.is_err() {
                            due = Some(Instant::now() + next_pause(failed_rounds));
                        }
                        continue;
                    }
                    Ok(()) = configuration.changed() => Happened::Look,
                    Ok(()) = topology.changed() => Happened::Look,
                    Ok(()) = microservices.changed() => Happened::Look,
                    changed = writes.changed() => match changed {
                        Ok(()) => continue,
                        // Another operator leads.
                        Err(_) => return Ok(()),
                    },
                    _ = anyway.tick() => {
                        round.look_at_secrets();
                        Happened::Look
                    }
                }
            }
        };
        match happened {
            Happened::News(News::Pipe(event)) => round.resources.pipes.apply(*event),
            Happened::News(News::System(event)) => {
                round.look_at_secrets();
                round.resources.systems.apply(*event);
            }
            Happened::News(News::Hub(event)) => round.resources.hubs.apply(*event),
            Happened::Look => {}
            Happened::Write(write) => {
                let trying = Begun::of(&mut begun, &write);
                let tried = api_writes::write(&mut round, &write, trying).await;
                if let Err(error) = tried {
                    let (error, pause) = (crate::controllers::chain(&error), trying.failed());
                    tracing::warn!(
                        request = write.request.0,
                        error,
                        ?pause,
                        "a write through the API waits for another try"
                    );
                    round.hub.metrics.wrote("put-off");
                    retry = Some(Instant::now() + pause);
                } else {
                    begun = None;
                }
            }
        }
        // What one resource fails of does not make news of others wait for its next try.
        let soon = if failed_rounds > 0 {
            WHILE_FAILING
        } else {
            TOGETHER
        };
        let soon = Instant::now() + soon;
        due = Some(due.map_or(soon, |due| due.min(soon)));
    }
}

/// Waits for a moment, for ever where there is none.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What happens to the resources of a hub. A watch that fails is begun anew, with growing pauses.
fn news(hub: &Hub) -> BoxStream<'static, News> {
    let of_hub = watcher::Config::default().fields(&format!("spec.hubRef.name={}", hub.name));
    let itself = watcher::Config::default().fields(&format!("metadata.name={}", hub.name));
    fn following<K>(api: Api<K>, config: watcher::Config) -> impl futures::Stream<Item = Event<K>>
    where
        K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        watch_resources(api, config)
            .default_backoff()
            .filter_map(async |event| match event {
                Ok(event) => Some(event),
                Err(error) => {
                    let error = crate::controllers::chain(&error);
                    tracing::warn!(error, "resources cannot be watched, trying again");
                    None
                }
            })
    }
    let pipes =
        following(hub.api::<Pipe>(), of_hub.clone()).map(|event| News::Pipe(Box::new(event)));
    let systems = following(hub.api::<System>(), of_hub).map(|event| News::System(Box::new(event)));
    let hubs = following(hub.api::<DataHub>(), itself).map(|event| News::Hub(Box::new(event)));
    futures::stream::select_all([pipes.boxed(), systems.boxed(), hubs.boxed()]).boxed()
}
