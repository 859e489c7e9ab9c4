//! The key of a hub's content hashes from a file: 32 bytes in base64, as those of secrets are.

use crate::error::OpenError;
use crate::secrets::key_bytes;
use sluice_entity::HashKey;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<HashKey, OpenError> {
    let unusable = |problem: String| OpenError::HashKeyFile {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    parse(&Zeroizing::new(text)).map_err(unusable)
}

/// The key of its text.
pub(crate) fn parse(text: &str) -> Result<HashKey, String> {
    let bytes = key_bytes(text)?;
    let mut words = [0; 4];
    let (eights, _) = bytes.as_chunks::<8>();
    for (word, bytes) in words.iter_mut().zip(eights) {
        *word = u64::from_le_bytes(*bytes);
    }
    Ok(HashKey(words))
}
