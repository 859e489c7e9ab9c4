//! How pipes do, said to the storage node where it changed: whether they have worked with their present configuration, and whether
//! the last run failed, and whether they are in the object store. A pipe that merely runs says nothing.

use crate::clock::Micros;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::shared::Shared;
use sluice_config::Mode;
use sluice_protocol::{Durable, Epoch, Flow, PipeFlow, Report, SessionId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until stopped.
pub(crate) async fn run(shared: Arc<Shared>, deployment: Arc<Deployment>, stop: CancellationToken) {
    let mut told = Told::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        // Another storage node, or the same after a restart, knows nothing of it.
        let session = shared.assignment.session();
        if session != told.session {
            told.said.clear();
            told.session = session;
        }
        let durable = |pipe: &str| {
            let durability = shared.durability.as_ref();
            durability.map_or(Durable::NotSaid, |durability| durability.durable(pipe))
        };
        let flows = told.news(&deployment.pipes(), shared.clock.now(), durable);
        if flows.is_empty() {
            continue;
        }
        let report = Report::Flowing {
            flows: flows.clone(),
        };
        match shared.assignment.report(report).await {
            Ok(()) => told.note(flows),
            Err(error) => tracing::debug!(%error, "cannot say how pipes do"),
        }
    }
}

/// What was said, by pipe.
#[derive(Default)]
struct Told {
    session: Option<SessionId>,
    said: HashMap<String, (Epoch, Flow)>,
    /// Since when each pipe has its configuration; `None`: it had it when it was seen first.
    since: HashMap<String, (String, Option<Micros>)>,
}

impl Told {
    /// What is not said yet.
    fn news(
        &mut self,
        pipes: &[Arc<Deployed>],
        now: Micros,
        durable: impl Fn(&str) -> Durable,
    ) -> Vec<PipeFlow> {
        let ids: HashSet<&str> = pipes.iter().map(|pipe| pipe.id.as_str()).collect();
        self.said.retain(|pipe, _| ids.contains(pipe.as_str()));
        self.since.retain(|pipe, _| ids.contains(pipe.as_str()));
        let mut news = Vec::new();
        for pipe in pipes {
            let hash = pipe.settings().content_hash.clone();
            let since = self.since.entry(pipe.id.clone());
            let since = since.or_insert_with(|| (hash.clone(), None));
            if since.0 != hash {
                *since = (hash.clone(), Some(now));
            }
            let (epoch, durable) = (pipe.epoch(), durable(&pipe.id));
            let known = self.said.get(&pipe.id);
            let flow = match is_failing(pipe, since.1) {
                Some(is_failing) => Flow {
                    configuration: hash,
                    is_failing,
                    durable,
                },
                None if durable == Durable::NotSaid => continue,
                // What was said of an earlier configuration is still true.
                None => {
                    let before = known.filter(|(said, _)| *said == epoch);
                    let before =
                        before.map(|(_, flow)| (flow.configuration.clone(), flow.is_failing));
                    let (configuration, is_failing) = before.unwrap_or_default();
                    Flow {
                        configuration,
                        is_failing,
                        durable,
                    }
                }
            };
            if known.is_none_or(|known| *known != (epoch, flow.clone())) {
                let pipe = pipe.id.clone();
                news.push(PipeFlow { pipe, epoch, flow });
            }
        }
        news
    }

    fn note(&mut self, flows: Vec<PipeFlow>) {
        for one in flows {
            self.said.insert(one.pipe, (one.epoch, one.flow));
        }
    }
}

/// Whether a pipe fails; `None`: nothing can be said of its present configuration, which it has since then.
fn is_failing(pipe: &Deployed, since: Option<Micros>) -> Option<bool> {
    let settings = pipe.settings();
    settings.runnable.as_ref().ok()?;
    // Others begin its work, or a person does.
    let waits = !settings.pump.exists() || settings.pump.mode != Mode::Scheduled;
    if waits || pipe.control.lock().disabled {
        return Some(false);
    }
    let progress = pipe.progress.lock();
    let ended = progress.last_run.as_ref()?;
    let worked = progress.configuration.as_deref() == Some(settings.content_hash.as_str());
    let is_its = since.map_or(!ended.success, |since| ended.started >= since);
    (worked || is_its).then_some(!ended.success)
}
