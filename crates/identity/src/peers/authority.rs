//! The root of a hub's trust: made once, and used only to make intermediate authorities.

use super::{TrustBundle, validity};
use crate::files::{create_private_folder, create_private_once, read_if_there, replace_private};
use crate::names::check_hub;
use crate::tls::end_of;
use crate::{Error, Result};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use zeroize::Zeroizing;

/// The hub's root authority with its key.
pub struct RootAuthority {
    hub: String,
    certificate: CertificateDer<'static>,
    end: Timestamp,
    issuer: Issuer<'static, KeyPair>,
}

/// What the storage node gets: the names are those of cert-manager's Secrets.
#[derive(PartialEq, Eq)]
pub struct IntermediateFiles {
    /// `tls.crt`: the authority's certificate, PEM.
    pub certificate: String,
    /// `tls.key`: its key, PEM.
    pub key: Zeroizing<String>,
    /// `ca.crt`: the root that signed it, PEM.
    pub trust: String,
}

impl IntermediateFiles {
    const NAMES: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

    /// Writes the three files, mode 0600.
    pub fn save(&self, folder: &Path) -> Result<()> {
        create_private_folder(folder)?;
        let contents = [&self.certificate, &*self.key, &self.trust];
        for (name, content) in Self::NAMES.into_iter().zip(contents) {
            replace_private(&folder.join(name), content.as_bytes())?;
        }
        Ok(())
    }

    /// Reads the three files. They may be exchanged while that happens; [`super::CertificateIssuer::new`] finds a key that is
    /// not the certificate's.
    pub fn load(folder: &Path) -> Result<Self> {
        let read = |name| {
            let path = folder.join(name);
            let text = read_if_there(&path)?;
            text.ok_or_else(|| Error::content(&path, "PEM", "it is not there"))
        };
        let [certificate, key, trust] = Self::NAMES;
        Ok(IntermediateFiles {
            certificate: read(certificate)?,
            key: Zeroizing::new(read(key)?),
            trust: read(trust)?,
        })
    }
}

impl RootAuthority {
    /// A new root, valid for ten years.
    pub fn create(hub: &str, now: Timestamp) -> Result<Self> {
        check_hub(hub)?;
        let key = KeyPair::generate().map_err(Error::crypto("make the root's key"))?;
        let certificate = parameters(hub, "root", 1, now, now + validity::ROOT)
            .self_signed(&key)
            .map_err(Error::crypto("make the root's certificate"))?;
        RootAuthority::of(hub, certificate.der().clone(), key, now)
    }

    /// A root that was made before. Certificate and key are PEM.
    pub fn from_pem(hub: &str, certificate: &str, key: &str, now: Timestamp) -> Result<Self> {
        check_hub(hub)?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(Error::crypto("read the root's certificate"))?;
        let key = KeyPair::from_pem(key).map_err(Error::crypto("read the root's key"))?;
        RootAuthority::of(hub, certificate, key, now)
    }

    /// The root kept in a folder (`root.pem`, key and certificate, mode 0600); made if there is none.
    pub fn open_or_create(folder: &Path, hub: &str, now: Timestamp) -> Result<Self> {
        let path = folder.join("root.pem");
        if read_if_there(&path)?.is_none() {
            create_private_folder(folder)?;
            let root = RootAuthority::create(hub, now)?;
            let text = Zeroizing::new(format!("{}{}", *root.key_pem(), root.certificate_pem()));
            create_private_once(&path, text.as_bytes())?;
        }
        // Read back: another process may have been first.
        let text = Zeroizing::new(read_if_there(&path)?.unwrap_or_default());
        RootAuthority::from_pem(hub, &text, &text, now)
            .map_err(|error| Error::content(&path, "a root authority", error))
    }

    fn of(
        hub: &str,
        certificate: CertificateDer<'static>,
        key: KeyPair,
        now: Timestamp,
    ) -> Result<Self> {
        let end = end_of(&certificate).map_err(Error::crypto("read the root's certificate"))?;
        if end <= now {
            return Err(Error::crypto("use the root")(format!("it ended on {end}")));
        }
        super::reading::check_authority(&certificate).map_err(Error::crypto("use the root"))?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(Error::crypto("use the root"))?;
        Ok(RootAuthority {
            hub: hub.to_owned(),
            certificate,
            end,
            issuer,
        })
    }

    /// The certificate, PEM: what everybody in the hub trusts.
    pub fn certificate_pem(&self) -> String {
        super::pem("CERTIFICATE", &self.certificate)
    }

    /// The key, PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// A bundle that trusts this root alone.
    pub fn bundle(&self) -> Result<TrustBundle> {
        TrustBundle::new([self.certificate.clone()])
    }

    /// When it ends.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// A new intermediate authority for the storage node, valid for 30 days, that can sign roles and no further authority.
    pub fn intermediate(&self, now: Timestamp) -> Result<IntermediateFiles> {
        self.intermediate_for(validity::INTERMEDIATE, now)
    }

    /// The same for a time of your choice, but not beyond the root's end.
    pub fn intermediate_for(
        &self,
        time: SignedDuration,
        now: Timestamp,
    ) -> Result<IntermediateFiles> {
        let key = KeyPair::generate().map_err(Error::crypto("make an intermediate key"))?;
        let mut parameters = parameters(
            &self.hub,
            "intermediate",
            0,
            now,
            (now + time).min(self.end),
        );
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .map_err(Error::crypto("make an intermediate certificate"))?;
        Ok(IntermediateFiles {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
            trust: self.certificate_pem(),
        })
    }
}

/// An authority's certificate with this many authorities below it.
fn parameters(
    hub: &str,
    kind: &str,
    below: u8,
    now: Timestamp,
    end: Timestamp,
) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    // Chains are put together by name: no two authorities may have the same.
    let suffix = uuid::Uuid::new_v4().simple().to_string();
    // A common name has at most 64 characters.
    let short: String = hub.chars().take(32).collect();
    let name = format!("Sluice {short} {kind} {}", &suffix[..12]);
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity::set(&mut parameters, now, end);
    parameters
}
