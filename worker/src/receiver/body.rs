//! The body of a push: whole when it is short, in pieces when it is long (R73). Bounded memory either way.

use crate::answer;
use crate::pass_over::{PassOver, Passed, PieceReader, ReadEntity};
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
    /// Hashes of their bytes, to be stored with them; as many, or none at all.
    pub raw_hashes: Vec<Option<u128>>,
    /// Those that were not read.
    pub passed: Vec<Passed>,
    /// Where those are that were read.
    pub places: Places,
}

impl Pushed {
    /// How many there are, read or not.
    pub(super) fn count(&self) -> u64 {
        (self.entities.len() + self.passed.len()) as u64
    }
}

/// The places of entities in a body.
pub(super) struct Places {
    /// The number of each, from 0, and where it begins, bytes.
    places: Vec<(u64, u64)>,
}

impl Places {
    /// Names the entity at `position` in a problem.
    pub(super) fn name(&self, error: Error, position: usize) -> Error {
        match self.places.get(position) {
            Some((index, offset)) => error
                .with("index", answer::number(*index))
                .with("offset", answer::number(*offset)),
            None => error,
        }
    }
}

/// Reads entities out of chunks and checks that each has an `_id`.
pub(super) struct Entities(PieceReader);

impl Entities {
    /// With the limits and number settings of a receiver; what `pass_over` knows already is not read.
    pub(super) fn new(limits: Limits, numbers: Numbers, pass_over: Option<PassOver>) -> Self {
        let reader = ArrayReader::new(Reader::new(limits, numbers)).allow_single(true);
        Entities(PieceReader::new(reader, pass_over))
    }

    /// The entities that are complete with these chunks. For blocking threads.
    pub(super) fn of(&mut self, chunks: Vec<Bytes>, accepted: u64) -> Result<Pushed> {
        let taken = self.0.take(chunks);
        let (mut entities, mut places) = (Vec::new(), Vec::new());
        for ReadEntity {
            entity,
            index,
            offset,
            ..
        } in taken.read
        {
            if entity.id().is_none() {
                return Err(missing_id(index, offset, accepted));
            }
            places.push((index, offset));
            entities.push(entity);
        }
        match taken.error {
            Some(error) => Err(entity_error(error, accepted)),
            None => Ok(Pushed {
                entities,
                raw_hashes: taken.raw_hashes,
                passed: taken.passed,
                places: Places { places },
            }),
        }
    }

    /// Checks that the array was closed.
    pub(super) fn finish(&mut self, accepted: u64) -> Result<()> {
        self.0
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
