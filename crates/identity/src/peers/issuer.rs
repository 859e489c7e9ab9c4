//! Signs the certificates of roles with the storage node's intermediate authority. The name comes from who asks.

use super::request::{alternative_name, public_key_of};
use super::{Bootstrap, IntermediateFiles, TrustBundle, bootstrap, reading, validity};
use crate::names::check_hub;
use crate::tls::end_of;
use crate::{Error, Identity, Result, SigningRefused};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// An intermediate authority that signs requests of roles of one hub.
pub struct CertificateIssuer {
    hub: String,
    chain: Vec<CertificateDer<'static>>,
    issuer: Issuer<'static, KeyPair>,
    end: Timestamp,
    trust: TrustBundle,
    lifetime: SignedDuration,
}

/// What a role gets for its signing request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCertificate {
    /// The role's certificate first, then the authorities up to one of the bundle (DER).
    pub chain: Vec<CertificateDer<'static>>,
    /// Whom to trust from now on.
    pub trust: TrustBundle,
}

impl CertificateIssuer {
    /// How long a role's certificate is valid unless set otherwise.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

    /// An issuer that works with these files. `trust` holds further authorities to be handed out, during a change of the
    /// root the other one; `lifetime` is that of a role's certificate.
    ///
    /// # Errors
    /// The files do not hold an authority with its key.
    pub fn new(
        hub: &str,
        files: &IntermediateFiles,
        trust: Option<&TrustBundle>,
        lifetime: SignedDuration,
    ) -> Result<Self> {
        check_hub(hub)?;
        let own = TrustBundle::from_pem(files.trust.as_bytes())?;
        let chain = CertificateDer::pem_slice_iter(files.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::crypto("read the issuer's certificate"))?;
        let first = chain
            .first()
            .ok_or_else(|| Error::crypto("read the issuer's certificate")("it is empty"))?;
        reading::check_authority(first).map_err(Error::crypto("use the issuer's certificate"))?;
        let end = end_of(first).map_err(Error::crypto("read the issuer's certificate"))?;
        let key = KeyPair::from_pem(&files.key).map_err(Error::crypto("read the issuer's key"))?;
        check_pair(first, &key)?;
        let issuer = Issuer::from_ca_cert_der(first, key)
            .map_err(Error::crypto("use the issuer's certificate"))?;
        Ok(CertificateIssuer {
            hub: hub.to_owned(),
            chain,
            issuer,
            end,
            trust: trust.map_or(Ok(own.clone()), |trust| own.with(trust))?,
            lifetime,
        })
    }

    /// The hub it signs for.
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// When the authority's own certificate ends; nothing it signs is valid longer.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Whom the roles are to trust.
    pub fn trust(&self) -> &TrustBundle {
        &self.trust
    }

    /// The next certificate of a peer that showed a valid one: in its own name.
    pub fn renew(
        &self,
        asker: &Identity,
        request: &[u8],
        now: Timestamp,
    ) -> Result<SignedCertificate, SigningRefused> {
        if asker.hub() != self.hub {
            return Err(SigningRefused::OtherHub {
                asker: asker.clone(),
                hub: self.hub.clone(),
            });
        }
        self.sign(asker, request, now)
    }

    /// The first certificate of somebody who has nothing but a bootstrap secret: in a name which that secret is for.
    pub fn enrol(
        &self,
        known: &[Bootstrap],
        asked: &Identity,
        secret: &str,
        request: &[u8],
        now: Timestamp,
    ) -> Result<SignedCertificate, SigningRefused> {
        bootstrap::check(known, secret, asked)?;
        self.renew(asked, request, now)
    }

    fn sign(
        &self,
        due: &Identity,
        request: &[u8],
        now: Timestamp,
    ) -> Result<SignedCertificate, SigningRefused> {
        let key = public_key_of(request, due)?;
        if now >= self.end {
            return Err(SigningRefused::IssuerEnded(self.end));
        }
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        // For people who look at it; nothing reads it.
        parameters
            .distinguished_name
            .push(DnType::CommonName, due.role().as_str());
        parameters.subject_alt_names = vec![alternative_name(due)?];
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        parameters.use_authority_key_identifier_extension = true;
        validity::set(&mut parameters, now, (now + self.lifetime).min(self.end));
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .map_err(Error::crypto("sign a role's certificate"))?;
        let mut chain = vec![certificate.der().clone()];
        chain.extend(self.chain.iter().cloned());
        Ok(SignedCertificate {
            chain,
            trust: self.trust.clone(),
        })
    }
}

/// A wrong key would sign certificates that nobody accepts: better to say so at the start.
fn check_pair(certificate: &[u8], key: &KeyPair) -> Result<()> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(Error::crypto("read the issuer's certificate"))?;
    if *parsed.public_key().subject_public_key.data == *key.public_key_raw() {
        return Ok(());
    }
    Err(Error::crypto("use the issuer's key")(
        "it is not the key of the certificate",
    ))
}
