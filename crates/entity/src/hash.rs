//! The content hash of an entity (R1): HighwayHash-128, keyed per hub, over a canonical walk.
//! What is written counts (`~f1.10` and `~f1.1` differ), the order of a dict does not.

use std::fmt;

use highway::{HighwayHash, HighwayHasher, Key};

use crate::layout::{self, Container, MAX_DEPTH};
use crate::output::Output;
use crate::scan::hex_digit;
use crate::value::Value;

/// 128 bits that are equal when the content is. Comparable within one hub only, since the key is the hub's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 16]);

/// The key of a hub's content hashes. It travels with backups; a new one makes all content look changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey(pub [u64; 4]);

/// Lower-case hex.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Keys are secrets.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

impl ContentHash {
    pub(crate) fn push_hex(self, out: &mut Output) {
        let mut text = [0; 32];
        for (place, byte) in text.chunks_exact_mut(2).zip(self.0) {
            place.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte)]);
        }
        out.block(&text, text.len());
    }
}

/// Gathered bytes go to the hasher in pieces of this size: memory stays bounded, and small appends are cheap.
const PIECE: usize = 4096;

/// Takes the canonical walk.
pub(crate) struct ContentHasher {
    hasher: HighwayHasher,
    gathered: Vec<u8>,
}

impl ContentHasher {
    pub(crate) fn new(key: &HashKey) -> ContentHasher {
        ContentHasher {
            hasher: HighwayHasher::new(Key(key.0)),
            gathered: Vec::with_capacity(1024),
        }
    }

    /// One value: scalars as length and bytes, containers as mark, count and elements, dicts by sorted names.
    pub(crate) fn value(&mut self, value: Value<'_>) {
        self.walk(value, 0);
    }

    fn walk(&mut self, value: Value<'_>, depth: usize) {
        let tag = value.tag();
        if tag < layout::LIST {
            return self.text(value.encoded());
        }
        let Some(container) = Container::open(value.encoded()).filter(|_| depth < MAX_DEPTH) else {
            // No container: cannot be mistaken for one, nor for a scalar, whose length is not that.
            return self.number(u64::MAX);
        };
        if layout::is_list(tag) {
            self.begin_list(container.count);
            for index in 0..container.count {
                self.walk(
                    Value::from_encoded(container.entry(index).unwrap_or_default()),
                    depth + 1,
                );
            }
            return;
        }
        self.begin_dict(container.count);
        for position in 0..container.count {
            let index = container.sorted(position);
            let Some(entry) = index.and_then(|index| container.entry(index)) else {
                return;
            };
            self.entry(entry, depth);
        }
    }

    /// A dict entry: in one piece with a scalar, else header and name, then the value. The header tells how long
    /// the name is, hence whether the value is in the piece.
    #[inline]
    fn entry(&mut self, entry: &[u8], depth: usize) {
        let Some(parts) = layout::split_entry(entry) else {
            return self.number(u64::MAX);
        };
        let value = Value::from_encoded(parts.value);
        if value.tag() < layout::LIST {
            return self.text(entry);
        }
        let name = entry.len() - parts.value.len();
        self.text(entry.get(..name).unwrap_or_default());
        self.walk(value, depth + 1);
    }

    /// As `entry`, at the root of an entity.
    pub(crate) fn root_entry(&mut self, entry: &[u8]) {
        self.entry(entry, 0);
    }

    fn begin_list(&mut self, count: usize) {
        self.number(u64::MAX - 1);
        self.number(count as u64);
    }

    pub(crate) fn begin_dict(&mut self, count: usize) {
        self.number(u64::MAX - 2);
        self.number(count as u64);
    }

    /// Length and bytes.
    #[inline]
    pub(crate) fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        if bytes.len() >= PIECE {
            self.flush();
            return self.hasher.append(bytes);
        }
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE {
            self.flush();
        }
    }

    /// One byte up to 250, else a mark and eight bytes; the largest three numbers are marks of containers.
    #[inline]
    fn number(&mut self, number: u64) {
        if number < 250 {
            self.gathered.push(number as u8);
        } else if number >= u64::MAX - 2 {
            self.gathered.push(250 + (u64::MAX - number) as u8);
        } else {
            self.gathered.push(255);
            self.gathered.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn flush(&mut self) {
        self.hasher.append(&self.gathered);
        self.gathered.clear();
    }

    pub(crate) fn finish(mut self) -> ContentHash {
        self.flush();
        let [low, high] = self.hasher.finalize128();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&high.to_le_bytes());
        ContentHash(bytes)
    }
}
