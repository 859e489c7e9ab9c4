//! Source kind `empty`: nothing (SR13).

use super::{Continuation, Page, ReadError, SinceValue, Source};
use crate::slice::Slice;
use async_trait::async_trait;
use std::sync::Arc;

/// Ends at once.
pub(super) struct EmptySource;

#[async_trait]
impl Source for EmptySource {
    fn continuation(&self) -> Continuation {
        Continuation::default()
    }

    async fn open(
        &mut self,
        _since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        Ok(())
    }

    async fn next(&mut self, _slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        Ok(None)
    }
}
