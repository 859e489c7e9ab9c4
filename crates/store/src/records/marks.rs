//! A chunk of seen marks: one bit per offset.

use crate::codec::{Flaw, seal, unseal};
use crate::keys::MARKS_PER_CHUNK;
use sluice_dataset::Offset;

const MARK_BYTES: usize = (MARKS_PER_CHUNK / 8) as usize;

/// Which of 4,096 neighbouring offsets a full run has seen unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marks([u8; MARK_BYTES]);

impl Default for Marks {
    fn default() -> Self {
        Self([0; MARK_BYTES])
    }
}

impl Marks {
    pub(crate) fn chunk_of(offset: Offset) -> u64 {
        offset / MARKS_PER_CHUNK
    }

    /// Answers whether the mark is new.
    pub(crate) fn set(&mut self, offset: Offset) -> bool {
        let (byte, bit) = place(offset);
        let is_new = self.0[byte] & bit == 0;
        self.0[byte] |= bit;
        is_new
    }

    pub(crate) fn contains(&self, offset: Offset) -> bool {
        let (byte, bit) = place(offset);
        self.0[byte] & bit != 0
    }

    pub(crate) fn write(&self, key: &[u8]) -> Vec<u8> {
        let mut out = self.0.to_vec();
        seal(key, &mut out);
        out
    }

    pub(crate) fn read(key: &[u8], sealed: &[u8]) -> Result<Self, Flaw> {
        unseal(key, sealed)?
            .try_into()
            .map(Self)
            .map_err(|_| "of the wrong length")
    }
}

fn place(offset: Offset) -> (usize, u8) {
    let within = offset % MARKS_PER_CHUNK;
    ((within / 8) as usize, 1 << (within % 8))
}
