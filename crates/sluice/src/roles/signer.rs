//! The storage node as the one who signs certificates: with the authority of a folder and the bootstrap secrets of a file, both
//! read again when they change.

use anyhow::{Context, Result};
use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::RwLock;
use sluice_identity::{
    Bootstrap, CertificateIssuer, Identity, IntermediateFiles, Role, SignedCertificate,
    SigningRefused, TrustBundle,
};
use sluice_protocol::transport::certificates::Certificates;
use sluice_protocol::{Assignments, Standing, Topology, WorkerId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Signs for the hub.
pub(super) struct Signer {
    hub: String,
    authority: PathBuf,
    bootstraps: Option<PathBuf>,
    present: RwLock<Present>,
    topology: watch::Receiver<Arc<Topology>>,
}

struct Present {
    issuer: CertificateIssuer,
    bootstraps: Vec<Bootstrap>,
    /// The texts they came from.
    texts: (IntermediateFiles, String),
}

impl Signer {
    /// Reads the files. Blocks.
    pub(super) fn open(
        hub: &str,
        authority: &Path,
        bootstraps: Option<&Path>,
        assignments: &dyn Assignments,
    ) -> Result<Self> {
        Ok(Signer {
            hub: hub.to_owned(),
            authority: authority.to_owned(),
            bootstraps: bootstraps.map(Path::to_owned),
            present: RwLock::new(read(hub, authority, bootstraps)?),
            topology: assignments.watch_topology(),
        })
    }

    /// Takes up changed files until stopped. Files that cannot be used leave what is there in use.
    pub(super) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        while tokio::time::timeout(LOOK_EVERY, stop.cancelled())
            .await
            .is_err()
        {
            let signer = self.clone();
            match tokio::task::spawn_blocking(move || signer.take_up()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(error = %format!("{error:#}"), "the authority's files cannot be used; what was read before stays in use");
                }
                Err(error) => tracing::error!(%error, "the authority's files were not looked at"),
            }
        }
    }

    fn take_up(&self) -> Result<()> {
        let next = read(&self.hub, &self.authority, self.bootstraps.as_deref())?;
        if self.present.read().texts != next.texts {
            tracing::info!(end = %next.issuer.end(), secrets = next.bootstraps.len(), "authority and bootstrap secrets read");
            *self.present.write() = next;
        }
        Ok(())
    }

    /// Who was retired gets nothing more.
    fn check(&self, asker: &Identity) -> Result<(), SigningRefused> {
        let is_worker = asker.role() == Role::Worker;
        let topology = self.topology.borrow();
        let facts = topology.workers.get(&WorkerId(asker.id().to_owned()));
        if is_worker && facts.is_some_and(|facts| facts.standing == Standing::Retired) {
            return Err(SigningRefused::Denied {
                asker: asker.clone(),
                reason: "this worker was retired".to_owned(),
            });
        }
        Ok(())
    }
}

fn read(hub: &str, authority: &Path, bootstraps: Option<&Path>) -> Result<Present> {
    let files = IntermediateFiles::load(authority)?;
    let issuer = CertificateIssuer::new(hub, &files, None, CertificateIssuer::LIFETIME)?;
    let text = match bootstraps {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => String::new(),
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let bootstraps = lines.map(serde_json::from_str).collect::<Result<_, _>>();
    let bootstraps = bootstraps.context("the file of bootstrap secrets cannot be read")?;
    Ok(Present {
        issuer,
        bootstraps,
        texts: (files, text),
    })
}

#[async_trait]
impl Certificates for Signer {
    async fn renew(
        &self,
        asker: &Identity,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused> {
        self.check(asker)?;
        let present = self.present.read();
        present.issuer.renew(asker, request, Timestamp::now())
    }

    async fn enrol(
        &self,
        asked: &Identity,
        secret: &str,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused> {
        self.check(asked)?;
        let present = self.present.read();
        let known = &present.bootstraps;
        present
            .issuer
            .enrol(known, asked, secret, request, Timestamp::now())
    }

    fn hub(&self) -> String {
        self.hub.clone()
    }

    fn trust(&self) -> TrustBundle {
        self.present.read().issuer.trust().clone()
    }
}
