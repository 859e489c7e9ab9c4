//! An object of the storage node, byte by byte.
//!
//! ```text
//! 0       the hub's format
//! 1       kind: 0 changes, 1 start, 2 snapshot, 3 records
//! 2..6    length of the head, little-endian
//! then    the head, JSON
//! then    steps: kind of record (1), 0 put 1 remove 2 clear (1), length of name (4), name; to put also length of value (8), value
//! (32)    BLAKE3 of all before it: `sluice_objects::sealed`
//! ```

use crate::difference::{Difference, Kind as RecordKind, Step};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_format::Formats;
use sluice_objects::sealed::{SEAL, open, part, put_part, seal, take};

const HEAD: usize = 6;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Changes,
    /// A storage node has started.
    Start,
    Snapshot,
    Records,
}

const KINDS: [Kind; 4] = [Kind::Changes, Kind::Start, Kind::Snapshot, Kind::Records];

/// Who writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Writer {
    pub(super) incarnation: u32,
    /// Its disk.
    pub(super) disk: String,
    /// This life of it.
    pub(super) process: String,
    /// The longest lease of workers, in milliseconds.
    pub(super) lease: u64,
}

/// What there is beside the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    #[serde(flatten)]
    pub(super) writer: Writer,
    /// Makes it its maker's alone.
    pub(super) nonce: String,
    /// Numbers of changes that do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) void: Vec<u64>,
    /// Of a snapshot: numbers of starts so far.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) starts: Vec<u64>,
    /// Of a snapshot: its files in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<File>,
}

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) hash: String,
    pub(super) bytes: u64,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) head: Head,
    pub(super) steps: Difference,
}

impl Object {
    pub(super) fn new(kind: Kind, writer: &Writer) -> Self {
        let head = Head {
            writer: writer.clone(),
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            ..Head::default()
        };
        Object {
            kind,
            head,
            steps: Difference::default(),
        }
    }

    /// Records alone: equal ones are equal objects.
    pub(super) fn records(steps: Difference) -> Self {
        Object {
            kind: Kind::Records,
            head: Head::default(),
            steps,
        }
    }

    pub(super) fn write(&self, format: u32) -> Bytes {
        let head = serde_json::to_vec(&self.head).expect("heads hold only what JSON can hold");
        let mut out = Vec::with_capacity(HEAD + head.len() + self.steps.bytes() + SEAL);
        let kind = KINDS.iter().position(|kind| *kind == self.kind);
        out.extend_from_slice(&[sluice_format::byte(format), code(kind)]);
        put_part(&mut out, 4, &head);
        for step in &self.steps.steps {
            let (kind, operation, name, value) = match step {
                Step::Put(kind, name, value) => (kind, 0, name.as_slice(), Some(value)),
                Step::Remove(kind, name) => (kind, 1, name.as_slice(), None),
                Step::Clear(kind) => (kind, 2, [].as_slice(), None),
            };
            let kind = RecordKind::ALL.iter().position(|known| known == kind);
            out.extend_from_slice(&[code(kind), operation]);
            put_part(&mut out, 4, name);
            if let Some(value) = value {
                put_part(&mut out, 8, value);
            }
        }
        seal(out)
    }

    /// As it arrives.
    pub(super) fn read(bytes: Bytes, reads: Formats) -> Result<Object, String> {
        Self::parse(bytes, reads).map_err(|error| error.to_string())
    }

    fn parse(bytes: Bytes, reads: Formats) -> Result<Object, Box<dyn std::error::Error>> {
        // First of all: what follows may have another form.
        let format = *bytes.first().ok_or("it is empty")?;
        reads.check(format.into())?;
        let mut rest = open(bytes, format)?;
        let begin = take(&mut rest, 2)?;
        let kind = KINDS.get(usize::from(begin[1])).copied();
        let kind = kind.ok_or("it is of an unknown kind")?;
        let head = serde_json::from_slice(&part(&mut rest, 4)?)?;
        let mut steps = Difference::default();
        while !rest.is_empty() {
            let begin = take(&mut rest, 2)?;
            let record = RecordKind::ALL.get(usize::from(begin[0])).copied();
            let record = record.ok_or("it has records of an unknown kind")?;
            let name = part(&mut rest, 4)?.to_vec();
            steps.steps.push(match begin[1] {
                0 => Step::Put(record, name, part(&mut rest, 8)?.to_vec()),
                1 => Step::Remove(record, name),
                2 => Step::Clear(record),
                _ => return Err("it has an unknown step".into()),
            });
        }
        Ok(Object { kind, head, steps })
    }
}

fn code(place: Option<usize>) -> u8 {
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_comes_back_and_no_damage_passes() {
        let mut object = Object::new(Kind::Changes, &Writer::default());
        object.head.void = vec![7];
        object.steps.put(RecordKind::Secret, "g/a", [0, 255]);
        object.steps.remove(RecordKind::Variable, "");
        object.steps.clear(RecordKind::History);
        let bytes = object.write(1);
        let read = |bytes| Object::read(bytes, Formats::RELEASE);
        assert_eq!(read(bytes.clone()).unwrap(), object);
        for position in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[position] ^= 1;
            assert!(read(damaged.into()).is_err(), "byte {position}");
            assert!(read(bytes.slice(..position)).is_err(), "{position} bytes");
        }
        let again = Object::new(Kind::Start, &Writer::default());
        let other = Object::new(Kind::Start, &Writer::default());
        assert_ne!(again.write(1), other.write(1));
    }

    #[test]
    fn an_object_of_a_later_format_is_refused_whatever_is_in_it() {
        let next = Formats::with_next("2").unwrap();
        let bytes = Object::new(Kind::Start, &Writer::default()).write(2);
        assert!(Object::read(bytes.clone(), next).is_ok());
        let refused = Object::read(bytes.clone(), Formats::RELEASE).unwrap_err();
        assert!(refused.contains("it is in format 2"), "{refused}");
        let mut other = bytes.to_vec();
        other[10] ^= 1;
        let refused = Object::read(other.into(), Formats::RELEASE).unwrap_err();
        assert!(refused.contains("use a later version"), "{refused}");
    }

    /// Objects of this version are read by later ones: what is here stays as it is.
    #[test]
    fn the_form_is_this_one() {
        let mut steps = Difference::default();
        steps.put(RecordKind::Component, "pipe/a", "{}");
        steps.clear(RecordKind::DatasetNumbers);
        let bytes = Object::records(steps).write(1);
        let head = br#"{"incarnation":0,"disk":"","process":"","lease":0,"nonce":""}"#;
        let expected = [
            &[1, 3, 61, 0, 0, 0],
            head.as_slice(),
            &[1, 0, 6, 0, 0, 0],
            b"pipe/a",
            &[2, 0, 0, 0, 0, 0, 0, 0],
            b"{}",
            &[8, 2, 0, 0, 0, 0],
        ];
        assert_eq!(bytes[..bytes.len() - SEAL], expected.concat());
    }
}
