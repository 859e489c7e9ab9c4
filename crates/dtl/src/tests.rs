//! Tests over the whole language.

mod cases;
mod conformance;
mod diagnostics;
mod evaluation;
mod examples;
mod hops;
mod rows;
mod world;
