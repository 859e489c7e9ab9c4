//! The requests of a write: all with dry run first, then all.

use super::MANAGER;
use super::plan::{Deleted, Step, word};
use crate::configuration::Hub;
use crate::crd::{DataHub, Pipe, System};
use crate::{Error, Result};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use sluice_protocol::ComponentKind;
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests that go on at the same time.
const AT_ONCE: usize = 16;

/// What there is after a write.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) systems: Vec<System>,
    pub(crate) hub: Option<DataHub>,
    pub(crate) deleted: Vec<Deleted>,
    /// The first request that failed. Those after it were not sent.
    pub(crate) failed: Option<Failed>,
    /// Ids of components of which nobody knows whether they were written: no answer came.
    pub(crate) unclear: Vec<String>,
}

/// A request that failed.
pub(crate) struct Failed {
    pub(crate) word: &'static str,
    pub(crate) id: String,
    pub(crate) error: kube::Error,
}

impl Failed {
    pub(crate) fn into_error(self) -> Error {
        Error::api("write", self.word, &self.id)(self.error)
    }
}

/// What one request gave.
enum One {
    Pipe(Box<Pipe>),
    System(Box<System>),
    Hub(Box<DataHub>),
    Deleted(Deleted),
    /// One before it had failed.
    NotSent,
}

/// Sends the requests until one fails; those on their way then are waited for, so that what was written is known.
pub(crate) async fn apply(hub: &Hub, steps: &[Step], is_dry: bool) -> Outcome {
    let has_failed = AtomicBool::new(false);
    let requests: Vec<BoxFuture<'_, _>> = steps
        .iter()
        .map(|step| attempt(hub, step, is_dry, &has_failed).boxed())
        .collect();
    let mut requests = stream::iter(requests).buffered(AT_ONCE);
    let mut outcome = Outcome::default();
    while let Some(done) = requests.next().await {
        match done {
            Ok(One::Pipe(pipe)) => outcome.pipes.push(*pipe),
            Ok(One::System(system)) => outcome.systems.push(*system),
            Ok(One::Hub(hub)) => outcome.hub = Some(*hub),
            Ok(One::Deleted(gone)) => outcome.deleted.push(gone),
            Ok(One::NotSent) => {}
            Err((step, error)) => {
                let (kind, id) = match step {
                    Step::Apply { kind, id, .. } => (*kind, id.clone()),
                    Step::Delete(gone) => (gone.kind, gone.id.clone()),
                };
                if !matches!(error, kube::Error::Api(_)) {
                    outcome.unclear.push(id.clone());
                }
                outcome.failed.get_or_insert(Failed {
                    word: word(kind),
                    id,
                    error,
                });
            }
        }
    }
    outcome
}

async fn attempt<'s>(
    hub: &Hub,
    step: &'s Step,
    is_dry: bool,
    has_failed: &AtomicBool,
) -> std::result::Result<One, (&'s Step, kube::Error)> {
    if has_failed.load(Ordering::Relaxed) {
        return Ok(One::NotSent);
    }
    let done = send(hub, step, is_dry).await;
    has_failed.fetch_or(done.is_err(), Ordering::Relaxed);
    done.map_err(|error| (step, error))
}

async fn send(hub: &Hub, step: &Step, is_dry: bool) -> Result<One, kube::Error> {
    let (kind, name, patch) = match step {
        Step::Apply {
            kind, name, patch, ..
        } => (*kind, name, Patch::Apply(patch)),
        Step::Delete(gone) => return delete(hub, gone, is_dry).await,
    };
    let mut parameters = PatchParams::apply(MANAGER);
    parameters.dry_run = is_dry;
    Ok(match kind {
        ComponentKind::Pipe => {
            let written = hub.api::<Pipe>().patch(name, &parameters, &patch).await?;
            One::Pipe(Box::new(written))
        }
        ComponentKind::System => {
            let written = hub.api::<System>().patch(name, &parameters, &patch).await?;
            One::System(Box::new(written))
        }
        ComponentKind::Metadata => {
            let written = hub
                .api::<DataHub>()
                .patch(name, &parameters, &patch)
                .await?;
            One::Hub(Box::new(written))
        }
    })
}

async fn delete(hub: &Hub, gone: &Deleted, is_dry: bool) -> Result<One, kube::Error> {
    let exactly = Preconditions {
        uid: Some(gone.uid.clone()),
        resource_version: None,
    };
    let mut parameters = DeleteParams::default().preconditions(exactly);
    parameters.dry_run = is_dry;
    let deleted = match gone.kind {
        ComponentKind::System => {
            let api = hub.api::<System>();
            api.delete(&gone.name, &parameters).await.map(drop)
        }
        ComponentKind::Pipe | ComponentKind::Metadata => {
            let api = hub.api::<Pipe>();
            api.delete(&gone.name, &parameters).await.map(drop)
        }
    };
    match deleted {
        // Gone before, or another one by now: the one that was meant is not there.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
        deleted => deleted?,
    }
    Ok(One::Deleted(gone.clone()))
}
