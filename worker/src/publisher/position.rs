//! Where a reader of an evaluated pipe goes on: `since` in, `_updated` out (R23, R74).

use crate::answer;
use crate::blocking;
use crate::slice::Slice;
use crate::source::{Continuation, SinceValue};
use sluice_config::{Pipe, Source};
use sluice_dataset::{Dataset as _, Generation, Since, SinceToken, SinceTokens};
use sluice_entity::{Arena, Builder, Entity, ValueBuf};
use sluice_protocol::{Code, Error, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an entity of several datasets keeps of the one it comes from. Not `_previous`: it is no position in this feed.
const KEPT: [&str; 3] = ["_deleted", "_ts", "_hash"];

/// How positions of a feed are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An offset of the one dataset that is read.
    Offset,
    /// A token for each of the datasets.
    Tokens,
    /// What the source's entities call `_updated`.
    Own,
}

/// The positions of one feed: how they are told, and in which datasets they are.
#[derive(Clone)]
pub(super) struct Positions {
    form: Form,
    inputs: Vec<String>,
    /// Of the inputs that exist.
    generations: BTreeMap<String, Generation>,
}

impl Positions {
    /// Of a pipe whose inputs are read from this slice.
    pub(super) async fn new(pipe: &Pipe, slice: &Arc<Slice>) -> Result<Self> {
        let form = match &pipe.source {
            Source::Dataset(_) => Form::Offset,
            Source::UnionDatasets(_) | Source::MergeDatasets(_) => Form::Tokens,
            _ => Form::Own,
        };
        let inputs = pipe.inputs.clone();
        let generations = generations(&inputs, slice).await?;
        Ok(Positions {
            form,
            inputs,
            generations,
        })
    }

    /// Those in another slice, from which the rest is read. What was read of a dataset that is not there any more, or is another
    /// one now, says nothing of the rest.
    pub(super) async fn follow(&self, slice: &Arc<Slice>) -> Result<Self> {
        let now = generations(&self.inputs, slice).await?;
        let is_other = |(name, known): &(&String, &Generation)| now.get(*name) != Some(*known);
        if let Some((name, _)) = self.generations.iter().find(is_other) {
            let message = format!("dataset \"{name}\" was deleted while it was read");
            return Err(gone(message));
        }
        Ok(Positions {
            generations: now,
            ..self.clone()
        })
    }

    /// No two source entities have the same position.
    pub(super) fn are_unique(&self) -> bool {
        self.form != Form::Own
    }

    /// Reads what a client sent back. What the source cannot go on from is refused.
    pub(super) fn since(&self, text: &str, continuation: Continuation) -> Result<SinceValue> {
        match self.form {
            Form::Offset => self.offset(text).map(SinceValue::Offset),
            Form::Tokens => self.offsets(text).map(SinceValue::Datasets),
            Form::Own if continuation.supports_since => Ok(SinceValue::from_text(text)),
            Form::Own => Err(Error::invalid(
                "invalid-since",
                "the source of this pipe cannot go on from a since value",
            )),
        }
    }

    fn offset(&self, text: &str) -> Result<u64> {
        match self.generations.values().next() {
            Some(generation) => Since::parse(text, *generation).map_err(answer::since),
            None => absent(text),
        }
        .map(|since| since.offset().unwrap_or_default())
    }

    fn offsets(&self, text: &str) -> Result<Arc<BTreeMap<String, u64>>> {
        let tokens = SinceTokens::parse(text).map_err(|_| {
            Error::invalid(
                "invalid-since",
                "the since value is no token of a feed of several datasets, which tells its own in \"_updated\"",
            )
        })?;
        let mut offsets = BTreeMap::new();
        for token in tokens.0 {
            let is_its =
                |(_, generation): &(&String, &Generation)| **generation == token.generation;
            let Some((dataset, _)) = self.generations.iter().find(is_its) else {
                let message = format!(
                    "the since value holds a token of generation {}, which no input of this pipe has",
                    token.generation
                );
                return Err(gone(message));
            };
            offsets.insert(dataset.clone(), token.offset);
        }
        Ok(Arc::new(offsets))
    }

    /// The entity with its position as `_updated`.
    pub(super) fn mark(&self, entity: &Entity, since: Option<&SinceValue>) -> Entity {
        let Some(since) = since else {
            return entity.clone();
        };
        let is_marked = match self.form {
            Form::Offset => entity.generated().is_some(),
            Form::Tokens => false,
            Form::Own => entity.generated().is_some() || entity.body().get("_updated").is_some(),
        };
        if is_marked {
            return entity.clone();
        }
        let arena = Arena::new();
        let mut builder = Builder::new();
        builder.begin_dict();
        let fields = entity.body().as_dict();
        for (name, value) in fields.into_iter().flat_map(|dict| dict.iter()) {
            if name != "_updated" {
                builder.name(name);
                builder.value(value);
            }
        }
        for name in KEPT.iter().filter(|_| entity.generated().is_some()) {
            if let Some(value) = entity.get(name, &arena) {
                builder.name(name);
                builder.value(value);
            }
        }
        builder.name("_updated");
        builder.value(self.told(since).value());
        builder.end();
        Entity::new(builder.finish()).unwrap_or_else(|| entity.clone())
    }

    fn told(&self, since: &SinceValue) -> ValueBuf {
        let SinceValue::Datasets(offsets) = since else {
            return since.to_json().to_value(&Default::default());
        };
        let token = |(dataset, offset): (&String, &u64)| {
            Some(SinceToken {
                generation: *self.generations.get(dataset)?,
                epoch: 0,
                offset: *offset,
            })
        };
        let tokens = SinceTokens(offsets.iter().filter_map(token).collect());
        let mut builder = Builder::new();
        builder.str(&tokens.to_string());
        builder.finish()
    }
}

/// A since value for a dataset that is not there: any offset is behind its end, no token is its own.
pub(super) fn absent(text: &str) -> Result<Since> {
    if SinceToken::parse(text).is_ok() {
        return Err(gone(
            "the since token is of a dataset that is not there any more",
        ));
    }
    // Not a token, so the generation does not matter.
    Since::parse(text, Generation([0; 16])).map_err(answer::since)
}

fn gone(message: impl Into<String>) -> Error {
    Error::new(Code::Gone, "other-generation", message)
}

async fn generations(
    inputs: &[String],
    slice: &Arc<Slice>,
) -> Result<BTreeMap<String, Generation>> {
    let (inputs, slice) = (inputs.to_vec(), slice.clone());
    let read = blocking::run(move || {
        let mut generations = BTreeMap::new();
        for name in inputs {
            if let Some(dataset) = slice.dataset(&name)? {
                generations.insert(name, dataset.status()?.generation);
            }
        }
        Ok(generations)
    });
    read.await.map_err(answer::dataset)
}
