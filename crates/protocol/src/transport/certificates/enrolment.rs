//! The first certificate of an instance: got with a bootstrap secret from the storage node's port for that.

use super::SourceError;
use super::client::{in_time, signed_from_wire};
use crate::transport::channel::endpoint;
use crate::transport::connector::connect;
use crate::wire::proto;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::time_provider::TimeProvider;
use sluice_identity::{
    Identity, RoleCertificate, SignedCertificate, SigningRequest, TrustBundle,
    enrolment_client_settings,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tower::service_fn;
use zeroize::Zeroizing;

/// Time for the connection.
const CONNECT: Duration = Duration::from_secs(5);

/// What a new instance knows before it has a certificate.
pub struct Enrolment {
    /// `host:port` of the storage node's port for first certificates.
    pub address: String,
    /// Who it is.
    pub identity: Identity,
    /// What lets it be that.
    pub secret: Zeroizing<String>,
    /// Whom it trusts to be the storage node; it came together with the secret.
    pub trust: TrustBundle,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enrolment({} at {})", self.identity, self.address)
    }
}

/// Asks once. The secret goes only to a server that is the hub's storage node by the bundle.
///
/// # Errors
/// No connection, a server that is somebody else, or its refusal (a `tonic::Status` in the error).
pub async fn enrol(
    enrolment: &Enrolment,
    clock: Arc<dyn TimeProvider>,
) -> Result<RoleCertificate, SourceError> {
    let request = SigningRequest::new(&enrolment.identity)?;
    let trust = &enrolment.trust;
    let signed = sign_with_secret(enrolment, trust, request.der(), clock.clone()).await?;
    let credential = request.with_chain(signed.chain)?;
    if *credential.identity() != enrolment.identity {
        let problem = format!("the certificate is for {}", credential.identity());
        return Err(problem.into());
    }
    Ok(RoleCertificate::new(credential, signed.trust, clock)?)
}

/// Gets a request signed for the secret. `trust` says who may see it.
pub(super) async fn sign_with_secret(
    enrolment: &Enrolment,
    trust: &TrustBundle,
    request: &[u8],
    clock: Arc<dyn TimeProvider>,
) -> Result<SignedCertificate, SourceError> {
    let identity = &enrolment.identity;
    let settings = enrolment_client_settings(identity.hub(), trust, clock)?;
    let address = enrolment.address.clone();
    let connector = service_fn(move |_: Uri| {
        let (address, settings) = (address.clone(), settings.clone());
        async move {
            let (stream, _) = connect(&address, settings, CONNECT).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    let channel = endpoint(&enrolment.address)?
        .connect_with_connector(connector)
        .await?;
    let message = proto::SigningRequest {
        request: request.to_vec().into(),
        bootstrap: Some(proto::Bootstrap {
            role: identity.role().to_string(),
            id: identity.id().to_owned(),
            secret: enrolment.secret.to_string(),
        }),
    };
    let answer = proto::certificates_client::CertificatesClient::new(channel)
        .sign(in_time(message))
        .await?;
    Ok(signed_from_wire(answer.into_inner())?)
}
