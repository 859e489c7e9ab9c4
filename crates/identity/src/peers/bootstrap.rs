//! The secret that a new instance shows for its first certificate: good for one role and some ids, and for nothing else.

use crate::names::check_id;
use crate::{Error, Identity, Result, Role, SigningRefused};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a generated secret, which is written as twice as many hexadecimal digits.
const BYTES: usize = 32;
/// Fewest characters of a secret that was not generated here.
const FEWEST: usize = 32;

/// What the issuer keeps of a bootstrap secret: whom it is for and its SHA-256, never the secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    role: String,
    ids: String,
    sha256: Vec<u8>,
}

impl Bootstrap {
    /// A new random secret for a role and an id, or all ids with a beginning: `pool-a-*`.
    pub fn generate(role: Role, ids: &str) -> Result<(Self, Zeroizing<String>)> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(Error::crypto("make a bootstrap secret"))?;
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = Zeroizing::new(secret);
        Ok((Bootstrap::of(role, ids, &secret)?, secret))
    }

    /// For a secret made elsewhere: at least 32 characters, and random, since only its plain hash is kept.
    pub fn of(role: Role, ids: &str, secret: &str) -> Result<Self> {
        let beginning = ids.strip_suffix('*').unwrap_or(ids);
        if !(beginning.is_empty() && ids == "*") {
            check_id(beginning)?;
        }
        if secret.len() < FEWEST {
            let problem = format!("it has fewer than {FEWEST} characters");
            return Err(Error::crypto("use the bootstrap secret")(problem));
        }
        Ok(Bootstrap {
            role: role.as_str().to_owned(),
            ids: ids.to_owned(),
            sha256: hash(secret),
        })
    }

    fn is_for(&self, asked: &Identity) -> bool {
        let id_fits = match self.ids.strip_suffix('*') {
            Some(beginning) => asked.id().starts_with(beginning),
            None => asked.id() == self.ids,
        };
        id_fits && asked.role().as_str() == self.role
    }
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bootstrap({} {})", self.role, self.ids)
    }
}

/// Whether this secret lets somebody have this name. Compares hashes in constant time, with each that is known.
pub(super) fn check(
    known: &[Bootstrap],
    secret: &str,
    asked: &Identity,
) -> Result<(), SigningRefused> {
    let given = hash(secret);
    let mut same = Vec::new();
    for bootstrap in known {
        if verify_slices_are_equal(&bootstrap.sha256, &given).is_ok() {
            same.push(bootstrap);
        }
    }
    if same.iter().any(|bootstrap| bootstrap.is_for(asked)) {
        return Ok(());
    }
    let Some(bootstrap) = same.first() else {
        return Err(SigningRefused::UnknownSecret);
    };
    Err(SigningRefused::SecretForOthers {
        role: bootstrap.role.parse()?,
        ids: bootstrap.ids.clone(),
        asked: asked.clone(),
    })
}

fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes())
        .as_ref()
        .to_vec()
}
