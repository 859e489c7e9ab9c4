//! Small records of the default family: the store's, a dataset's, an index's, a full run's.

mod marks;

pub(crate) use marks::Marks;

use crate::codec::{FORMAT, Flaw, seal, unseal};
use sluice_dataset::{Counters, FullRun, Generation, Offset};
use sluice_entity::HashKey;

/// What the store knows of itself.
#[derive(Clone, Debug)]
pub(crate) struct StoreRecord {
    /// Of the whole store: key layout and stored forms. It is the hub's.
    pub(crate) format: u32,
    pub(crate) hash_key: HashKey,
}

impl StoreRecord {
    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = self.format.to_le_bytes().to_vec();
        for word in self.hash_key.0 {
            out.extend_from_slice(&word.to_le_bytes());
        }
        seal(key, &mut out);
        out
    }

    /// The format alone, so that a store of a later version is refused politely whatever else is in its record.
    pub(crate) fn format_of(sealed: &[u8]) -> Option<u32> {
        Some(u32::from_le_bytes(*sealed.first_chunk()?))
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader(unseal(key, sealed)?);
        let format = reader.u32()?;
        let hash_key = HashKey([reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?]);
        reader.end()?;
        Ok(Self { format, hash_key })
    }
}

/// What the store knows of a dataset; moved on in the same batch as its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatasetRecord {
    pub(crate) name: String,
    pub(crate) generation: Generation,
    pub(crate) populated: bool,
    /// Offset of the next version.
    pub(crate) next_offset: Offset,
    /// Offset of the newest version ever appended.
    pub(crate) max_offset: Option<Offset>,
    /// `_ts` of the newest version.
    pub(crate) last_ts: u64,
    pub(crate) counters: Counters,
    /// Full runs begun so far.
    pub(crate) runs: u64,
    /// Number of the next secondary index.
    pub(crate) next_index: u32,
    /// (epoch, its first offset), ascending; the last is the present one.
    pub(crate) epochs: Vec<(u64, Offset)>,
}

impl DatasetRecord {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            generation: Generation::new_random(),
            populated: false,
            next_offset: 0,
            max_offset: None,
            last_ts: 0,
            counters: Counters::default(),
            runs: 0,
            next_index: 0,
            epochs: vec![(0, 0)],
        }
    }

    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = vec![FORMAT, u8::from(self.populated)];
        out.extend_from_slice(&self.generation.0);
        let Counters {
            log_exists,
            log_deleted,
            index_exists,
            index_deleted,
            bytes,
        } = self.counters;
        for number in [
            self.next_offset,
            self.max_offset.map_or(0, |max| max + 1),
            self.last_ts,
            log_exists,
            log_deleted,
            index_exists,
            index_deleted,
            bytes,
            self.runs,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.next_index.to_le_bytes());
        out.extend_from_slice(&length(self.epochs.len()));
        for (epoch, first) in &self.epochs {
            out.extend_from_slice(&epoch.to_le_bytes());
            out.extend_from_slice(&first.to_le_bytes());
        }
        out.extend_from_slice(self.name.as_bytes());
        seal(key, &mut out);
        out
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader(unseal(key, sealed)?);
        reader.format()?;
        let populated = reader.u8()? != 0;
        let generation = Generation(reader.array()?);
        let next_offset = reader.u64()?;
        let max_offset = reader.u64()?.checked_sub(1);
        let last_ts = reader.u64()?;
        let counters = Counters {
            log_exists: reader.u64()?,
            log_deleted: reader.u64()?,
            index_exists: reader.u64()?,
            index_deleted: reader.u64()?,
            bytes: reader.u64()?,
        };
        let runs = reader.u64()?;
        let next_index = reader.u32()?;
        let epochs = (0..reader.u32()?)
            .map(|_| Ok((reader.u64()?, reader.u64()?)))
            .collect::<Result<Vec<_>, Flaw>>()?;
        if epochs.is_empty() {
            return Err("without an epoch");
        }
        let name = reader.text()?;
        Ok(Self {
            name,
            generation,
            populated,
            next_offset,
            max_offset,
            last_ts,
            counters,
            runs,
            next_index,
            epochs,
        })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }
}

/// Where a secondary index stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IndexStage {
    /// Kept by every write; existing ids are indexed up to this one (none yet if `None`).
    Building(Option<String>),
    /// Complete.
    Ready,
    /// Its dataset was written while nobody had its expression: to be built anew.
    Stale,
}

/// The definition of a secondary index; its name is in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexRecord {
    pub(crate) number: u32,
    pub(crate) stage: IndexStage,
}

impl IndexRecord {
    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.number.to_le_bytes());
        match &self.stage {
            IndexStage::Building(None) => out.push(0),
            IndexStage::Building(Some(id)) => {
                out.push(1);
                out.extend_from_slice(id.as_bytes());
            }
            IndexStage::Ready => out.push(2),
            IndexStage::Stale => out.push(3),
        }
        seal(key, &mut out);
        out
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader(unseal(key, sealed)?);
        reader.format()?;
        let number = reader.u32()?;
        let stage = match reader.u8()? {
            0 => IndexStage::Building(None),
            1 => IndexStage::Building(Some(reader.text()?)),
            2 => IndexStage::Ready,
            3 => IndexStage::Stale,
            _ => return Err("unknown stage"),
        };
        Ok(Self { number, stage })
    }
}

/// The full run under way, and how far its deletes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunRecord {
    pub(crate) run: FullRun,
    /// Ids up to this one are dealt with.
    pub(crate) cursor: Option<String>,
}

impl RunRecord {
    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = vec![
            FORMAT,
            u8::from(self.run.deleting) + 2 * u8::from(self.cursor.is_some()),
        ];
        out.extend_from_slice(&self.run.number.to_le_bytes());
        out.extend_from_slice(&self.run.start.to_le_bytes());
        out.extend_from_slice(&length(self.run.token.len()));
        out.extend_from_slice(self.run.token.as_bytes());
        out.extend_from_slice(self.cursor.as_deref().unwrap_or_default().as_bytes());
        seal(key, &mut out);
        out
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader(unseal(key, sealed)?);
        reader.format()?;
        let flags = reader.u8()?;
        let number = reader.u64()?;
        let start = reader.u64()?;
        let token_length = reader.u32()? as usize;
        let token = reader.bytes(token_length)?.to_vec();
        let token = String::from_utf8(token).map_err(|_| "token is not UTF-8")?;
        let cursor = reader.text()?;
        Ok(Self {
            run: FullRun {
                number,
                token,
                start,
                deleting: flags & 1 != 0,
            },
            cursor: (flags & 2 != 0).then_some(cursor),
        })
    }
}

/// What is known of a replica beside what is known of every dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CopyRecord {
    /// Everything its owner had at some moment is in it.
    pub(crate) is_level: bool,
}

impl CopyRecord {
    pub(crate) fn write(self, key: &[u8]) -> Vec<u8> {
        let mut out = vec![FORMAT, u8::from(self.is_level)];
        seal(key, &mut out);
        out
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader(unseal(key, sealed)?);
        reader.format()?;
        let is_level = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err("unknown state"),
        };
        reader.end()?;
        Ok(Self { is_level })
    }
}

fn length(of: usize) -> [u8; 4] {
    u32::try_from(of)
        .expect("names and lists in records are short")
        .to_le_bytes()
}

/// Takes fields off the front of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let (head, rest) = self
            .0
            .split_first_chunk()
            .ok_or("shorter than its fields")?;
        self.0 = rest;
        Ok(*head)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Flaw> {
        let (head, rest) = self
            .0
            .split_at_checked(length)
            .ok_or("shorter than its fields")?;
        self.0 = rest;
        Ok(head)
    }

    fn format(&mut self) -> Result<(), Flaw> {
        if self.u8()? == FORMAT {
            Ok(())
        } else {
            Err("unknown format version")
        }
    }

    fn u8(&mut self) -> Result<u8, Flaw> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, Flaw> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Flaw> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// All that is left.
    fn text(&mut self) -> Result<String, Flaw> {
        let rest = std::mem::take(&mut self.0);
        String::from_utf8(rest.to_vec()).map_err(|_| "text is not UTF-8")
    }

    fn end(&self) -> Result<(), Flaw> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err("longer than its fields")
        }
    }
}

#[cfg(test)]
mod tests;
