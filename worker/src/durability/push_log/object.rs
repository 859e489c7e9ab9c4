//! An object of the push log, byte by byte.
//!
//! ```text
//! 0       the hub's format
//! 1       kind: 0 pushes, 1 take-over
//! 2..10   epoch, little-endian
//! 10..26  random, so that no two objects are equal
//! then    entries: length of head (4), head (JSON), length of body (8), body
//! (32)    BLAKE3 of all before it: `sluice_objects::sealed`
//! ```

use super::super::error::{Error, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_format::Formats;
use sluice_objects::sealed::{SEAL, open, part, put_part, seal, take};
use sluice_protocol::{Epoch, PushRequest};
use std::collections::BTreeMap;

const HEAD: usize = 26;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pushes,
    TakeOver,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) epoch: Epoch,
    nonce: [u8; 16],
    pub(super) entries: Vec<Entry>,
}

/// A request, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) head: Head,
    pub(super) body: Bytes,
}

/// What an entry is part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Names the request.
    pub(super) id: String,
    /// From 0.
    pub(super) part: u64,
    /// No further parts follow, and all of it was committed.
    pub(super) is_last: bool,
    /// How it was pushed; with the last part.
    pub(super) request: Option<LoggedRequest>,
}

/// A push but for its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LoggedRequest {
    sequence_id: Option<String>,
    is_full: bool,
    request_id: Option<String>,
    previous_request_id: Option<String>,
    is_first: bool,
    is_last: bool,
    allow_mass_delete: bool,
    completeness: Option<u64>,
    parameters: BTreeMap<String, String>,
    user: String,
    /// The number of the sequence that it was taken as a part of.
    pub(super) sequence: Option<u64>,
}

impl From<&PushRequest> for LoggedRequest {
    fn from(request: &PushRequest) -> Self {
        let request = request.clone();
        LoggedRequest {
            sequence_id: request.sequence_id,
            is_full: request.is_full,
            request_id: request.request_id,
            previous_request_id: request.previous_request_id,
            is_first: request.is_first,
            is_last: request.is_last,
            allow_mass_delete: request.allow_mass_delete,
            completeness: request.completeness,
            parameters: request.parameters,
            user: request.user,
            sequence: None,
        }
    }
}

impl LoggedRequest {
    /// The request again, with a body of this length.
    pub(super) fn again(self, content_length: u64) -> PushRequest {
        PushRequest {
            sequence_id: self.sequence_id,
            is_full: self.is_full,
            request_id: self.request_id,
            previous_request_id: self.previous_request_id,
            is_first: self.is_first,
            is_last: self.is_last,
            allow_mass_delete: self.allow_mass_delete,
            content_length: Some(content_length),
            completeness: self.completeness,
            parameters: self.parameters,
            user: self.user,
        }
    }
}

impl Object {
    pub(super) fn new(kind: Kind, epoch: Epoch, entries: Vec<Entry>) -> Self {
        Object {
            kind,
            epoch,
            nonce: *uuid::Uuid::new_v4().as_bytes(),
            entries,
        }
    }

    pub(super) fn write(&self, format: u8) -> Bytes {
        let bytes: usize = self
            .entries
            .iter()
            .map(|entry| entry.body.len() + 512)
            .sum();
        let mut out = Vec::with_capacity(HEAD + bytes + SEAL);
        out.extend_from_slice(&[format, u8::from(self.kind == Kind::TakeOver)]);
        out.extend_from_slice(&self.epoch.number().to_le_bytes());
        out.extend_from_slice(&self.nonce);
        for entry in &self.entries {
            let head = serde_json::to_vec(&entry.head).expect("heads hold only what JSON can hold");
            put_part(&mut out, 4, &head);
            put_part(&mut out, 8, &entry.body);
        }
        seal(out)
    }

    /// As it arrives.
    pub(super) fn read(name: &str, bytes: Bytes, reads: Formats) -> Result<Object> {
        // First of all: what follows may have another form.
        let checked = reads.check(bytes.first().copied().unwrap_or_default().into());
        checked.map_err(|source| Error::unreadable(name, source))?;
        Self::parse(bytes).map_err(|what| Error::damaged(name, what))
    }

    fn parse(bytes: Bytes) -> Result<Object, Box<dyn std::error::Error>> {
        let format = bytes.first().copied().unwrap_or_default();
        let mut rest = open(bytes, format)?;
        let begin = take(&mut rest, HEAD)?;
        let kind = match begin[1] {
            0 => Kind::Pushes,
            1 => Kind::TakeOver,
            _ => return Err("it is of an unknown kind".into()),
        };
        let epoch = u64::from_le_bytes(begin[2..10].try_into()?);
        let nonce = begin[10..].try_into()?;
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let head = part(&mut rest, 4)?;
            let head =
                serde_json::from_slice(&head).map_err(|_| "it has an entry of unknown form")?;
            let body = part(&mut rest, 8)?;
            entries.push(Entry { head, body });
        }
        Ok(Object {
            kind,
            epoch: Epoch::from_number(epoch),
            nonce,
            entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_comes_back_and_no_damage_passes() {
        let entry = |part: u64, is_last, body: &'static [u8]| Entry {
            head: Head {
                id: "x".into(),
                part,
                is_last,
                request: is_last.then(LoggedRequest::default),
            },
            body: Bytes::from_static(body),
        };
        let entries = vec![
            entry(0, false, b"[{}"),
            entry(1, true, b""),
            entry(2, true, b"]"),
        ];
        let object = Object::new(Kind::Pushes, Epoch::from_number(7), entries);
        let bytes = object.write(1);
        let read = |bytes| Object::read("n", bytes, Formats::RELEASE);
        assert_eq!(read(bytes.clone()).unwrap(), object);
        for position in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[position] ^= 1;
            assert!(read(damaged.into()).is_err(), "byte {position}");
            assert!(read(bytes.slice(..position)).is_err(), "{position} bytes");
        }
        let other = Object::new(Kind::TakeOver, Epoch::from_number(7), Vec::new());
        assert_ne!(
            other.write(1),
            Object::new(Kind::TakeOver, other.epoch, Vec::new()).write(1)
        );
    }

    #[test]
    fn an_object_of_a_later_format_is_refused_politely_whatever_is_in_it() {
        let bytes = Object::new(Kind::TakeOver, Epoch::from_number(7), Vec::new()).write(2);
        let next = Formats::with_next("2").unwrap();
        assert!(Object::read("n", bytes.clone(), next).is_ok());
        for bytes in [bytes.clone(), bytes.slice(..3)] {
            let refused = Object::read("n", bytes, Formats::RELEASE);
            let Err(Error::Format { source, .. }) = refused else {
                panic!("{refused:?}");
            };
            assert!(
                source.to_string().contains("use a later version"),
                "{source}"
            );
        }
    }
}
