//! The certificate of the port itself, signed by the hub's authority, kept with its key in one file.

use super::authority::Authority;
use super::{end_of, validity};
use crate::files::replace_private;
use crate::{Error, Result};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use x509_parser::extensions::GeneralName;

/// Ninety days, and thirty before the end it is replaced.
const DAYS: i64 = 90;
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate with its key.
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) end: Timestamp,
}

impl Leaf {
    /// Whether it is time for the next one.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        is_due(self.end, now)
    }
}

/// Whether a certificate with this end is to be replaced.
pub(super) fn is_due(end: Timestamp, now: Timestamp) -> bool {
    end.duration_since(now) < RENEW_BEFORE
}

/// The stored one, if it still serves: whole, signed by this authority, for exactly these names, not near its end.
pub(super) fn open(
    path: &Path,
    authority: &Authority,
    names: &[String],
    now: Timestamp,
) -> Option<Leaf> {
    let certificate = CertificateDer::from_pem_file(path).ok()?;
    let key = PrivateKeyDer::from_pem_file(path).ok()?;
    let end = end_of(&certificate).ok()?;
    let leaf = Leaf {
        certificate,
        key,
        end,
    };
    let serves = !leaf.is_due(now)
        && is_signed_by(&leaf, authority)
        && names_of(&leaf.certificate)? == sorted(names);
    serves.then_some(leaf)
}

/// A new one for these names: certificate and key.
pub(super) fn make(
    authority: &Authority,
    names: &[String],
    now: Timestamp,
) -> Result<(rcgen::Certificate, KeyPair)> {
    let key = KeyPair::generate().map_err(Error::crypto("make the port's key"))?;
    let mut parameters = CertificateParams::new(names.to_vec())
        .map_err(Error::crypto("name the port's certificate"))?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "Sluice");
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    validity(&mut parameters, now, DAYS);
    let certificate = parameters
        .signed_by(&key, &authority.issuer)
        .map_err(Error::crypto("make the port's certificate"))?;
    Ok((certificate, key))
}

/// Makes and stores a new one.
pub(super) fn issue(
    path: &Path,
    authority: &Authority,
    names: &[String],
    now: Timestamp,
) -> Result<Leaf> {
    let (certificate, key) = make(authority, names, now)?;
    let text = zeroize::Zeroizing::new(format!("{}{}", certificate.pem(), key.serialize_pem()));
    replace_private(path, text.as_bytes())?;
    let end = end_of(certificate.der())
        .map_err(Error::crypto("read the port's certificate"))?
        .min(authority.end);
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(Error::crypto("read the port's key"))?;
    Ok(Leaf {
        certificate: certificate.der().clone(),
        key,
        end,
    })
}

fn is_signed_by(leaf: &Leaf, authority: &Authority) -> bool {
    let parse = |der| {
        x509_parser::parse_x509_certificate(der)
            .ok()
            .map(|(_, certificate)| certificate)
    };
    let (Some(leaf), Some(authority)) = (parse(&leaf.certificate), parse(&authority.certificate))
    else {
        return false;
    };
    leaf.issuer() == authority.subject()
        && leaf.verify_signature(Some(authority.public_key())).is_ok()
}

/// The names a certificate stands for, as texts, sorted.
pub(super) fn names_of(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let texts = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes)
                    .ok()
                    .map(|bytes| std::net::IpAddr::from(bytes).to_string()),
                _ => <[u8; 16]>::try_from(*bytes)
                    .ok()
                    .map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            },
            _ => None,
        });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    Some(texts)
}

/// The names without those no certificate can carry (an odd host name must not keep a hub from starting).
pub(super) fn usable(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let usable = names.into_iter().filter(|name| {
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        is_address || rustls::pki_types::DnsName::try_from(name.as_str()).is_ok()
    });
    sorted(&usable.collect::<Vec<_>>())
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}
