//! The API's authority and certificates as texts, for hubs that keep them elsewhere than in a data folder.

use super::authority::{self, Authority};
use super::{end_of, leaf};
use crate::{Error, Result};
use jiff::Timestamp;
use rcgen::{Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

/// Signs certificates of a hub's API, which clients trust through it.
pub struct ApiAuthority(Authority);

/// A certificate of the API.
pub struct ApiCertificate {
    /// PEM.
    pub certificate: String,
    /// Its key, PEM.
    pub key: Zeroizing<String>,
}

impl ApiAuthority {
    /// A new one: certificate and key, PEM.
    pub fn create(now: Timestamp) -> Result<(String, Zeroizing<String>)> {
        let (certificate, key) = authority::make(now)?;
        Ok((certificate.pem(), Zeroizing::new(key.serialize_pem())))
    }

    /// One that was made before. Certificate and key are PEM.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self> {
        let unusable = "use the API's authority";
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(Error::crypto(unusable))?;
        let key = KeyPair::from_pem(key).map_err(Error::crypto(unusable))?;
        let end = end_of(&certificate).map_err(Error::crypto(unusable))?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(Error::crypto(unusable))?;
        Ok(ApiAuthority(Authority {
            issuer,
            certificate,
            end,
        }))
    }

    /// A certificate of 90 days for these names and addresses.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<ApiCertificate> {
        let (certificate, key) = leaf::make(&self.0, &leaf::usable(names.to_vec()), now)?;
        Ok(ApiCertificate {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
        })
    }

    /// Whether a certificate still serves: for exactly these names, and not near its end.
    pub fn serves(certificate: &str, names: &[String], now: Timestamp) -> bool {
        let Ok(certificate) = CertificateDer::from_pem_slice(certificate.as_bytes()) else {
            return false;
        };
        let is_due = end_of(&certificate).map_or(true, |end| leaf::is_due(end, now));
        !is_due && leaf::names_of(&certificate) == Some(leaf::usable(names.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    #[test]
    fn certificate_serves_for_its_names_until_a_month_before_its_end() {
        let now = Timestamp::now();
        let (certificate, key) = ApiAuthority::create(now).unwrap();
        let authority = ApiAuthority::from_pem(&certificate, &key).unwrap();
        let names = ["b.example".to_owned(), "a.example".to_owned()];
        let issued = authority.issue(&names, now).unwrap().certificate;
        assert!(ApiAuthority::serves(&issued, &names, now));
        assert!(!ApiAuthority::serves(&issued, &names[..1], now));
        let later = now + (61 * 24).hours();
        assert!(!ApiAuthority::serves(&issued, &names, later));
        assert!(!ApiAuthority::serves("nothing", &names, now));
    }
}
