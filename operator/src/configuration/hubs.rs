//! Which hubs there are: the configuration of each is kept by a task of its own, for as long as it is there.

use super::keeper::{Hub, keep};
use super::link::Link;
use crate::Result;
use crate::context::Context;
use crate::controllers::chain;
use crate::crd::DataHub;
use crate::objects::Namespace;
use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use sluice_protocol::client::{
    ClientSettings, RemoteConfigurationControl, RemoteMicroserviceControl, RemotePlacementControl,
    RemoteStorageNode,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Between two tries to reach a storage node.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a storage node may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(10);
/// Shorter than the life of a link: what is kept never meets the end of a certificate.
const LIFE: Duration = Duration::from_secs(6 * 3600);

/// Keeps the configuration of the hubs of a namespace, or of all, until stopped.
pub(crate) async fn run(
    context: Arc<Context>,
    namespace: Option<String>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let client = context.client.clone();
    let api: Api<DataHub> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let mut events = watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    let mut kept = Kept {
        context,
        tasks,
        stop: stop.clone(),
        hubs: HashMap::new(),
        listed: HashSet::new(),
    };
    loop {
        tokio::select! {
            Some(event) = events.next() => match event {
                Ok(event) => kept.apply(event),
                Err(error) => tracing::warn!(error = %chain(&error), "hubs cannot be watched, trying again"),
            },
            () = stop.cancelled() => return,
        }
    }
}

/// Namespace and name.
type Name = (String, String);

struct Kept {
    context: Arc<Context>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends the task of each hub.
    hubs: HashMap<Name, CancellationToken>,
    listed: HashSet<Name>,
}

impl Kept {
    fn apply(&mut self, event: Event<DataHub>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(hub) => {
                self.listed.insert(name(&hub));
                self.see(&hub);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                self.hubs.retain(|name, end| {
                    let is_there = listed.contains(name);
                    if !is_there {
                        end.cancel();
                    }
                    is_there
                });
            }
            Event::Apply(hub) => self.see(&hub),
            Event::Delete(hub) => self.end(&name(&hub)),
        }
    }

    fn see(&mut self, hub: &DataHub) {
        let name = name(hub);
        if hub.meta().deletion_timestamp.is_some() {
            return self.end(&name);
        }
        if self.hubs.contains_key(&name) {
            return;
        }
        let end = self.stop.child_token();
        let task = keep_one(self.context.clone(), name.clone());
        let ending = end.clone().cancelled_owned();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = ending => {}
            }
        });
        self.hubs.insert(name, end);
    }

    fn end(&mut self, name: &Name) {
        if let Some(end) = self.hubs.remove(name) {
            end.cancel();
        }
    }
}

fn name(hub: &DataHub) -> Name {
    (hub.namespace().unwrap_or_default(), hub.name_any())
}

async fn keep_one(context: Arc<Context>, (namespace, name): Name) {
    loop {
        if let Err(error) = attempt(&context, &namespace, &name).await {
            let error = chain(&error);
            tracing::warn!(
                namespace,
                hub = name,
                error,
                "the configuration of a hub is not kept, trying again"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Keeps the configuration of a hub as long as its link lasts.
async fn attempt(context: &Context, namespace: &str, name: &str) -> Result<()> {
    let client = context.client.clone();
    let names = Namespace::new(client.clone(), namespace.to_owned());
    let Some(link) = context.links.get(&names, name).await? else {
        // Its storage node is yet to come.
        return Ok(());
    };
    let (channel, settings) = (link.channel().clone(), ClientSettings::default());
    let connecting = RemoteStorageNode::connect(channel.clone(), settings);
    let Ok(storage) = tokio::time::timeout(PATIENCE, connecting).await else {
        return Ok(());
    };
    let hub = Hub {
        metrics: context.metrics.clone(),
        client,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let ours = Link {
        operator_epoch: context.epoch,
        control: Arc::new(RemoteConfigurationControl::new(channel.clone(), settings)),
        configuration: sluice_protocol::StorageNode::watch(&storage),
        topology: link.watch_topology(),
        placement: Arc::new(RemotePlacementControl::new(channel.clone(), settings)),
        microservices: Arc::new(RemoteMicroserviceControl::new(channel, settings)),
    };
    match tokio::time::timeout(LIFE, keep(hub, ours)).await {
        Ok(kept) => kept,
        Err(_) => Ok(()),
    }
}
