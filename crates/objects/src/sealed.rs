//! Objects of our own form: a first byte that says which version of the form it is, and at the end the hash of all before it. Between
//! them is whatever its maker writes, as a rule parts that follow their lengths.

use crate::fingerprint;
use bytes::Bytes;

/// Bytes of the hash at the end.
pub const SEAL: usize = 32;

/// Why an object cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not even an empty one has so few bytes.
    #[error("it is too short")]
    TooShort,
    /// It was written by another version.
    #[error("its format is {found}, this version reads {known}")]
    Format {
        /// The version that wrote it.
        found: u8,
        /// The version of whoever reads.
        known: u8,
    },
    /// It is damaged.
    #[error("its content does not match its hash")]
    Hash,
    /// Something follows its length that has fewer bytes.
    #[error("it ends inside a part")]
    Cut,
}

type Result<T> = std::result::Result<T, Problem>;

/// An object of what was written, whose first byte is the version of its form.
pub fn seal(mut written: Vec<u8>) -> Bytes {
    let seal = fingerprint(&written);
    written.extend_from_slice(&seal);
    written.into()
}

/// What was sealed, with its first byte.
pub fn open(mut sealed: Bytes, format: u8) -> Result<Bytes> {
    let end = sealed.len().checked_sub(SEAL).ok_or(Problem::TooShort)?;
    let content = sealed.split_to(end);
    let found = *content.first().ok_or(Problem::TooShort)?;
    if found != format {
        let known = format;
        return Err(Problem::Format { found, known });
    }
    if fingerprint(&content) != sealed[..] {
        return Err(Problem::Hash);
    }
    Ok(content)
}

/// Takes so many bytes.
pub fn take(rest: &mut Bytes, bytes: usize) -> Result<Bytes> {
    if rest.len() < bytes {
        return Err(Problem::Cut);
    }
    Ok(rest.split_to(bytes))
}

/// Takes a part that follows its length, which is little-endian and has `width` bytes, 8 at most.
pub fn part(rest: &mut Bytes, width: usize) -> Result<Bytes> {
    let mut length = [0; 8];
    length[..width].copy_from_slice(&take(rest, width)?);
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Problem::Cut)?;
    take(rest, length)
}

/// Writes a part as [`part`] reads it; it has to be so short that its length has `width` bytes.
pub fn put_part(out: &mut Vec<u8>, width: usize, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u64).to_le_bytes()[..width]);
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_back_and_no_damage_passes() {
        let mut written = vec![7, 1];
        put_part(&mut written, 4, b"head");
        put_part(&mut written, 8, b"");
        let sealed = seal(written.clone());
        assert_eq!(open(sealed.clone(), 7), Ok(written.into()));
        let (found, known) = (7, 8);
        assert_eq!(
            open(sealed.clone(), 8),
            Err(Problem::Format { found, known })
        );
        for position in 0..sealed.len() {
            let mut damaged = sealed.to_vec();
            damaged[position] ^= 1;
            assert!(open(damaged.into(), 7).is_err(), "byte {position}");
            let cut = sealed.slice(..position);
            assert!(open(cut, 7).is_err(), "{position} bytes");
        }
        assert_eq!(open(seal(Vec::new()), 0), Err(Problem::TooShort));
    }

    #[test]
    fn a_part_has_the_length_that_it_says() {
        let mut out = Vec::new();
        put_part(&mut out, 4, b"ab");
        put_part(&mut out, 8, b"c");
        let mut rest = Bytes::from(out);
        assert_eq!(part(&mut rest, 4).unwrap(), "ab");
        let whole = rest.clone();
        assert_eq!(part(&mut rest, 8).unwrap(), "c");
        assert!(rest.is_empty());
        for end in 0..whole.len() {
            assert_eq!(part(&mut whole.slice(..end), 8), Err(Problem::Cut));
        }
        let mut endless = Bytes::from_static(&[255; 9]);
        assert_eq!(part(&mut endless, 8), Err(Problem::Cut));
    }
}
