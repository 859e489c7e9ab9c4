//! The body of a push: whole when it is short, in pieces when it is long (R73). Bounded memory either way.

use crate::answer;
use bytes::Bytes;
use futures::StreamExt;
use sluice_entity::{ArrayReader, Entity, Limits, Numbers, Reader};
use sluice_protocol::{ByteStream, Code, Error, Result};

/// Bytes of a long body that are parsed and written together.
pub(super) const PIECE: usize = 1 << 20;

/// A body as far as it had to be read to know which kind it is.
pub(super) enum Body {
    /// All of it.
    Short(Vec<Bytes>),
    /// Its beginning and the rest.
    Long(Vec<Bytes>, ByteStream),
}

impl Body {
    /// Reads until the end, or until it is longer than `short`.
    pub(super) async fn begin(
        mut stream: ByteStream,
        announced: Option<u64>,
        short: usize,
    ) -> Result<Self> {
        let mut chunks = Vec::new();
        let mut bytes = 0;
        if announced.is_some_and(|announced| announced > short as u64) {
            return Ok(Body::Long(chunks, stream));
        }
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            bytes += chunk.len();
            chunks.push(chunk);
            if bytes > short {
                return Ok(Body::Long(chunks, stream));
            }
        }
        Ok(Body::Short(chunks))
    }
}

/// Entities of a push with their places in its body, for the answer to name (R73).
pub(super) struct Pushed {
    /// In the order of the body.
    pub entities: Vec<Entity>,
    /// Where they are.
    pub places: Places,
}

/// The places of entities in a body.
pub(super) struct Places {
    /// Where each begins, bytes.
    offsets: Vec<u64>,
    /// Number of the first, from 0.
    first: u64,
}

impl Places {
    /// Names the entity at `position` in a problem.
    pub(super) fn name(&self, error: Error, position: usize) -> Error {
        let error = error.with("index", answer::number(self.first + position as u64));
        match self.offsets.get(position) {
            Some(offset) => error.with("offset", answer::number(*offset)),
            None => error,
        }
    }
}

/// Reads entities out of chunks and checks that each has an `_id`.
pub(super) struct Entities {
    reader: ArrayReader,
    read: u64,
}

impl Entities {
    /// With the limits and number settings of a receiver.
    pub(super) fn new(limits: Limits, numbers: Numbers) -> Self {
        Entities {
            reader: ArrayReader::new(Reader::new(limits, numbers)).allow_single(true),
            read: 0,
        }
    }

    /// The entities that are complete with these chunks. For blocking threads.
    pub(super) fn of(&mut self, chunks: &[Bytes], accepted: u64) -> Result<Pushed> {
        let (mut entities, mut offsets) = (Vec::new(), Vec::new());
        let first = self.read;
        for chunk in chunks {
            self.reader.push(chunk);
            while let Some(entity) = self
                .reader
                .next()
                .map_err(|error| entity_error(error, accepted))?
            {
                if entity.id().is_none() {
                    return Err(missing_id(self.read, self.reader.latest_offset(), accepted));
                }
                self.read += 1;
                offsets.push(self.reader.latest_offset());
                entities.push(entity);
            }
        }
        Ok(Pushed {
            entities,
            places: Places { offsets, first },
        })
    }

    /// Checks that the array was closed.
    pub(super) fn finish(&mut self, accepted: u64) -> Result<()> {
        self.reader
            .finish()
            .map_err(|error| entity_error(error, accepted))
    }
}

fn entity_error(error: sluice_entity::ReadError, accepted: u64) -> Error {
    answer::entity_read(error, accepted)
}

fn missing_id(index: u64, offset: u64, accepted: u64) -> Error {
    Error::new(
        Code::InvalidArgument,
        "missing-id",
        format!("entity {index} has no \"_id\" that is a string"),
    )
    .with("accepted", answer::number(accepted))
    .with("index", answer::number(index))
    .with("offset", answer::number(offset))
}
