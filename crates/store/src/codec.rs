//! Values of the families log, ids, superseded and index, byte by byte; and the seal that all small values carry.
//!
//! Integers are little-endian. Nothing here may panic on damaged bytes.

use sluice_dataset::{Error, Offset, Version};
use sluice_entity::{ContentHash, Generated, ValueBuf};

/// Version of the stored forms in this file.
pub(crate) const FORMAT: u8 = 1;
/// Bytes in front of the body.
pub(crate) const HEADER_BYTES: usize = 44;

const CRC_BYTES: usize = 4;
const FLAG_DELETED: u8 = 1;
const FLAG_RAW_HASH: u8 = 2;

/// Why stored bytes cannot be what was written.
pub(crate) type Flaw = &'static str;

/// Appends the CRC-32 over key and value, so that a value under another key is as wrong as a flipped bit.
pub(crate) fn seal(key: &[u8], value: &mut Vec<u8>) {
    let crc = crc(key, value);
    value.extend_from_slice(&crc.to_le_bytes());
}

/// The value without its seal, if that is right.
pub(crate) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Flaw> {
    let (value, seal) = sealed
        .split_last_chunk::<CRC_BYTES>()
        .ok_or("too short for its checksum")?;
    if crc(key, value) == u32::from_le_bytes(*seal) {
        Ok(value)
    } else {
        Err("checksum mismatch")
    }
}

fn crc(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// Writes a log value: header and body.
///
/// ```text
/// 0      format version
/// 1      flags: 1 deleted
/// 2..4   zero
/// 4..8   body length
/// 8..16  _ts
/// 16..24 _previous + 1, 0 for none
/// 24..40 content hash
/// 40..44 CRC-32 of the key and bytes 0..40
/// 44..   body
/// ```
pub(crate) fn write_version(
    key: &[u8],
    generated: &Generated,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Flaw> {
    let length = u32::try_from(body.len()).map_err(|_| "body over 4 GiB")?;
    out.clear();
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&[FORMAT, u8::from(generated.deleted) * FLAG_DELETED, 0, 0]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&generated.ts.to_le_bytes());
    out.extend_from_slice(
        &generated
            .previous
            .map_or(0, |previous| previous + 1)
            .to_le_bytes(),
    );
    out.extend_from_slice(&generated.hash.0);
    seal(key, out);
    out.extend_from_slice(body);
    Ok(())
}

/// Reads a log value; the body is not looked into.
pub(crate) fn read_version<'a>(
    key: &[u8],
    offset: Offset,
    value: &'a [u8],
) -> Result<(Generated, &'a [u8]), Flaw> {
    let (header, body) = value
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or("shorter than its header")?;
    let header = Fields(unseal(key, header)?);
    if header.0[0] != FORMAT {
        return Err("unknown format version");
    }
    if header.0[1] & !FLAG_DELETED != 0 || header.0[2..4] != [0, 0] {
        return Err("unknown flags");
    }
    if header.u32(4) as usize != body.len() {
        return Err("body of another length than its header says");
    }
    let generated = Generated {
        updated: offset,
        previous: header.u64(16).checked_sub(1),
        ts: header.u64(8),
        hash: ContentHash(header.hash(24)),
        deleted: header.0[1] & FLAG_DELETED != 0,
    };
    Ok((generated, body))
}

/// An owned version from a log value.
pub(crate) fn to_version(key: &[u8], offset: Offset, value: &[u8]) -> Result<Version, Flaw> {
    let (generated, body) = read_version(key, offset, value)?;
    Ok(Version {
        body: ValueBuf::from_encoded(body.to_vec()),
        generated,
    })
}

/// The latest version of an id, as the primary index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdEntry {
    pub(crate) offset: Offset,
    pub(crate) hash: ContentHash,
    pub(crate) deleted: bool,
    pub(crate) raw_hash: Option<u128>,
}

impl IdEntry {
    /// ```text
    /// 0      format version
    /// 1      flags: 1 deleted, 2 raw hash follows
    /// 2..10  offset
    /// 10..26 content hash
    /// (16)   raw hash
    /// (4)    CRC-32
    /// ```
    pub(crate) fn write(&self, key: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let flags = u8::from(self.deleted) * FLAG_DELETED
            + u8::from(self.raw_hash.is_some()) * FLAG_RAW_HASH;
        out.extend_from_slice(&[FORMAT, flags]);
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.hash.0);
        if let Some(raw) = self.raw_hash {
            out.extend_from_slice(&raw.to_le_bytes());
        }
        seal(key, out);
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let fields = Fields(unseal(key, sealed)?);
        let (&[format, flags], _) = fields
            .0
            .split_first_chunk()
            .ok_or("shorter than its fields")?;
        if format != FORMAT {
            return Err("unknown format version");
        }
        let has_raw = flags & FLAG_RAW_HASH != 0;
        if fields.0.len() != if has_raw { 42 } else { 26 } {
            return Err("of another length than its flags say");
        }
        Ok(Self {
            offset: fields.u64(2),
            hash: ContentHash(fields.hash(10)),
            deleted: flags & FLAG_DELETED != 0,
            raw_hash: has_raw.then(|| u128::from_le_bytes(fields.hash(26))),
        })
    }
}

/// Value of the family superseded: the offset of the next version of the same id.
pub(crate) fn write_next(key: &[u8], next: Offset) -> Vec<u8> {
    let mut out = next.to_le_bytes().to_vec();
    seal(key, &mut out);
    out
}

pub(crate) fn read_next(key: &[u8], sealed: &[u8]) -> Result<Offset, Flaw> {
    let value = unseal(key, sealed)?;
    Ok(u64::from_le_bytes(
        value.try_into().map_err(|_| "of the wrong length")?,
    ))
}

/// The keys of one id in one index: sorted, distinct, each with a two-byte length.
pub(crate) fn write_key_list(key: &[u8], keys: &[Vec<u8>]) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(keys.iter().map(|key| key.len() + 2).sum::<usize>() + CRC_BYTES);
    for key in keys {
        let length =
            u16::try_from(key.len()).expect("index keys are shortened before they get here");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(key);
    }
    seal(key, &mut out);
    out
}

pub(crate) fn read_key_list(key: &[u8], sealed: &[u8]) -> Result<Vec<Vec<u8>>, Flaw> {
    let mut rest = unseal(key, sealed)?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (length, tail) = rest
            .split_first_chunk::<2>()
            .ok_or("ends inside a length")?;
        let (one, tail) = tail
            .split_at_checked(usize::from(u16::from_le_bytes(*length)))
            .ok_or("ends inside a key")?;
        keys.push(one.to_vec());
        rest = tail;
    }
    Ok(keys)
}

/// Fixed fields of a slice whose length was checked.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    pub(crate) fn hash(&self, at: usize) -> [u8; 16] {
        self.array(at)
    }

    /// Zeros beyond the end: the caller has checked the length, so this is never seen.
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .unwrap_or([0; N])
    }
}

/// A flaw with its place, as an error.
pub(crate) fn damaged(place: impl Into<String>, flaw: Flaw) -> Error {
    Error::Damaged {
        place: place.into(),
        what: flaw.to_owned(),
    }
}

#[cfg(test)]
mod tests;
