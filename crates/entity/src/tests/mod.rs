//! Properties of the whole crate.
