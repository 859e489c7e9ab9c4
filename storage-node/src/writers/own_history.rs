//! The node is the truth: a change is made where it is asked for.

use crate::service::Inner;
use async_trait::async_trait;
use sluice_protocol::{ConfigurationWriter, Result, WriteIntent};
use std::sync::Arc;

pub(crate) struct OwnHistory(pub(crate) Arc<Inner>);

#[async_trait]
impl ConfigurationWriter for OwnHistory {
    async fn write(&self, intent: WriteIntent) -> Result<()> {
        self.0.change(move |change| change.apply(intent)).await
    }
}
