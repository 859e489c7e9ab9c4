//! The moved form of small records: a version, then keys and sealed values, each with its length.

use crate::codec::{Flaw, unseal};

/// Version of this form.
const FORMAT: u8 = 1;

/// A key and its sealed value.
pub(super) type Record<'a> = (&'a [u8], &'a [u8]);

/// Records on their way.
#[derive(Default)]
pub(super) struct Records(Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    pub(super) fn push(&mut self, key: &[u8], sealed: &[u8]) {
        self.0.push((key.to_vec(), sealed.to_vec()));
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        for part in self.0.iter().flat_map(|(key, sealed)| [key, sealed]) {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    /// As it arrives: nothing is believed that its seal does not confirm.
    pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record<'_>>, Flaw> {
        let (format, mut rest) = bytes.split_first().ok_or("empty")?;
        if *format != FORMAT {
            return Err("unknown format version");
        }
        let mut part = || -> Result<Option<&[u8]>, Flaw> {
            if rest.is_empty() {
                return Ok(None);
            }
            let (length, tail) = rest
                .split_first_chunk::<4>()
                .ok_or("ends inside a length")?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| "too long")?;
            let (part, tail) = tail
                .split_at_checked(length)
                .ok_or("ends inside a record")?;
            rest = tail;
            Ok(Some(part))
        };
        let mut records = Vec::new();
        while let Some(key) = part()? {
            let sealed = part()?.ok_or("a key without a value")?;
            unseal(key, sealed)?;
            records.push((key, sealed));
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::seal;

    #[test]
    fn records_come_back_and_damage_is_found_wherever_it_is() {
        let mut records = Records::default();
        for (key, value) in [(&b"key"[..], &b"value"[..]), (b"k", b""), (b"", b"v")] {
            let mut sealed = value.to_vec();
            seal(key, &mut sealed);
            records.push(key, &sealed);
        }
        let bytes = records.write();
        let read = Records::read(&bytes).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].0, b"key");
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1;
            assert!(Records::read(&damaged).is_err(), "byte {position}");
        }
        assert!((1..bytes.len()).all(|end| {
            Records::read(&bytes[..end]).is_ok_and(|read| read.len() < 3)
                || Records::read(&bytes[..end]).is_err()
        }));
    }
}
