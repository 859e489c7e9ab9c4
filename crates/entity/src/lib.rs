//! Entities and values: reading, printing, order, hash, namespaces. No I/O, no clock, no async.
//!
//! A value is one flat buffer ([`Value`] borrows it, [`ValueBuf`] owns it): the same bytes in memory, in the
//! store and between workers. [`Reader`] makes it from JSON, [`Builder`] and [`Arena`] make it in code.
//! An [`Entity`] is a dict with what a dataset generated for it. [`Json`] is the tree of configurations, not of entities.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arena;
mod buffer;
mod builder;
mod check;
mod containers;
mod datetime;
mod entity;
mod excess;
mod hash;
mod join_key;
mod json;
mod layout;
mod names;
mod namespaces;
mod number;
mod order;
mod output;
mod print;
mod read;
mod scan;
mod shapes;
mod transit;
mod value;

#[cfg(test)]
mod tests;

pub use arena::Arena;
pub use buffer::ValueBuf;
pub use builder::Builder;
pub use check::Damage;
pub use containers::{Dict, Fields, Items, List};
pub use datetime::Datetime;
pub use entity::{Entity, Generated};
pub use excess::Excess;
pub use hash::{ContentHash, HashKey};
pub use join_key::string_of_join_key;
pub use json::Json;
pub use names::{Name, Names};
pub use namespaces::{add_namespaces, remove_namespaces};
pub use number::{Decimal, Number};
pub use print::{Decimals, Style};
pub use read::{ArrayReader, Limits, Numbers, ReadCode, ReadError, Reader};
pub use value::{Kind, Value};

/// The integer type of [`Number::BigInt`].
pub use num_bigint::BigInt;
