//! The controllers: what each watches, and which resource is looked at again when something else changes.

use crate::context::Context;
use crate::crd::{DataHub, Worker, WorkerPool};
use crate::tries::Tries;
use crate::{Error, Result, configuration, datahub, nodes, worker, worker_pool};
use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::controller::{self, Action, Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Changes that come together are answered together.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Resources of a kind that are looked at at the same time.
const CONCURRENCY: u16 = 8;

/// Starts the controllers of the namespaces that the settings name.
pub(crate) async fn start(context: &Arc<Context>, tasks: &TaskTracker, stop: &CancellationToken) {
    let watches_nodes = nodes::may_be_read(&context.client).await;
    if !watches_nodes {
        tracing::warn!("nodes cannot be read: drains and lost nodes are not noticed");
    }
    let named = context
        .settings
        .namespaces
        .iter()
        .map(|name| Some(name.clone()));
    let all = context.settings.namespaces.is_empty().then_some(None);
    for namespace in named.chain(all) {
        let scope = Scope {
            context: context.clone(),
            namespace,
            stop: stop.clone(),
        };
        tasks.spawn(configuration::hubs(
            context.clone(),
            scope.namespace.clone(),
            tasks.clone(),
            stop.clone(),
        ));
        tasks.spawn(scope.hubs());
        tasks.spawn(scope.pools());
        tasks.spawn(scope.workers(watches_nodes));
    }
}

struct Scope {
    context: Arc<Context>,
    namespace: Option<String>,
    stop: CancellationToken,
}

impl Scope {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let client: Client = self.context.client.clone();
        match &self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    fn hubs(&self) -> impl Future<Output = ()> + use<> {
        let controller = Controller::new(self.api::<DataHub>(), watcher::Config::default())
            .owns(self.api::<Pod>(), ours())
            .owns(self.api::<Deployment>(), ours());
        self.run("datahub", controller, datahub::reconcile)
    }

    fn pools(&self) -> impl Future<Output = ()> + use<> {
        let controller = Controller::new(self.api::<WorkerPool>(), watcher::Config::default());
        let pools = controller.store();
        let controller = controller
            .owns(self.api::<Worker>(), watcher::Config::default())
            .watches(
                self.api::<DataHub>(),
                watcher::Config::default(),
                move |hub| {
                    those(&pools, &hub, |pool: &WorkerPool| {
                        pool.spec.hub_ref.name == hub.name_any()
                    })
                },
            );
        self.run("workerpool", controller, worker_pool::reconcile)
    }

    fn workers(&self, watches_nodes: bool) -> impl Future<Output = ()> + use<> {
        let controller = Controller::new(self.api::<Worker>(), watcher::Config::default());
        let workers = controller.store();
        let of_hub = workers.clone();
        let mut controller = controller.owns(self.api::<Pod>(), ours()).watches(
            self.api::<DataHub>(),
            watcher::Config::default(),
            move |hub| {
                those(&of_hub, &hub, |worker: &Worker| {
                    worker.spec.hub_ref.name == hub.name_any()
                })
            },
        );
        if watches_nodes {
            let nodes = Api::<Node>::all(self.context.client.clone());
            controller = controller.watches(nodes, watcher::Config::default(), move |node| {
                let is_on = |worker: &&Arc<Worker>| {
                    let on = worker
                        .status
                        .as_ref()
                        .and_then(|status| status.node.as_deref());
                    on == node.metadata.name.as_deref()
                };
                workers
                    .state()
                    .iter()
                    .filter(is_on)
                    .map(|worker| ObjectRef::from_obj(&**worker))
                    .collect::<Vec<_>>()
            });
        }
        self.run("worker", controller, worker::reconcile)
    }

    fn run<K, F>(
        &self,
        kind: &'static str,
        controller: Controller<K>,
        reconcile: fn(Arc<K>, Arc<Context>) -> F,
    ) -> impl Future<Output = ()> + use<K, F>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
        F: Future<Output = Result<Action>> + Send + 'static,
    {
        // One resource that fails keeps no other one waiting, and is looked at less and less often.
        let tries: Arc<Tries<ObjectRef<K>>> = Arc::default();
        let (forgetting, metrics) = (tries.clone(), self.context.metrics.clone());
        let succeeding = tries.clone();
        let reconcile = move |resource: Arc<K>, context: Arc<Context>| {
            let tries = succeeding.clone();
            async move {
                let reference = ObjectRef::from_obj(&*resource);
                let running = context.metrics.reconciling(kind);
                let done = reconcile(resource, context.clone()).await;
                running.ended(done.is_ok());
                if done.is_ok() {
                    tries.forget(&reference);
                    context.metrics.failing(kind, tries.count());
                }
                done
            }
        };
        let running = controller
            .with_config(
                Config::default()
                    .debounce(DEBOUNCE)
                    .concurrency(CONCURRENCY),
            )
            .graceful_shutdown_on(self.stop.clone().cancelled_owned())
            .run(reconcile, after_failure(kind, tries), self.context.clone());
        running.for_each(move |outcome| {
            match outcome {
                Ok(_) => {}
                // Told where it happened.
                Err(controller::Error::ReconcilerFailed(..)) => {}
                Err(controller::Error::ObjectNotFound(gone)) => {
                    forgetting.forget(&gone.into_kind_unchecked::<K>(()));
                    metrics.failing(kind, forgetting.count());
                }
                Err(error) => tracing::warn!(kind, error = %chain(&error), "watching is disturbed"),
            }
            futures::future::ready(())
        })
    }
}

/// What the operator made.
fn ours() -> watcher::Config {
    watcher::Config::default().labels("app.kubernetes.io/managed-by=sluice-operator")
}

/// The resources of a hub, among all that are known.
fn those<K>(known: &Store<K>, hub: &DataHub, is_its: impl Fn(&K) -> bool) -> Vec<ObjectRef<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let namespace = hub.namespace();
    let of_hub = |resource: &&Arc<K>| resource.meta().namespace == namespace && is_its(resource);
    known
        .state()
        .iter()
        .filter(of_hub)
        .map(|resource| ObjectRef::from_obj(&**resource))
        .collect()
}

fn after_failure<K: Resource<DynamicType = ()>>(
    kind: &'static str,
    tries: Arc<Tries<ObjectRef<K>>>,
) -> impl Fn(Arc<K>, &Error, Arc<Context>) -> Action {
    move |resource, error, context| {
        let meta = resource.meta();
        let (namespace, name) = (
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        let pause = tries.failed(ObjectRef::from_obj(&*resource), Instant::now());
        context.metrics.failing(kind, tries.count());
        tracing::warn!(kind, namespace, name, error = %chain(error), ?pause, "a resource could not be looked after, trying again");
        Action::requeue(pause)
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
