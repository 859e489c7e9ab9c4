//! A role's certificate with its chain and key, and how it is kept over a restart.

use super::{TrustBundle, pem, provider, reading, validity};
use crate::files::{create_private_folder, read_if_there, replace_private};
use crate::tls::end_of;
use crate::{Error, Identity, Result};
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// From when to when a certificate serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was made.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
}

impl Life {
    /// From start to end.
    pub fn length(self) -> Duration {
        Duration::try_from(self.end.duration_since(self.start)).unwrap_or_default()
    }
}

/// A certificate chain, the role's own first, with the key of the first.
#[derive(Clone)]
pub struct Credential {
    identity: Identity,
    life: Life,
    pub(super) certified: Arc<CertifiedKey>,
    /// As PEM.
    pub(super) key: Arc<Zeroizing<String>>,
}

impl Credential {
    /// A chain and the key that goes with it.
    ///
    /// # Errors
    /// The chain is empty, the first certificate carries no identity, or the key is not its key.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self> {
        let first = chain
            .first()
            .ok_or_else(|| Error::crypto("use a role's certificate")("the chain is empty"))?;
        let identity =
            reading::identity_of(first).map_err(Error::crypto("use a role's certificate"))?;
        let end = end_of(first).map_err(Error::crypto("use a role's certificate"))?;
        let valid_from =
            reading::start_of(first).map_err(Error::crypto("use a role's certificate"))?;
        let start = (valid_from + validity::BACKDATED).min(end);
        let text = Zeroizing::new(pem(label(&key), key.secret_der()));
        let certified = CertifiedKey::from_der(chain, key, &provider())
            .map_err(Error::crypto("use a role's key"))?;
        Ok(Credential {
            identity,
            life: Life { start, end },
            certified: Arc::new(certified),
            key: Arc::new(text),
        })
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// From when it was made (it is valid from a little before) to its end.
    pub fn life(&self) -> Life {
        self.life
    }

    /// When it ends.
    pub fn end(&self) -> Timestamp {
        self.life.end
    }

    /// Keeps it in a folder with the bundle it came with: `role.pem` (key, chain) and `trust.pem`, both of mode 0600. The
    /// bundle is written first: a crash in between leaves a certificate that the new bundle still trusts, or none does.
    pub fn save(&self, folder: &Path, trust: &TrustBundle) -> Result<()> {
        create_private_folder(folder)?;
        replace_private(&folder.join("trust.pem"), trust.to_pem().as_bytes())?;
        let chain: String = self
            .certified
            .cert
            .iter()
            .map(|der| pem("CERTIFICATE", der))
            .collect();
        let text = Zeroizing::new(format!("{}{chain}", **self.key));
        replace_private(&folder.join("role.pem"), text.as_bytes())
    }

    /// What [`Credential::save`] kept in a folder; `None` where nothing was kept.
    pub fn load(folder: &Path) -> Result<Option<(Self, TrustBundle)>> {
        let (role, trust) = (folder.join("role.pem"), folder.join("trust.pem"));
        let (Some(text), Some(trusted)) = (read_if_there(&role)?, read_if_there(&trust)?) else {
            return Ok(None);
        };
        let text = Zeroizing::new(text);
        let chain = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::content(&role, "a certificate chain", error))?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| Error::content(&role, "a private key", error))?;
        let credential = Credential::new(chain, key)
            .map_err(|error| Error::content(&role, "a role's certificate", error))?;
        let trusted = TrustBundle::from_pem(trusted.as_bytes())
            .map_err(|error| Error::content(&trust, "a trust bundle", error))?;
        Ok(Some((credential, trusted)))
    }
}

fn label(key: &PrivateKeyDer<'_>) -> &'static str {
    match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ends {})", self.identity, self.end())
    }
}
