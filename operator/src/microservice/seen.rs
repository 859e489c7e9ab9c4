//! What there is of a hub's microservices in the cluster, by watching it.

use super::{COMPONENT, LABEL, SYSTEM};
use crate::configuration::{Hub, Objects};
use crate::controllers::chain;
use crate::names;
use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt};
use std::sync::Arc;

/// Deployments and pods of microservices.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) deployments: Objects<Deployment>,
    pods: Objects<Pod>,
}

/// What the watches say.
pub(super) enum News {
    Deployment(Box<Event<Deployment>>),
    Pod(Box<Event<Pod>>),
}

impl Seen {
    pub(super) fn apply(&mut self, news: News) {
        match news {
            News::Deployment(event) => self.deployments.apply(*event),
            News::Pod(event) => self.pods.apply(*event),
        }
    }

    /// Whether all there are have been seen: before that nothing can be said to be too many.
    pub(super) fn is_complete(&self) -> bool {
        self.deployments.is_complete() && self.pods.is_complete()
    }

    /// The pods of one.
    pub(super) fn pods(&self, name: &str) -> Vec<&Arc<Pod>> {
        let is_its = |pod: &&Arc<Pod>| pod.labels().get(LABEL).map(String::as_str) == Some(name);
        self.pods.all().into_iter().filter(is_its).collect()
    }
}

/// The id of the system that an object is for.
pub(super) fn system(deployment: &Deployment) -> String {
    let system = deployment.annotations().get(SYSTEM);
    system.cloned().unwrap_or_default()
}

/// What happens to them. A watch that fails is begun anew, with growing pauses.
pub(super) fn news(hub: &Hub) -> BoxStream<'static, News> {
    let labels = names::of_component(&hub.name, COMPONENT);
    let config = watcher::Config::default().labels(&labels);
    fn following<K>(api: Api<K>, config: watcher::Config) -> impl futures::Stream<Item = Event<K>>
    where
        K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        watcher(api, config)
            .default_backoff()
            .filter_map(async |event| match event {
                Ok(event) => Some(event),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "microservices cannot be watched, trying again");
                    None
                }
            })
    }
    let deployments = following(hub.api::<Deployment>(), config.clone());
    let pods = following(hub.api::<Pod>(), config);
    futures::stream::select(
        deployments.map(|event| News::Deployment(Box::new(event))),
        pods.map(|event| News::Pod(Box::new(event))),
    )
    .boxed()
}
