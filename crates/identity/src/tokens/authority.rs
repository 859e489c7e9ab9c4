//! Making, listing and revoking tokens: what the command line does, beside a running hub.

use super::revocations::{self, Revocation};
use super::{Claims, ISSUER, Lifetime, signing_key};
use crate::files::{append_line, read_if_there};
use crate::{Error, Result};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The maker of tokens of one data folder. Needs the signing key in it, and no running hub.
pub struct TokenAuthority {
    data: PathBuf,
}

/// What is known of a token after it was handed out. The token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// Its id.
    pub jti: String,
    /// The name it was made for.
    pub sub: String,
    /// When it was made, seconds since 1970 UTC.
    pub iat: i64,
    /// When it ends, seconds since 1970 UTC.
    pub exp: i64,
    /// Whether it was taken back.
    #[serde(default, skip_serializing)]
    pub revoked: bool,
}

/// Which token was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// One that was made here.
    OnRecord,
    /// One that is not on record here; if there is none with this id, nothing changed.
    NotOnRecord,
}

impl TokenAuthority {
    /// The authority of a data folder.
    pub fn new(data: &Path) -> Self {
        TokenAuthority {
            data: data.to_owned(),
        }
    }

    /// Makes the signing key if there is none yet (the first start of a hub).
    pub fn prepare(&self) -> Result<()> {
        signing_key::open_or_create(&self.data).map(drop)
    }

    /// A new signing key (PEM), for a hub that keeps it elsewhere than in a data folder.
    pub fn new_key() -> Result<zeroize::Zeroizing<String>> {
        signing_key::generate()
    }

    /// Makes a token; it is valid at once, also for a hub that is running.
    pub fn create(&self, name: &str, lifetime: Lifetime, now: Timestamp) -> Result<String> {
        let name = checked_name(name)?;
        let key = signing_key::open(&self.data)?;
        let iat = now.as_second();
        let jti = uuid::Uuid::new_v4().to_string();
        let claims = Claims {
            iss: ISSUER.into(),
            sub: name.into(),
            jti,
            iat,
            exp: iat + lifetime.seconds(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key.private)
            .map_err(Error::crypto("sign the token"))?;
        let record = IssuedToken {
            jti: claims.jti,
            sub: claims.sub,
            iat,
            exp: claims.exp,
            revoked: false,
        };
        append_line(&self.issued_path(), &json(&record))?;
        Ok(token)
    }

    /// All tokens made here, oldest first.
    pub fn list(&self) -> Result<Vec<IssuedToken>> {
        let revoked = revocations::read(&revocations::path(&self.data))?;
        let text = read_if_there(&self.issued_path())?.unwrap_or_default();
        // A line torn by a crash belongs to a token that was never printed.
        let whole = text
            .lines()
            .filter_map(|line| serde_json::from_str::<IssuedToken>(line).ok());
        Ok(whole
            .map(|token| IssuedToken {
                revoked: revoked.contains(&token.jti),
                ..token
            })
            .collect())
    }

    /// Takes a token back; a running hub sees it within a second. Revoking twice is no error. A token that was made elsewhere
    /// with the hub's key, or whose record is lost, can be taken back too.
    ///
    /// # Errors
    /// [`Error::UnknownToken`] if the id is on no record and cannot be that of a token either: ids are UUIDs.
    pub fn revoke(&self, jti: &str, now: Timestamp) -> Result<Revoked> {
        let token = self.list()?.into_iter().find(|token| token.jti == jti);
        let revoked = match &token {
            Some(_) => Revoked::OnRecord,
            None if is_id(jti) => Revoked::NotOnRecord,
            None => return Err(Error::UnknownToken(jti.to_owned())),
        };
        if token.is_none_or(|token| !token.revoked) {
            let revocation = Revocation {
                jti: jti.to_owned(),
                at: now.as_second(),
            };
            append_line(&revocations::path(&self.data), &json(&revocation))?;
        }
        Ok(revoked)
    }

    fn issued_path(&self) -> PathBuf {
        self.data.join("keys/issued-tokens")
    }
}

/// Whether it has the form of the ids that are given to tokens.
fn is_id(jti: &str) -> bool {
    uuid::Uuid::try_parse(jti).is_ok_and(|id| id.to_string() == jti)
}

fn checked_name(name: &str) -> Result<&str> {
    let problem = match name {
        "" => "it is empty",
        _ if name.len() > 200 => "it is longer than 200 bytes",
        _ if name.chars().any(char::is_control) => "it has control characters",
        _ => return Ok(name),
    };
    Err(Error::Unusable {
        what: "the name",
        value: name.to_owned(),
        problem: problem.into(),
    })
}

fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("a flat record of texts and numbers has a JSON form")
}
