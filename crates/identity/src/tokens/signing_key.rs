//! The key that signs tokens: made once, never shown.

use crate::files::{create_private_folder, create_private_once, read_if_there};
use crate::{Error, Result};
use jsonwebtoken::{DecodingKey, EncodingKey};
use rcgen::KeyPair;
use std::path::{Path, PathBuf};

/// Both halves of the key in the forms the token library wants. Prints nothing of itself.
pub(super) struct SigningKey {
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
}

pub(super) fn path(data: &Path) -> PathBuf {
    data.join("keys/token-signing.pem")
}

/// The key of this data folder; made when there is none.
pub(super) fn open_or_create(data: &Path) -> Result<SigningKey> {
    let path = path(data);
    if !path.exists() {
        create_private_folder(&data.join("keys"))?;
        create_private_once(&path, generate()?.as_bytes())?;
    }
    open(data)
}

/// A new key, PEM.
pub(super) fn generate() -> Result<zeroize::Zeroizing<String>> {
    let key =
        KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(Error::crypto("make a signing key"))?;
    Ok(zeroize::Zeroizing::new(key.serialize_pem()))
}

/// The key of this data folder, which has to be there.
pub(super) fn open(data: &Path) -> Result<SigningKey> {
    let path = path(data);
    let text = zeroize::Zeroizing::new(
        read_if_there(&path)?.ok_or_else(|| Error::NoSigningKey { path: path.clone() })?,
    );
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&text, &rcgen::PKCS_ED25519)
        .map_err(|error| Error::content(&path, "an Ed25519 private key", error))?;
    Ok(SigningKey {
        private: EncodingKey::from_ed_der(key.serialized_der()),
        public: DecodingKey::from_ed_der(key.public_key_raw()),
    })
}
