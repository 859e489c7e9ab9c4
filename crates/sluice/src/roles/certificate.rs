//! The certificate by which other roles know this one: got, kept over a restart, renewed.

use crate::settings::Settings;
use anyhow::{Context, Result};
use rustls::time_provider::DefaultTimeProvider;
use sluice_identity::{
    Credential, Expected, Identity, Role, RoleCertificate, SigningRequest, TrustBundle,
};
use sluice_protocol::transport::PeerChannel;
use sluice_protocol::transport::certificates::{
    Certificates, CertificatesClient, Enrolment, Own, Renewal, RenewalSettings, enrol,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

/// Below the data folder.
const FOLDER: &str = "role";
/// Between two tries to get the first certificate, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The identity that the settings give.
pub(super) fn identity(settings: &Settings, role: Role) -> Result<Identity> {
    Ok(Identity::new(&settings.hub, role, &settings.id)?)
}

/// The storage node's own, which it signs itself.
pub(super) async fn own<C: Certificates>(
    signer: &Arc<C>,
    identity: Identity,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<RoleCertificate> {
    let request = SigningRequest::new(&identity)?;
    let signed = signer.renew(&identity, request.der()).await?;
    let credential = request.with_chain(signed.chain)?;
    let role = RoleCertificate::new(credential, signed.trust, Arc::new(DefaultTimeProvider))?;
    let source = Own {
        certificates: signer.clone(),
        identity,
    };
    let renewal = Renewal::new(role.clone(), source, RenewalSettings::default(), None);
    tasks.spawn(renewal.run(stop.clone().cancelled_owned()));
    Ok(role)
}

/// That of any other role, with the channel to the storage node it opens: the one that was kept, if it is still good, else a
/// first one. Waits for the storage node.
pub(super) async fn of_client(
    settings: &Settings,
    role: Role,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(RoleCertificate, PeerChannel)> {
    let identity = identity(settings, role)?;
    let folder = settings.data.join(FOLDER);
    let enrolment = enrolment(settings, &identity)?;
    let certificate = match kept(&folder, &identity)? {
        Some(certificate) => certificate,
        None => {
            let Some(enrolment) = &enrolment else {
                anyhow::bail!(
                    "there is no certificate in {} yet: give --enrolment, --bootstrap-secret-file and --trust",
                    folder.display()
                );
            };
            let certificate = first(enrolment).await;
            keep(&certificate, folder.clone()).await?;
            certificate
        }
    };
    let address = settings.storage_node.as_deref().unwrap_or_default();
    let channel = PeerChannel::new(address, Expected::any(Role::StorageNode), &certificate)?;
    let mut source = CertificatesClient::new(channel.clone());
    if let Some(enrolment) = enrolment {
        source = source.or_enrol(certificate.clone(), enrolment);
    }
    let settings = RenewalSettings::default();
    let renewal = Renewal::new(certificate.clone(), source, settings, Some(folder));
    tasks.spawn(renewal.run(stop.clone().cancelled_owned()));
    Ok((certificate, channel))
}

/// What was kept, if it is ours and good for now.
fn kept(folder: &Path, identity: &Identity) -> Result<Option<RoleCertificate>> {
    let Some((credential, trust)) = Credential::load(folder)? else {
        return Ok(None);
    };
    if credential.identity() != identity {
        anyhow::bail!(
            "the data folder belongs to {}, and this is {identity}",
            credential.identity()
        );
    }
    match RoleCertificate::new(credential, trust, Arc::new(DefaultTimeProvider)) {
        Ok(certificate) => Ok(Some(certificate)),
        Err(error) => {
            tracing::warn!(%error, "the certificate that was kept is not good any more");
            Ok(None)
        }
    }
}

/// How a first certificate is got; `None` where the settings do not say.
fn enrolment(settings: &Settings, identity: &Identity) -> Result<Option<Enrolment>> {
    let (Some(address), Some(secret), Some(trust)) = (
        &settings.enrolment,
        &settings.bootstrap_secret_file,
        &settings.trust,
    ) else {
        return Ok(None);
    };
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let secret = Zeroizing::new(read(secret)?);
    Ok(Some(Enrolment {
        address: address.clone(),
        identity: identity.clone(),
        secret: Zeroizing::new(secret.trim().to_owned()),
        trust: TrustBundle::from_pem(read(trust)?.as_bytes())?,
    }))
}

/// Asks until there is one: the storage node may come later than this process.
async fn first(enrolment: &Enrolment) -> RoleCertificate {
    let mut pause = Duration::from_millis(100);
    loop {
        match enrol(enrolment, Arc::new(DefaultTimeProvider)).await {
            Ok(certificate) => return certificate,
            Err(error) => {
                tracing::warn!(%error, at = enrolment.address, "no certificate from the storage node yet");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn keep(certificate: &RoleCertificate, folder: PathBuf) -> Result<()> {
    let (credential, trust) = (certificate.credential(), certificate.trust());
    crate::process::blocking(move || Ok(credential.save(&folder, &trust)?)).await
}
