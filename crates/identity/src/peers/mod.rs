//! Certificates between roles: a root of the hub, an intermediate authority at the storage node, 24 hours for a role.
//!
//! ```text
//! RootAuthority ── intermediate, 30 days ──▶ CertificateIssuer ── 24 hours ──▶ RoleCertificate
//!   operator                                  storage node                      every role
//! ```
//!
//! A role makes its key itself and sends a [`SigningRequest`]; the issuer takes the public key from it and the name from who
//! asks. Verification is rustls' own (chain, signatures, time), then the identity in place of a host name.

mod authority;
mod bootstrap;
mod bundle;
mod credential;
mod expected;
mod issuer;
mod reading;
mod refusal;
mod request;
mod role_certificate;
mod settings;
mod validity;
mod verifier;

#[cfg(test)]
mod tests;

pub use authority::{IntermediateFiles, RootAuthority};
pub use bootstrap::Bootstrap;
pub use bundle::TrustBundle;
pub use credential::{Credential, Life};
pub use expected::{Admission, Expected};
pub use issuer::{CertificateIssuer, SignedCertificate};
pub use refusal::{PeerRefused, SigningRefused};
pub use request::SigningRequest;
pub use role_certificate::{RoleCertificate, peer_of};
pub use settings::enrolment_client_settings;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::Arc;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// One block of PEM.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut block = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        block.extend(line.iter().map(|byte| char::from(*byte)));
        block.push('\n');
    }
    block.push_str(&format!("-----END {label}-----\n"));
    block
}
