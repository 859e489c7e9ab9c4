//! The expression behind a secondary index, as the dataset sees it (IX1, IX3).

use sluice_entity::Entity;

/// A deterministic function from an entity to the keys under which it is found. The worker implements it over DTL.
pub trait IndexKeys: Send + Sync {
    /// Canonical text of the expression: equal text means equal keys, for ever.
    fn name(&self) -> &str;

    /// Appends the keys of a live entity: canonical join keys (`Value::join_key`), one per value of a list, none for null.
    /// Order and duplicates do not matter. Not called for deleted entities.
    fn keys(&self, entity: &Entity, out: &mut Vec<Vec<u8>>);
}
