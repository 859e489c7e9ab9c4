//! Tests over the whole language.

mod conformance;
mod rows;
