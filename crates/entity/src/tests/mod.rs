//! Properties of the whole crate: identity of reading and printing, order, keys, hash, damage.

mod damage;
mod fixtures;
mod properties;
