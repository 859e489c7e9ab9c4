//! Tokens: JSON web tokens signed with the hub's own Ed25519 key, and the record of those issued and revoked.

mod authority;
mod lifetime;
mod revocations;
mod signing_key;
mod verifier;

#[cfg(test)]
mod tests;

pub use authority::{IssuedToken, Revoked, TokenAuthority};
pub use lifetime::Lifetime;
pub use verifier::{TokenError, TokenVerifier};

use serde::{Deserialize, Serialize};

/// Who issues our tokens.
const ISSUER: &str = "sluice";

/// What a token says. It names a caller; what the caller may do is decided by the hub, never by the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Always `sluice`.
    pub iss: String,
    /// The name given when the token was made.
    pub sub: String,
    /// The token's id, to revoke it.
    pub jti: String,
    /// When it was made, seconds since 1970 UTC.
    pub iat: i64,
    /// When it ends, seconds since 1970 UTC.
    pub exp: i64,
}
