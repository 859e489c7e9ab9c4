//! Who is who: tokens for callers of the API, certificates for the hub itself.
//!
//! * [`TokenAuthority`] signs tokens and keeps the record of those issued and revoked; [`TokenVerifier`] checks them.
//! * [`ServerCertificate`] makes, keeps and renews the certificate of the HTTPS port, or follows the files you give.
//! * [`RoleCertificate`] is what a role shows to other roles, in the name of its [`Identity`]; [`RootAuthority`] and
//!   [`CertificateIssuer`] make it.
//!
//! Files of a data folder that belong to this crate (private ones have mode 0600, all are replaced atomically):
//!
//! ```text
//! keys/token-signing.pem   Ed25519 key that signs and verifies tokens
//! keys/issued-tokens       one JSON object per line: jti, sub, iat, exp of every token; never the token
//! keys/revoked-tokens      one JSON object per line: jti, when
//! tls/ca.pem               certificate authority of this hub: what clients trust
//! tls/ca-key.pem           its key
//! tls/server.pem           the port's certificate and key
//! */root.pem               root authority of the roles' certificates and its key, where the hub is not on Kubernetes
//! */role.pem, */trust.pem  a role's certificate, chain and key; the authorities it trusts
//! ```
//!
//! Time is passed in. There is no network and no background work here.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod files;
mod names;
mod peers;
mod tls;
mod tokens;

pub use error::{Error, Result};
pub use files::{create_private_folder, create_private_once, replace_private};
pub use names::{Identity, Role};
pub use peers::{
    Admission, Bootstrap, CertificateIssuer, Credential, Expected, IntermediateFiles, Life,
    PeerRefused, RoleCertificate, RootAuthority, SignedCertificate, SigningRefused, SigningRequest,
    TrustBundle, enrolment_client_settings, peer_of,
};
pub use tls::{ApiAuthority, ApiCertificate, ServerCertificate};
pub use tokens::{
    Claims, IssuedToken, Lifetime, Revoked, TokenAuthority, TokenError, TokenVerifier,
};
