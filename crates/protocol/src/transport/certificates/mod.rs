//! How roles get their certificates from the storage node: the first with a bootstrap secret, the next by the one before.
//!
//! * [`Certificates`] is what the storage node does; [`service`] is its gRPC side.
//! * [`enrol`] gets the first certificate of an instance.
//! * [`Renewal`] renews it at half of its life, from a [`Source`]: over the network, or at the storage node itself.

mod client;
mod enrolment;
mod renewal;
mod server;

pub use client::CertificatesClient;
pub use enrolment::{Enrolment, enrol};
pub use renewal::{Renewal, RenewalSettings};
pub use server::service;

use async_trait::async_trait;
use sluice_identity::{Identity, SignedCertificate, SigningRefused, TrustBundle};
use std::sync::Arc;

/// Why a source gave nothing.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Signs the certificates of a hub. The storage node implements it with `sluice_identity::CertificateIssuer`, which refuses
/// what must not be signed; it knows the topology besides, and answers [`SigningRefused::Denied`] to who is not in it.
#[async_trait]
pub trait Certificates: Send + Sync + 'static {
    /// The next certificate of a peer that showed a valid one; `request` is PKCS #10 in DER.
    async fn renew(
        &self,
        asker: &Identity,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused>;
    /// The first certificate of an instance that has a bootstrap secret.
    async fn enrol(
        &self,
        asked: &Identity,
        secret: &str,
        request: &[u8],
    ) -> Result<SignedCertificate, SigningRefused>;
    /// The hub it signs for.
    fn hub(&self) -> String;
    /// Whom the roles are to trust now.
    fn trust(&self) -> TrustBundle;
}

/// Where a role gets its next certificate.
#[async_trait]
pub trait Source: Send + Sync {
    /// Signs a request in our own name.
    async fn sign(&self, request: &[u8]) -> Result<SignedCertificate, SourceError>;
    /// Whom to trust now.
    async fn trust(&self) -> Result<TrustBundle, SourceError>;
}

/// The source of the role that signs: itself.
pub struct Own<C> {
    /// What signs.
    pub certificates: Arc<C>,
    /// Who it signs for.
    pub identity: Identity,
}

#[async_trait]
impl<C: Certificates> Source for Own<C> {
    async fn sign(&self, request: &[u8]) -> Result<SignedCertificate, SourceError> {
        Ok(self.certificates.renew(&self.identity, request).await?)
    }

    async fn trust(&self) -> Result<TrustBundle, SourceError> {
        Ok(self.certificates.trust())
    }
}
