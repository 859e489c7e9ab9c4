//! Sink kind `null`: takes everything and keeps nothing (SK10).

use super::{Sink, WriteError};
use async_trait::async_trait;
use sluice_entity::Entity;

/// Discards.
pub(super) struct NullSink;

#[async_trait]
impl Sink for NullSink {
    async fn deliver(&mut self, _entities: &[Entity]) -> Result<(), WriteError> {
        Ok(())
    }
}
