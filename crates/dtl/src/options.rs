//! What a pipe tells the compiler about itself, and the bounds of an evaluation.

/// Settings of the pipe that change what its rules mean.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names generated namespaces (`<pipe>-<n>`), and is the default of both namespaces.
    pub pipe_id: String,
    /// NS1: property names carry namespaces, and functions respect them.
    pub namespaced_identifiers: bool,
    pub identity_namespace: String,
    pub property_namespace: String,
    /// Namespace to URI prefix, for `ni` of a URI (NS6); the built-in ones are always there.
    pub uri_namespaces: Vec<(String, String)>,
    pub budget: Budget,
}

/// What one source entity may cost; beyond it the evaluation fails instead of running on.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Evaluated expressions, list elements and joined rows.
    pub steps: u64,
    /// Bytes of intermediate and final values.
    pub bytes: usize,
}

impl Default for Budget {
    /// A hundred million steps (some seconds) and one gigabyte.
    fn default() -> Budget {
        Budget {
            steps: 100_000_000,
            bytes: 1 << 30,
        }
    }
}
