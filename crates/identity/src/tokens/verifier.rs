//! Checking the token of a request: once by signature, then from a bounded memory.

use super::revocations::Revocations;
use super::signing_key::{self, SigningKey};
use super::{Claims, ISSUER};
use crate::Result;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Verified tokens remembered per generation; there are two generations, so at most twice as many are in memory.
const REMEMBERED: usize = 4096;
/// Longer tokens are refused before any work; ours have about 300 bytes.
const TOKEN_BYTES: usize = 8 * 1024;

/// Why a token was refused. The text is for the answer; it never repeats the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this hub: damaged, another algorithm, another key, another issuer, missing claims.
    #[error("the token is not one of this hub")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// The file of revoked tokens cannot be read, so nobody gets in.
    #[error("the revoked tokens cannot be read")]
    Unavailable(#[source] crate::Error),
}

/// Verifies tokens for one hub. Cheap to call: a known token costs one SHA-256 and two look-ups.
pub struct TokenVerifier {
    key: SigningKey,
    revocations: Revocations,
    remembered: Mutex<Remembered>,
}

/// Two generations: what is used moves to the newer one, and the older is dropped when the newer is full.
#[derive(Default)]
struct Remembered {
    newer: HashMap<[u8; 32], Arc<Claims>>,
    older: HashMap<[u8; 32], Arc<Claims>>,
}

impl TokenVerifier {
    /// The verifier of a data folder; makes the signing key at the first start.
    pub fn open(data: &Path) -> Result<Self> {
        Ok(TokenVerifier {
            key: signing_key::open_or_create(data)?,
            revocations: Revocations::open(data)?,
            remembered: Mutex::default(),
        })
    }

    /// The claims of a token that is valid now.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let fingerprint: [u8; 32] = digest(&SHA256, token.as_bytes())
            .as_ref()
            .try_into()
            .map_err(|_| TokenError::Invalid)?;
        let known = self.remembered.lock().get(&fingerprint);
        let claims = match known {
            Some(claims) => claims,
            None => self.check_signature(token)?,
        };
        if claims.exp <= now.as_second() {
            self.remembered.lock().forget(&fingerprint);
            return Err(TokenError::Expired);
        }
        if self
            .revocations
            .current()
            .map_err(TokenError::Unavailable)?
            .contains(&claims.jti)
        {
            self.remembered.lock().forget(&fingerprint);
            return Err(TokenError::Revoked);
        }
        self.remembered.lock().put(fingerprint, claims.clone());
        Ok(claims)
    }

    fn check_signature(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        // EdDSA and nothing else, whatever the token's header says.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The end is compared with the time passed in, without leeway.
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key.public, &validation)
            .map_err(|_| TokenError::Invalid)?;
        Ok(Arc::new(decoded.claims))
    }

    #[cfg(test)]
    pub(super) fn remembered_count(&self) -> usize {
        let remembered = self.remembered.lock();
        remembered.newer.len() + remembered.older.len()
    }
}

impl Remembered {
    fn get(&self, fingerprint: &[u8; 32]) -> Option<Arc<Claims>> {
        self.newer
            .get(fingerprint)
            .or_else(|| self.older.get(fingerprint))
            .cloned()
    }

    fn put(&mut self, fingerprint: [u8; 32], claims: Arc<Claims>) {
        if self.newer.contains_key(&fingerprint) {
            return;
        }
        if self.newer.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.newer);
        }
        self.older.remove(&fingerprint);
        self.newer.insert(fingerprint, claims);
    }

    fn forget(&mut self, fingerprint: &[u8; 32]) {
        self.newer.remove(fingerprint);
        self.older.remove(fingerprint);
    }
}
