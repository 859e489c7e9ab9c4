//! The hub's own certificate authority: made once, trusted by clients through `tls/ca.pem`.

use super::{end_of, validity};
use crate::files::{create_private_folder, replace_private};
use crate::{Error, Result};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Twenty years: replacing it means giving a new file to every client.
const DAYS: i64 = 20 * 365;

/// Signs the certificates of this hub.
pub(super) struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) end: Timestamp,
}

pub(super) fn certificate_path(data: &Path) -> PathBuf {
    data.join("tls/ca.pem")
}

fn key_path(data: &Path) -> PathBuf {
    data.join("tls/ca-key.pem")
}

/// The authority of a data folder; made at the first start.
pub(super) fn open_or_create(data: &Path, now: Timestamp) -> Result<Authority> {
    if !certificate_path(data).exists() {
        create(data, now)?;
    }
    open(data, now)
}

/// A new one: certificate and key.
pub(super) fn make(now: Timestamp) -> Result<(rcgen::Certificate, KeyPair)> {
    let key = KeyPair::generate().map_err(Error::crypto("make the authority's key"))?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    // Clients keep authorities by name: two hubs must not have the same.
    let suffix = uuid::Uuid::new_v4().simple().to_string();
    parameters
        .distinguished_name
        .push(DnType::CommonName, format!("Sluice hub {}", &suffix[..8]));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut parameters, now, DAYS);
    let certificate = parameters
        .self_signed(&key)
        .map_err(Error::crypto("make the authority's certificate"))?;
    Ok((certificate, key))
}

fn create(data: &Path, now: Timestamp) -> Result<()> {
    create_private_folder(&data.join("tls"))?;
    let (certificate, key) = make(now)?;
    // The certificate comes last: whoever finds it finds its key. Everybody may read it.
    replace_private(
        &key_path(data),
        Zeroizing::new(key.serialize_pem()).as_bytes(),
    )?;
    let path = certificate_path(data);
    replace_private(&path, certificate.pem().as_bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
        .map_err(Error::file("make readable", &path))
}

fn open(data: &Path, now: Timestamp) -> Result<Authority> {
    let (path, key_path) = (certificate_path(data), key_path(data));
    let certificate = CertificateDer::from_pem_file(&path)
        .map_err(|error| Error::content(&path, "a certificate", error))?;
    let text =
        Zeroizing::new(fs::read_to_string(&key_path).map_err(Error::file("read", &key_path))?);
    let key = KeyPair::from_pem(&text)
        .map_err(|error| Error::content(&key_path, "a private key", error))?;
    let end =
        end_of(&certificate).map_err(|problem| Error::content(&path, "a certificate", problem))?;
    if end <= now {
        return Err(Error::AuthorityEnded { path, end });
    }
    let issuer = Issuer::from_ca_cert_der(&certificate, key)
        .map_err(|error| Error::content(&path, "an authority", error))?;
    Ok(Authority {
        issuer,
        certificate,
        end,
    })
}
