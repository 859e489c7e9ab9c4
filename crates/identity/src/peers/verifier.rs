//! Verification of the other side: rustls' own for the chain, then the use of the certificate, then the identity.

use super::reading::{Side, check_authority, check_leaf, identity_of};
use super::{Admission, Expected, provider};
use crate::{Error, PeerRefused, Result};
use parking_lot::RwLock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore,
    SignatureScheme,
};
use std::sync::Arc;

/// Whom one hub trusts, exchangeable while handshakes go on. A handshake takes one state as a whole.
#[derive(Debug)]
pub(super) struct Trusted {
    hub: String,
    roots: RwLock<Arc<Roots>>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Roots {
    store: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Roots {
    fn new(store: RootCertStore) -> Result<Arc<Self>> {
        let store = Arc::new(store);
        let clients = WebPkiClientVerifier::builder_with_provider(store.clone(), provider())
            .build()
            .map_err(Error::crypto("set up the verification of clients"))?;
        Ok(Arc::new(Roots { store, clients }))
    }
}

impl Trusted {
    pub(super) fn new(hub: &str, store: RootCertStore) -> Result<Self> {
        Ok(Trusted {
            hub: hub.to_owned(),
            roots: RwLock::new(Roots::new(store)?),
            algorithms: provider().signature_verification_algorithms,
        })
    }

    pub(super) fn exchange(&self, store: RootCertStore) -> Result<()> {
        let next = Roots::new(store)?;
        *self.roots.write() = next;
        Ok(())
    }

    pub(super) fn hub(&self) -> &str {
        &self.hub
    }

    fn roots(&self) -> Arc<Roots> {
        self.roots.read().clone()
    }

    /// Chain, signatures, time and purpose of a server's certificate.
    pub(super) fn verify_server_chain(
        &self,
        leaf: &CertificateDer<'_>,
        authorities: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &self.roots().store,
            authorities,
            now,
            self.algorithms.all,
        )?;
        check_uses(leaf, authorities, Side::Server).map_err(refused)
    }
}

/// Uses that the chain's verification does not look at (`keyUsage`), or only where they are given.
fn check_uses(
    leaf: &CertificateDer<'_>,
    authorities: &[CertificateDer<'_>],
    side: Side,
) -> Result<(), PeerRefused> {
    check_leaf(leaf, side)?;
    authorities
        .iter()
        .try_for_each(|authority| check_authority(authority))
}

fn refused(reason: PeerRefused) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}

/// A client's look at the server it reached.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub(super) trusted: Arc<Trusted>,
    pub(super) expected: Expected,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        authorities: &[CertificateDer<'_>],
        // Names are identities, not host names.
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.trusted.verify_server_chain(leaf, authorities, now)?;
        identity_of(leaf)
            .and_then(|peer| self.expected.check(self.trusted.hub(), &peer))
            .map_err(refused)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.trusted.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.trusted.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trusted.algorithms.supported_schemes()
    }
}

/// A server's look at the client that came; there is no entry without a certificate.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) trusted: Arc<Trusted>,
    pub(super) admission: Admission,
}

impl ClientCertVerifier for ClientVerifier {
    /// None: a client has one certificate and shows it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        authorities: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let roots = self.trusted.roots();
        let verified = roots.clients.verify_client_cert(leaf, authorities, now)?;
        check_uses(leaf, authorities, Side::Client)
            .and_then(|()| identity_of(leaf))
            .and_then(|peer| self.admission.check(self.trusted.hub(), &peer))
            .map_err(refused)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.trusted.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.trusted.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trusted.algorithms.supported_schemes()
    }
}
