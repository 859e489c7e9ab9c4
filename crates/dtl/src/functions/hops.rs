//! `lookup-entity`: one entity by id (HO7). `hops` itself is a form.

use crate::memory::{Memory, Values};
use crate::outside::{Lookup, LookupError};
use crate::row::Chapter;

use super::args::{argument, string};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "hops",
    rows: ROWS,
};

const ROWS: &[Function] = &[Function {
    name: "lookup-entity",
    signature: "DATASET_ID(dataset{1}) ENTITY_ID(string{1})",
    doc: "The entity with this id in the dataset, or null. Changes of that entity are not tracked.",
    examples: &[],
    body: FunctionBody::Stored(lookup_entity),
}];

fn lookup_entity<'a>(
    memory: &Memory<'a>,
    lookup: &dyn Lookup,
    arguments: &[Values<'a>],
) -> Result<Values<'a>, LookupError> {
    let (Some(dataset), Some(id)) = (
        string(argument(arguments, 0)),
        string(argument(arguments, 1)),
    ) else {
        return Ok(Values::NULL);
    };
    let entity = lookup
        .entity(dataset, id)?
        .filter(|entity| !entity.is_deleted());
    Ok(Values::from_option(
        entity.map(|entity| memory.keep(&entity)),
    ))
}
