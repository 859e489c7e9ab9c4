//! What a certificate says: whose it is, when it ends, what it may be used for.

use crate::{Identity, PeerRefused};
use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

/// What one side uses its certificate for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The identity in a certificate: its one alternative name.
pub(super) fn identity_of(certificate: &[u8]) -> Result<Identity, PeerRefused> {
    let parsed = parse(certificate).map_err(PeerRefused::NoIdentity)?;
    let names = parsed
        .subject_alternative_name()
        .map_err(|error| PeerRefused::NoIdentity(error.to_string()))?
        .map(|extension| extension.value.general_names.as_slice());
    match names {
        Some([GeneralName::URI(name)]) => name
            .parse()
            .map_err(|error: crate::Error| PeerRefused::NoIdentity(error.to_string())),
        None | Some([]) => Err(PeerRefused::NoIdentity("it has no name".to_owned())),
        Some(names) => Err(PeerRefused::NoIdentity(format!("it has {names:?}"))),
    }
}

/// From when on a certificate is valid.
pub(super) fn start_of(certificate: &[u8]) -> Result<Timestamp, String> {
    let start = parse(certificate)?.validity().not_before.timestamp();
    Timestamp::from_second(start).map_err(|error| error.to_string())
}

/// Whether a role may show this certificate as its own. The chain's verification looks at purposes only where they are
/// given; here they must be.
pub(super) fn check_leaf(certificate: &[u8], side: Side) -> Result<(), PeerRefused> {
    let parsed = parse(certificate).map_err(PeerRefused::NoIdentity)?;
    if parsed.is_ca() {
        return Err(PeerRefused::Usage("an authority's is shown as a role's"));
    }
    let signs = parsed.key_usage().ok().flatten();
    if !signs.is_some_and(|usage| usage.value.digital_signature()) {
        return Err(PeerRefused::Usage("digital signature is missing"));
    }
    let purposes = parsed.extended_key_usage().ok().flatten();
    let serves = purposes.is_some_and(|purposes| match side {
        Side::Client => purposes.value.client_auth,
        Side::Server => purposes.value.server_auth,
    });
    match side {
        _ if serves => Ok(()),
        Side::Client => Err(PeerRefused::Usage("client authentication is missing")),
        Side::Server => Err(PeerRefused::Usage("server authentication is missing")),
    }
}

/// Whether a certificate may sign others: an authority whose key usage says so.
pub(super) fn check_authority(certificate: &[u8]) -> Result<(), PeerRefused> {
    let parsed = parse(certificate).map_err(PeerRefused::NoIdentity)?;
    let signs = parsed.key_usage().ok().flatten();
    if parsed.is_ca() && signs.is_some_and(|usage| usage.value.key_cert_sign()) {
        return Ok(());
    }
    Err(PeerRefused::Usage("the signer is no authority"))
}

/// The alternative names that a signing request asks for, as text.
pub(super) fn names_of(extensions: &[&ParsedExtension<'_>]) -> Vec<String> {
    let names = extensions.iter().filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names
        .flatten()
        .map(|name| match name {
            GeneralName::URI(name) => (*name).to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn parse(certificate: &[u8]) -> Result<X509Certificate<'_>, String> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err("there are bytes behind it".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The same instant for the verifier; before 1970 is 1970.
pub(super) fn unix_time(now: Timestamp) -> UnixTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
