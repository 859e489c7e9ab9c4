//! Transforms as the runtime uses them: lists, `chained` and conditions flattened into one chain (TR1, TR10).

use sluice_dtl::Program;
use std::sync::Arc;

/// One link of the chain.
#[derive(Clone)]
pub enum Transform {
    /// DTL rules (TR2).
    Dtl(DtlTransform),
    /// Known, with its defaults in the effective configuration, but not run; also DTL that did not compile.
    NotInThisVersion {
        /// The `type`; empty where there is none.
        kind: String,
    },
}

/// `dtl`.
#[derive(Clone)]
pub struct DtlTransform {
    /// The compiled rules; `id_required` and `trigger_on` are part of the program.
    pub program: Arc<Program>,
    /// Stops a preview before the transform is called (TR11).
    pub side_effects: bool,
}

impl Transform {
    /// `type`.
    pub fn kind(&self) -> &str {
        match self {
            Transform::Dtl(_) => "dtl",
            Transform::NotInThisVersion { kind } => kind,
        }
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transform({})", self.kind())
    }
}
