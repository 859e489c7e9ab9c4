//! Which of several operators leads: a Lease of the cluster that the leader renews. Who loses it stops at once.
//!
//! A lease alone fences nothing: an operator that was frozen wakes up believing that it leads. So each leadership has an epoch that
//! grows, which goes with every request to a storage node that destroys something; the storage node refuses an earlier one.

mod decide;

use crate::{Error, Result};
use decide::{Decision, Seen, decide};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Resource};
use std::time::{Duration, Instant};

const KIND: &str = "Lease";

/// How operators find out who leads.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Where the Lease is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are.
    pub holder: String,
    /// The Deployment whose pods the operators are, if there is one: the Lease goes when it goes.
    pub deployment: Option<String>,
    /// How long a leader leads after it renewed.
    pub length: Duration,
    /// How often it renews.
    pub renew_every: Duration,
}

/// The lease, held.
pub struct Leadership {
    leases: Api<Lease>,
    settings: LeaseSettings,
    held: Lease,
    renewed: Instant,
    epoch: u64,
}

impl Leadership {
    /// Waits until it is ours.
    pub async fn win(client: Client, settings: LeaseSettings) -> Result<Leadership> {
        let deployments = Api::namespaced(client.clone(), &settings.namespace);
        let leases = Api::namespaced(client, &settings.namespace);
        let mut seen = Seen::default();
        loop {
            let present = leases.get_opt(&settings.name).await;
            let present = match present {
                Ok(present) => present,
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "the lease cannot be read");
                    tokio::time::sleep(settings.renew_every).await;
                    continue;
                }
                Err(error) => return Err(Error::api("read", KIND, &settings.name)(error)),
            };
            match decide(present.as_ref(), &mut seen, &settings, Instant::now()) {
                Decision::Wait(time) => tokio::time::sleep(time).await,
                Decision::Take => {
                    let asked = Instant::now();
                    match take(&leases, &deployments, &settings, present).await {
                        Ok(Some(held)) => {
                            return Ok(Leadership {
                                epoch: epoch(&held),
                                leases,
                                settings,
                                held,
                                renewed: asked,
                            });
                        }
                        Ok(None) => {}
                        // Whether it was taken shows at the next look: it is in our name then.
                        Err(error) if is_passing(&error) => {
                            tracing::warn!(%error, "the lease cannot be taken");
                            tokio::time::sleep(settings.renew_every).await;
                        }
                        Err(error) => return Err(Error::api("take", KIND, &settings.name)(error)),
                    }
                }
            }
        }
    }

    /// Grows with every leadership.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Renews for as long as it can be done; resolves when it is lost.
    pub async fn lost(&mut self) -> Error {
        loop {
            let end = self.renewed + self.settings.length * 2 / 3;
            tokio::time::sleep(self.settings.renew_every).await;
            let asked = Instant::now();
            match tokio::time::timeout_at(end.into(), self.renew()).await {
                Ok(Ok(held)) => {
                    self.held = held;
                    self.renewed = asked;
                }
                Ok(Err(error)) if is_passing(&error) && Instant::now() < end => {
                    tracing::warn!(%error, "the lease was not renewed");
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the lease was not renewed");
                    return Error::LeaseLost;
                }
                Err(_) => return Error::LeaseLost,
            }
        }
    }

    async fn renew(&self) -> Result<Lease, kube::Error> {
        let mut lease = self.held.clone();
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        self.leases
            .replace(&self.settings.name, &PostParams::default(), &lease)
            .await
    }

    /// Lets the next one lead at once.
    pub async fn release(self) {
        let mut lease = self.held;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.renew_time = None;
        }
        let posting = PostParams::default();
        let released = self.leases.replace(&self.settings.name, &posting, &lease);
        if let Err(error) = released.await {
            tracing::warn!(%error, "the lease was not released; the next operator waits for its end");
        }
    }
}

/// Takes it; `None` where somebody else was faster.
async fn take(
    leases: &Api<Lease>,
    deployments: &Api<Deployment>,
    settings: &LeaseSettings,
    present: Option<Lease>,
) -> Result<Option<Lease>, kube::Error> {
    let now = Timestamp::now();
    let before = present
        .as_ref()
        .and_then(|lease| lease.spec.clone())
        .unwrap_or_default();
    let spec = LeaseSpec {
        holder_identity: Some(settings.holder.clone()),
        // What the epoch is made of: later than any before, also where clocks differ.
        acquire_time: Some(MicroTime(decide::later(
            before.acquire_time.map(|time| time.0),
            now,
        ))),
        renew_time: Some(MicroTime(now)),
        lease_duration_seconds: i32::try_from(settings.length.as_secs()).ok(),
        lease_transitions: Some(
            before
                .lease_transitions
                .unwrap_or_default()
                .saturating_add(1),
        ),
        ..LeaseSpec::default()
    };
    let owner = match &settings.deployment {
        Some(name) => deployments.get_opt(name).await?,
        None => None,
    };
    let lease = |mut metadata: ObjectMeta| {
        metadata.owner_references = owner.as_ref().and_then(owned_by);
        Lease {
            metadata,
            spec: Some(spec),
        }
    };
    let written = match present {
        Some(present) => {
            let lease = lease(present.metadata);
            leases
                .replace(&settings.name, &PostParams::default(), &lease)
                .await
        }
        None => {
            let metadata = ObjectMeta {
                name: Some(settings.name.clone()),
                ..ObjectMeta::default()
            };
            leases
                .create(&PostParams::default(), &lease(metadata))
                .await
        }
    };
    match written {
        Ok(held) => Ok(Some(held)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

fn owned_by(deployment: &Deployment) -> Option<Vec<OwnerReference>> {
    Some(vec![deployment.owner_ref(&())?])
}

fn epoch(lease: &Lease) -> u64 {
    let acquired = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.acquire_time.as_ref());
    acquired
        .and_then(|time| u64::try_from(time.0.as_microsecond()).ok())
        .unwrap_or_default()
}

/// Whether it may be otherwise at the next try.
fn is_passing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code >= 500 || status.code == 429,
        _ => true,
    }
}
