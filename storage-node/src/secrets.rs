//! Secrets at rest (EV2): AES-256-GCM under a key that lies outside the store. Prints no value and no key.
//!
//! A sealed value is `version (1) | key id (8) | nonce (12) | ciphertext and tag`. Scope and name are authenticated with it, so
//! that a value moved to another name does not open. The version says how to read it when the layout changes.

use crate::contents::Contents;
use crate::error::OpenError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sluice_identity::{create_private_folder, create_private_once};
use sluice_protocol::{SecretScope, SecretValues};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

/// Seals and opens secrets.
pub(crate) struct SecretsKey {
    key: RandomizedNonceKey,
    id: [u8; KEY_ID_BYTES],
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    OtherKey,
    OtherVersion,
    Damaged,
}

impl Unopened {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Unopened::OtherKey => "it was sealed with another key",
            Unopened::OtherVersion => "it was sealed by a later version",
            Unopened::Damaged => "the stored value is damaged",
        }
    }
}

/// The key of a data folder, or the one in a file that was named; it must open every secret there is. Made, for a hub without
/// secrets, in the data folder only.
pub(crate) fn open_key(
    data: &Path,
    named: Option<&Path>,
    contents: &Contents,
) -> Result<SecretsKey, OpenError> {
    let path = named.map_or_else(|| data.join("keys/secrets.key"), Path::to_owned);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => {
            make(&path, contents)?
        }
        Err(error) => {
            return Err(OpenError::SecretsKeyFile {
                path,
                problem: error.to_string(),
            });
        }
    };
    let key = parse(&text).map_err(|problem| OpenError::SecretsKeyFile {
        path: path.clone(),
        problem,
    })?;
    for ((scope, name), sealed) in contents.all_sealed_secrets() {
        if let Err(reason) = key.open(scope, name, sealed) {
            return Err(OpenError::WrongSecretsKey {
                path,
                name: name.to_owned(),
                problem: reason.in_words(),
            });
        }
    }
    Ok(key)
}

fn make(path: &PathBuf, contents: &Contents) -> Result<Zeroizing<String>, OpenError> {
    let count = contents.all_sealed_secrets().len();
    if count > 0 {
        return Err(OpenError::NoSecretsKey {
            path: path.clone(),
            count,
        });
    }
    let failed = |problem: &str| OpenError::SecretsKeyFile {
        path: path.clone(),
        problem: problem.to_owned(),
    };
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| failed("there is no randomness to make one"))?;
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(bytes.as_slice())));
    create_private_folder(path.parent().unwrap_or(path)).map_err(OpenError::MakeSecretsKey)?;
    create_private_once(path, text.as_bytes()).map_err(OpenError::MakeSecretsKey)?;
    // Whoever came first: what is in the file counts.
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| failed(&error.to_string()))
}

/// The bytes of a key file's text.
pub(crate) fn key_bytes(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = STANDARD
        .decode(text.trim())
        .map(Zeroizing::new)
        .map_err(|error| format!("it is not base64: {error}"))?;
    if bytes.len() != KEY_BYTES {
        return Err(format!("it has {} bytes, not {KEY_BYTES}", bytes.len()));
    }
    Ok(bytes)
}

fn parse(text: &str) -> Result<SecretsKey, String> {
    let bytes = key_bytes(text)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes)
        .map_err(|_| "it cannot be used".to_owned())?;
    let mut id = [0; KEY_ID_BYTES];
    let full = digest(
        &SHA256,
        &[b"sluice secrets key ", bytes.as_slice()].concat(),
    );
    id.copy_from_slice(&full.as_ref()[..KEY_ID_BYTES]);
    Ok(SecretsKey { key, id })
}

impl SecretsKey {
    /// Seals a value under its scope and name. `None` only if there is no randomness.
    pub(crate) fn seal(&self, scope: &SecretScope, name: &str, value: &str) -> Option<Arc<[u8]>> {
        let mut text = value.as_bytes().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place(scope, name)), &mut text)
            .ok()?;
        Some(
            [
                &[VERSION],
                self.id.as_slice(),
                nonce.as_ref().as_slice(),
                &text,
            ]
            .concat()
            .into(),
        )
    }

    /// The value again.
    pub(crate) fn open(
        &self,
        scope: &SecretScope,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, Unopened> {
        let (version, rest) = sealed.split_first().ok_or(Unopened::Damaged)?;
        if *version != VERSION {
            return Err(Unopened::OtherVersion);
        }
        let (id, rest) = rest
            .split_at_checked(KEY_ID_BYTES)
            .ok_or(Unopened::Damaged)?;
        if id != self.id {
            return Err(Unopened::OtherKey);
        }
        let (nonce, text) = rest
            .split_at_checked(NONCE_BYTES)
            .ok_or(Unopened::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(place(scope, name)), &mut text);
        let opened = opened.map_err(|_| Unopened::Damaged)?;
        std::str::from_utf8(opened)
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| Unopened::Damaged)
    }

    /// All values, for workers.
    pub(crate) fn open_all(&self, contents: &Contents) -> Result<SecretValues, (String, Unopened)> {
        let mut values = SecretValues::default();
        for ((scope, name), sealed) in contents.all_sealed_secrets() {
            let value = self
                .open(scope, name, sealed)
                .map_err(|reason| (name.to_owned(), reason))?;
            let values = match scope {
                SecretScope::Global => &mut values.global,
                SecretScope::System(id) => values.systems.entry(id.clone()).or_default(),
            };
            values.insert(name.to_owned(), value.to_string());
        }
        Ok(values)
    }
}

/// Scope and name in one text that no other pair has.
fn place(scope: &SecretScope, name: &str) -> Vec<u8> {
    let (kind, system) = match scope {
        SecretScope::Global => (b'g', ""),
        SecretScope::System(id) => (b's', id.as_str()),
    };
    let length = (system.len() as u64).to_be_bytes();
    [
        &[kind],
        length.as_slice(),
        system.as_bytes(),
        name.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (tempfile::TempDir, SecretsKey) {
        let data = tempfile::tempdir().unwrap();
        let key = open_key(data.path(), None, &Contents::default()).unwrap();
        (data, key)
    }

    #[test]
    fn a_sealed_value_opens_under_its_own_name_only() {
        let (_data, key) = key();
        let mine = SecretScope::System("a".into());
        let sealed = key.seal(&mine, "bc", "value").unwrap();
        assert_eq!(&**key.open(&mine, "bc", &sealed).unwrap(), "value");
        for (scope, name) in [
            (mine.clone(), "b"),
            (SecretScope::System("ab".into()), "c"),
            (SecretScope::Global, "abc"),
        ] {
            assert_eq!(key.open(&scope, name, &sealed), Err(Unopened::Damaged));
        }
        assert!(!sealed.windows(5).any(|window| window == b"value"));
        assert_ne!(
            sealed,
            key.seal(&mine, "bc", "value").unwrap(),
            "each sealing has its own nonce"
        );
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (_data, key) = key();
        let sealed = key.seal(&SecretScope::Global, "name", "value").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                key.open(&SecretScope::Global, "name", &damaged).is_err(),
                "bit {bit}"
            );
        }
        for length in 0..sealed.len() {
            assert!(
                key.open(&SecretScope::Global, "name", &sealed[..length])
                    .is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn another_key_says_that_it_is_another() {
        let ((_one, key), (_two, other)) = (key(), key());
        let sealed = key.seal(&SecretScope::Global, "name", "value").unwrap();
        assert_eq!(
            other.open(&SecretScope::Global, "name", &sealed),
            Err(Unopened::OtherKey)
        );
    }
}
