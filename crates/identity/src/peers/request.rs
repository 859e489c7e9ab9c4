//! A request for a certificate: made by a role with a new key, read by the issuer, which takes only the key from it.

use super::Credential;
use super::reading::names_of;
use crate::{Error, Identity, Result, SigningRefused};
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

/// Ours have about 300 bytes.
const MOST_BYTES: usize = 16 * 1024;

/// A new key and the request that goes with it. The key never leaves the process before the certificate is there.
pub struct SigningRequest {
    key: KeyPair,
    der: Vec<u8>,
}

impl SigningRequest {
    /// A new key pair (ECDSA P-256) and a request in this name.
    pub fn new(identity: &Identity) -> Result<Self> {
        let key = KeyPair::generate().map_err(Error::crypto("make a role's key"))?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.subject_alt_names = vec![alternative_name(identity)?];
        let request = parameters
            .serialize_request(&key)
            .map_err(Error::crypto("make a signing request"))?;
        Ok(SigningRequest {
            key,
            der: request.der().to_vec(),
        })
    }

    /// What goes to the issuer (PKCS #10, DER).
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key with the chain that came back, the role's own certificate first.
    ///
    /// # Errors
    /// The certificate is for another key, or carries no identity.
    pub fn with_chain(self, chain: Vec<CertificateDer<'static>>) -> Result<Credential> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der())
            .map_err(Error::crypto("read a role's key"))?;
        Credential::new(chain, key)
    }
}

/// The public key of a request whose own signature is right and that asks for no name but the one that is due.
pub(super) fn public_key_of(
    request: &[u8],
    due: &Identity,
) -> Result<SubjectPublicKeyInfo, SigningRefused> {
    let unusable = |problem: &str| SigningRefused::Unusable(problem.to_owned());
    if request.len() > MOST_BYTES {
        return Err(unusable("it is too large"));
    }
    let ([], parsed) = X509CertificationRequest::from_der(request)
        .map_err(|error| unusable(&error.to_string()))?
    else {
        return Err(unusable("there are bytes behind it"));
    };
    parsed
        .verify_signature()
        .map_err(|_| SigningRefused::BadSignature)?;
    let extensions: Vec<_> = parsed
        .requested_extensions()
        .into_iter()
        .flatten()
        .collect();
    let asked = names_of(&extensions);
    if asked.iter().any(|name| *name != due.to_string()) {
        return Err(SigningRefused::ForeignName {
            asked: asked.join(", "),
            due: due.clone(),
        });
    }
    let key = SubjectPublicKeyInfo::from_der(parsed.certification_request_info.subject_pki.raw)
        .map_err(|error| unusable(&error.to_string()))?;
    if key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
        return Err(unusable("its key is not ECDSA P-256"));
    }
    Ok(key)
}

/// An identity as a certificate carries it.
pub(super) fn alternative_name(identity: &Identity) -> Result<SanType> {
    let text = identity.to_string();
    text.try_into()
        .map(SanType::URI)
        .map_err(Error::crypto("write an identity into a certificate"))
}
