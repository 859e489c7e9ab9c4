//! What a role holds: its certificate, its key and whom it trusts, exchangeable while connections go on.

use super::verifier::Trusted;
use super::{Credential, TrustBundle, reading};
use crate::{Error, Identity, PeerRefused, Result};
use jiff::Timestamp;
use parking_lot::RwLock;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The certificate of a role. Clones share it; what is exchanged in one is exchanged in all, for every handshake from then on.
#[derive(Clone)]
pub struct RoleCertificate {
    pub(super) current: Arc<Current>,
    pub(super) trusted: Arc<Trusted>,
    pub(super) clock: Arc<dyn TimeProvider>,
    bundle: Arc<RwLock<TrustBundle>>,
}

/// What new handshakes show.
pub(super) struct Current {
    credential: RwLock<Credential>,
    changes: AtomicU64,
}

impl RoleCertificate {
    /// A role that shows this credential and trusts this bundle. Certificates are judged by this clock
    /// (`rustls::time_provider::DefaultTimeProvider` outside tests).
    ///
    /// # Errors
    /// The credential is not valid now, or no authority of the bundle stands behind it.
    pub fn new(
        credential: Credential,
        trust: TrustBundle,
        clock: Arc<dyn TimeProvider>,
    ) -> Result<Self> {
        let trusted = Trusted::new(credential.identity().hub(), trust.roots()?)?;
        let role = RoleCertificate {
            current: Arc::new(Current {
                credential: RwLock::new(credential.clone()),
                changes: AtomicU64::new(0),
            }),
            trusted: Arc::new(trusted),
            clock,
            bundle: Arc::new(RwLock::new(trust)),
        };
        role.check(&credential, &role.trusted)?;
        Ok(role)
    }

    /// Whose certificate this is.
    pub fn identity(&self) -> Identity {
        self.current.credential.read().identity().clone()
    }

    /// The present credential.
    pub fn credential(&self) -> Credential {
        self.current.credential.read().clone()
    }

    /// The present bundle.
    pub fn trust(&self) -> TrustBundle {
        self.bundle.read().clone()
    }

    /// How often the credential was exchanged: connections made before a change show an older certificate.
    pub fn changes(&self) -> u64 {
        self.current.changes.load(Ordering::Acquire)
    }

    /// What certificates are judged by.
    pub fn clock(&self) -> Arc<dyn TimeProvider> {
        self.clock.clone()
    }

    /// The clock's time. A clock that cannot tell lets nothing be valid.
    pub fn now(&self) -> Timestamp {
        let seconds = self.clock.current_time().map(|time| time.as_secs());
        let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
        seconds
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Takes a new credential and bundle. New handshakes use them; open connections go on.
    ///
    /// # Errors
    /// It names somebody else, is not valid now, or the bundle does not stand behind it. The present one stays in use then.
    pub fn exchange(&self, credential: Credential, trust: TrustBundle) -> Result<()> {
        let mut present = self.current.credential.write();
        if credential.identity() != present.identity() {
            let problem = format!(
                "it is for {}, and this is {}",
                credential.identity(),
                present.identity()
            );
            return Err(Error::crypto("exchange the certificate")(problem));
        }
        let next = Trusted::new(credential.identity().hub(), trust.roots()?)?;
        self.check(&credential, &next)?;
        self.trusted.exchange(trust.roots()?)?;
        *self.bundle.write() = trust;
        *present = credential;
        self.current.changes.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// Takes a new bundle, for handshakes from now on. Trust is the issuer's decision: a bundle that no longer stands behind
    /// our own certificate is taken too, and [`RoleCertificate::is_valid`] says so.
    pub fn exchange_trust(&self, trust: TrustBundle) -> Result<()> {
        // The same order of locks as in `exchange`.
        let _present = self.current.credential.read();
        self.trusted.exchange(trust.roots()?)?;
        *self.bundle.write() = trust;
        Ok(())
    }

    /// Whether our own certificate is one that a peer with our bundle would accept now.
    pub fn is_valid(&self) -> bool {
        self.check(&self.credential(), &self.trusted).is_ok()
    }

    /// Our own certificate, seen as a peer would see it.
    fn check(&self, credential: &Credential, trusted: &Trusted) -> Result<()> {
        let [leaf, authorities @ ..] = credential.certified.cert.as_slice() else {
            return Err(Error::crypto("use a role's certificate")(
                "the chain is empty",
            ));
        };
        trusted
            .verify_server_chain(leaf, authorities, reading::unix_time(self.now()))
            .and_then(|()| credential.certified.keys_match())
            .map_err(Error::crypto("use a role's certificate"))
    }
}

/// Who the other side of a finished handshake is, and when its certificate ends. The chain is what
/// `peer_certificates` of rustls gives, which were verified in the handshake.
pub fn peer_of(chain: Option<&[CertificateDer<'_>]>) -> Result<(Identity, Timestamp), PeerRefused> {
    let leaf = chain.and_then(<[_]>::first);
    let leaf = leaf.ok_or_else(|| PeerRefused::NoIdentity("it is missing".to_owned()))?;
    let end = crate::tls::end_of(leaf).map_err(PeerRefused::NoIdentity)?;
    Ok((reading::identity_of(leaf)?, end))
}

impl Current {
    fn certified(&self) -> Arc<CertifiedKey> {
        self.credential.read().certified.clone()
    }

    /// Shows a certificate that would not have been taken.
    #[cfg(test)]
    pub(super) fn replace_for_test(&self, credential: Credential) {
        *self.credential.write() = credential;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.credential.read().fmt(f)
    }
}

impl fmt::Debug for RoleCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current.fmt(f)
    }
}
