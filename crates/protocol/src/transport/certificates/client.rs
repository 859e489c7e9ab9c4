//! Asks the storage node for certificates over the network.

use super::enrolment::sign_with_secret;
use super::{Enrolment, Source, SourceError};
use crate::transport::PeerChannel;
use crate::wire::proto;
use async_trait::async_trait;
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use sluice_identity::{Result, RoleCertificate, SignedCertificate, TrustBundle};
use std::sync::Arc;
use std::time::Duration;
use tonic::Request;

/// Time for one call.
pub(super) const CALL: Duration = Duration::from_secs(10);

/// The storage node as a [`Source`].
#[derive(Clone, Debug)]
pub struct CertificatesClient {
    channel: PeerChannel,
    again: Option<Arc<Again>>,
}

/// How to get a certificate when there is none that would open the channel.
#[derive(Debug)]
struct Again {
    role: RoleCertificate,
    enrolment: Enrolment,
}

impl CertificatesClient {
    /// Over this channel, which must expect the storage node.
    pub fn new(channel: PeerChannel) -> Self {
        CertificatesClient {
            channel,
            again: None,
        }
    }

    /// A role whose certificate ended, because nobody was there to renew it, asks with its bootstrap secret again. The secret
    /// is shown to whom the role trusts then.
    #[must_use]
    pub fn or_enrol(mut self, role: RoleCertificate, enrolment: Enrolment) -> Self {
        self.again = Some(Arc::new(Again { role, enrolment }));
        self
    }

    fn client(&self) -> proto::certificates_client::CertificatesClient<PeerChannel> {
        proto::certificates_client::CertificatesClient::new(self.channel.clone())
    }
}

#[async_trait]
impl Source for CertificatesClient {
    async fn sign(&self, request: &[u8]) -> Result<SignedCertificate, SourceError> {
        if let Some(Again { role, enrolment }) = self.again.as_deref()
            && !role.is_valid()
        {
            let trust = role.trust();
            return sign_with_secret(enrolment, &trust, request, role.clock()).await;
        }
        let request = proto::SigningRequest {
            request: request.to_vec().into(),
            bootstrap: None,
        };
        let answer = self.client().sign(in_time(request)).await?;
        Ok(signed_from_wire(answer.into_inner())?)
    }

    async fn trust(&self) -> Result<TrustBundle, SourceError> {
        let request = in_time(proto::BundleRequest {});
        let answer = self.client().bundle(request).await?;
        Ok(trust_from_wire(answer.into_inner())?)
    }
}

pub(super) fn in_time<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL);
    request
}

pub(super) fn signed_from_wire(signed: proto::SignedCertificate) -> Result<SignedCertificate> {
    Ok(SignedCertificate {
        chain: signed.chain.into_iter().map(der).collect(),
        trust: trust_from_wire(signed.trust.unwrap_or_default())?,
    })
}

fn trust_from_wire(trust: proto::TrustBundle) -> Result<TrustBundle> {
    let authorities = trust.authorities.into_iter();
    TrustBundle::new(authorities.map(der))
}

fn der(bytes: Bytes) -> CertificateDer<'static> {
    Vec::from(bytes).into()
}
