//! Where the problems of one component are collected.

use super::node::Place;
use crate::{Code, Diagnostic, Level, PathElement};

#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Diagnostic>);

impl Problems {
    pub(super) fn error(&mut self, place: &Place, code: Code, message: impl Into<String>) {
        self.0.push(Diagnostic::new(
            Level::Error,
            code,
            message,
            place.elements(),
        ));
    }

    pub(super) fn warning(&mut self, place: &Place, code: Code, message: impl Into<String>) {
        self.0.push(Diagnostic::new(
            Level::Warning,
            code,
            message,
            place.elements(),
        ));
    }

    pub(super) fn at(
        &mut self,
        level: Level,
        code: Code,
        message: impl Into<String>,
        elements: Vec<PathElement>,
    ) {
        self.0.push(Diagnostic::new(level, code, message, elements));
    }
}
