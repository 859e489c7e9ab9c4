//! The loop of one hub's microservices: what is configured, what there is, what is asked.

use super::answers::Asked;
use super::apply::{apply, prune};
use super::build::build;
use super::seen::{Seen, news, system};
use super::state::{State, States, judge};
use super::wanted::{Wanted, wanted};
use crate::configuration::{Hub, Link};
use crate::context::owner;
use crate::controllers::chain;
use crate::crd::{DataHub, System};
use crate::objects::Namespace;
use crate::tries::next_pause;
use crate::{Error, Result};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use kube::api::ListParams;
use kube::{Resource, ResourceExt};
use sluice_config::{Microservice, microservice_name};
use sluice_protocol::{ComponentKind, RequestId, WaitingQuestion};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// News that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often everything is looked at although nothing happened: objects may be gone, secrets others.
const ANYWAY: Duration = Duration::from_secs(60);
/// How long after the questions ended, or could not be watched, they are watched again.
const AGAIN: Duration = Duration::from_secs(5);
/// Questions that are answered at the same time.
const AT_ONCE: usize = 8;

/// Keeps the microservices of a hub for as long as it is polled, and says how they are.
pub(crate) async fn keep(hub: Hub, link: Link, states: watch::Sender<Arc<States>>) {
    loop {
        if let Err(error) = keep_on(&hub, &link, &states).await {
            let error = chain(&error);
            tracing::warn!(
                hub = hub.name,
                error,
                "microservices are not looked after, trying again"
            );
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn keep_on(hub: &Hub, link: &Link, states: &watch::Sender<Arc<States>>) -> Result<()> {
    let mut questions = link
        .microservices
        .watch_questions(link.operator_epoch)
        .await
        .map_err(hub.failed("watch questions about microservices"))?;
    let mut configuration = link.configuration.clone();
    let mut news = news(hub);
    let mut anyway = tokio::time::interval(ANYWAY);
    anyway.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keeper = Keeper::new(hub, link);
    let mut answering: FuturesUnordered<BoxFuture<'_, RequestId>> = FuturesUnordered::new();
    let mut due: Option<Instant> = None;
    let mut failures = 0;
    loop {
        if keeper.seen.is_complete() && answering.len() < AT_ONCE {
            let waiting = questions.borrow_and_update().clone();
            let room = AT_ONCE - answering.len();
            for question in keeper.new_questions(&waiting, room) {
                answering.push(keeper.answer(question).boxed());
            }
        }
        tokio::select! {
            Some(one) = news.next() => keeper.seen.apply(one),
            Some(answered) = answering.next(), if !answering.is_empty() => {
                keeper.answered(&answered);
                continue;
            }
            changed = questions.changed() => match changed {
                Ok(()) => continue,
                // Another operator leads.
                Err(_) => return Ok(()),
            },
            Ok(()) = configuration.changed() => keeper.is_due = true,
            _ = anyway.tick() => keeper.forget(),
            () = moment(due) => {
                due = match keeper.go(states).await {
                    Ok(()) => {
                        failures = 0;
                        None
                    }
                    Err(error) => {
                        failures += 1;
                        let (error, pause) = (chain(&error), next_pause(failures));
                        tracing::warn!(hub = hub.name, error, ?pause, "microservices are behind");
                        Some(Instant::now() + pause)
                    }
                };
                continue;
            }
        }
        due.get_or_insert_with(|| Instant::now() + TOGETHER);
    }
}

/// Waits for a moment, for ever where there is none.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Keeper<'h> {
    hub: &'h Hub,
    link: &'h Link,
    namespace: Namespace,
    seen: Seen,
    /// What the configuration says is to be looked at again.
    is_due: bool,
    wanted: Wanted,
    /// Digests of what was applied, by system.
    applied: BTreeMap<String, String>,
    /// Why one could not be made.
    problems: BTreeMap<String, State>,
    /// Questions that are being answered, or were and are still shown.
    taken: HashSet<RequestId>,
}

impl<'h> Keeper<'h> {
    fn new(hub: &'h Hub, link: &'h Link) -> Self {
        Keeper {
            hub,
            link,
            namespace: Namespace::new(hub.client.clone(), hub.namespace.clone()),
            seen: Seen::default(),
            is_due: true,
            wanted: Wanted::default(),
            applied: BTreeMap::new(),
            problems: BTreeMap::new(),
            taken: HashSet::new(),
        }
    }

    /// Everything is looked at again as if nothing were known of it.
    fn forget(&mut self) {
        self.applied.clear();
        self.is_due = true;
    }

    /// Looks at everything once.
    async fn go(&mut self, states: &watch::Sender<Arc<States>>) -> Result<()> {
        if !self.seen.is_complete() {
            return Ok(());
        }
        let mut made = Ok(());
        if std::mem::take(&mut self.is_due) {
            made = self.make().await;
            self.is_due = made.is_err();
        }
        // Also where one could not be made: that is its state, and the others have theirs.
        let now = Arc::new(self.states());
        states.send_if_modified(|before| {
            let is_other = *before != now;
            *before = now;
            is_other
        });
        made
    }

    /// Makes what the configuration wants, and takes away what it does not.
    async fn make(&mut self) -> Result<()> {
        self.wanted = wanted(&self.link.configuration.borrow());
        if self.wanted.running.is_empty() && self.seen.deployments.all().is_empty() {
            self.problems.clear();
            return Ok(());
        }
        let hubs = self.hub.api::<DataHub>();
        let found = hubs.get_opt(&self.hub.name).await;
        let found = found.map_err(Error::api("read", "DataHub", &self.hub.name))?;
        let Some(found) = found.filter(|hub| hub.meta().deletion_timestamp.is_none()) else {
            return Ok(());
        };
        let owner = owner(&found);
        self.problems.clear();
        let running = std::mem::take(&mut self.wanted.running);
        let mut made = Ok(());
        for (system, microservice) in &running {
            // One that fails keeps no other one waiting.
            if let Err(error) = self.make_one(system, microservice, &owner).await {
                let message = chain(&error);
                let state = State::new(false, "CannotBeMade", message);
                self.problems.insert(system.clone(), state);
                made = Err(error);
            }
        }
        self.wanted.running = running;
        self.prune().await?;
        made
    }

    async fn make_one(
        &mut self,
        id: &str,
        microservice: &Microservice,
        owner: &serde_json::Value,
    ) -> Result<()> {
        let container = self
            .link
            .microservices
            .container(self.link.operator_epoch, id);
        let container = match container.await {
            Ok(container) => container,
            Err(error) if !error.code.is_retryable() => {
                // A change of the configuration or of a secret is what it waits for.
                let state = State::new(false, "NotComplete", error.message);
                self.problems.insert(id.to_owned(), state);
                return Ok(());
            }
            Err(error) => return Err(self.hub.failed("ask about a microservice")(error)),
        };
        let objects = build(&self.hub.name, owner, id, microservice, &container);
        let all = [
            Some(&objects.environment),
            objects.login.as_ref(),
            Some(&objects.service),
            Some(&objects.deployment),
        ];
        let digest: Vec<String> = all.into_iter().flatten().map(|one| one.digest()).collect();
        let digest = digest.join(" ");
        if self.applied.get(id) == Some(&digest) {
            return Ok(());
        }
        apply(&objects, &self.hub.name, &self.namespace).await?;
        self.applied.insert(id.to_owned(), digest);
        Ok(())
    }

    async fn prune(&mut self) -> Result<()> {
        let hub = &self.hub.name;
        let wanted = self.wanted.running.keys();
        let wanted: HashSet<String> = wanted.map(|id| microservice_name(hub, id)).collect();
        let deployments = self.seen.deployments.all().into_iter();
        let too_many: Vec<_> = deployments
            .filter(|deployment| !wanted.contains(&deployment.name_any()))
            .cloned()
            .collect();
        let configuration = self.link.configuration.borrow().clone();
        for deployment in too_many {
            let (name, system) = (deployment.name_any(), system(&deployment));
            let key = (ComponentKind::System, system.clone());
            if !configuration.components.contains_key(&key) && self.is_there(&system).await? {
                // A storage node that has lost its disk knows nothing of it yet.
                continue;
            }
            prune(&name, hub, &self.namespace).await?;
            self.applied.remove(&system);
            tracing::info!(hub, system, name, "a microservice is no longer wanted");
        }
        Ok(())
    }

    /// Whether there is a resource of a system, whatever the storage node knows.
    async fn is_there(&self, id: &str) -> Result<bool> {
        let systems = self.hub.api::<System>();
        let listed = systems.list(&ListParams::default()).await;
        let listed = listed.map_err(Error::api("list", "System", id))?;
        Ok(listed.items.iter().any(|system| {
            system.spec.hub_ref.name == self.hub.name
                && system.id() == id
                && system.meta().deletion_timestamp.is_none()
        }))
    }

    fn states(&self) -> States {
        let running = self.wanted.running.keys().map(|id| {
            let name = microservice_name(&self.hub.name, id);
            let deployment = self.seen.deployments.get(&name);
            let pods = self.seen.pods(&name);
            let pods: Vec<_> = pods.iter().map(|pod| &***pod).collect();
            let state = match self.problems.get(id) {
                Some(problem) => problem.clone(),
                None => judge(deployment.map(|deployment| &**deployment), &pods),
            };
            (id.clone(), state)
        });
        let unused = self.wanted.unused.iter().map(|id| {
            let state = State::new(true, "NotUsed", "it does not run: no pipe uses it");
            (id.clone(), state)
        });
        running.chain(unused).collect()
    }

    /// Those that nobody answers yet.
    fn new_questions(&mut self, waiting: &[WaitingQuestion], room: usize) -> Vec<WaitingQuestion> {
        let shown: HashSet<&RequestId> = waiting.iter().map(|one| &one.request).collect();
        self.taken.retain(|request| shown.contains(request));
        let new = waiting
            .iter()
            .filter(|one| !self.taken.contains(&one.request));
        let new: Vec<_> = new.take(room).cloned().collect();
        self.taken.extend(new.iter().map(|one| one.request.clone()));
        new
    }

    /// Answers one by what is seen now.
    fn answer(&self, waiting: WaitingQuestion) -> impl Future<Output = RequestId> + Send + 'h {
        let (link, asked) = (self.link, Asked::new(self.hub, &waiting, &self.seen));
        async move {
            let answer = asked.answer(&waiting).await;
            let told =
                link.microservices
                    .answer_question(link.operator_epoch, &waiting.request, answer);
            if let Err(error) = told.await {
                tracing::debug!(%error, "an answer about a microservice was not taken");
            }
            waiting.request
        }
    }

    /// One is answered. It may be shown a moment longer.
    fn answered(&mut self, request: &RequestId) {
        tracing::debug!(
            request = request.0,
            "a question about a microservice is answered"
        );
    }
}
