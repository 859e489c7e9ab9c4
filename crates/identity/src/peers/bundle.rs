//! The authorities that a role trusts: one, or during a change of authority the old and the new one.

use super::reading::check_authority;
use crate::{Error, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// More authorities than any change needs; bounds what a peer can make us keep.
const MOST: usize = 16;

/// Certificates of authorities, at least one, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustBundle(Vec<CertificateDer<'static>>);

impl TrustBundle {
    /// A bundle of these certificates (DER).
    ///
    /// # Errors
    /// There is none, there are more than 16, or one is not an authority's.
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<Self> {
        let mut bundle: Vec<CertificateDer<'static>> = Vec::new();
        for certificate in certificates {
            check_authority(&certificate).map_err(Error::crypto("trust an authority"))?;
            if !bundle.contains(&certificate) {
                bundle.push(certificate);
            }
            if bundle.len() > MOST {
                let problem = format!("there are more than {MOST}");
                return Err(Error::crypto("trust so many authorities")(problem));
            }
        }
        if bundle.is_empty() {
            return Err(Error::crypto("trust nobody")("the trust bundle is empty"));
        }
        Ok(TrustBundle(bundle))
    }

    /// Reads certificates in PEM, one after the other.
    pub fn from_pem(text: &[u8]) -> Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
        TrustBundle::new(certificates.map_err(Error::crypto("read the trust bundle"))?)
    }

    /// As PEM, one after the other.
    pub fn to_pem(&self) -> String {
        self.0
            .iter()
            .map(|der| super::pem("CERTIFICATE", der))
            .collect()
    }

    /// What either trusts: for the time in which an authority is replaced.
    pub fn with(&self, other: &TrustBundle) -> Result<Self> {
        TrustBundle::new(self.0.iter().chain(&other.0).cloned())
    }

    /// The certificates (DER).
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    pub(super) fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in &self.0 {
            roots
                .add(certificate.clone())
                .map_err(Error::crypto("trust an authority"))?;
        }
        Ok(roots)
    }
}
