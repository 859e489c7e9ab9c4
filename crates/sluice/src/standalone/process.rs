//! What the API may ask of the process around it.

use async_trait::async_trait;
use sluice_aggregator::Process;
use sluice_protocol::Result;
use tokio::sync::Notify;

/// This process, as the API sees it. The API is served only while the roles are open, so it is always ready.
#[derive(Default)]
pub(super) struct OneProcess {
    restart: Notify,
}

impl OneProcess {
    /// Resolves when a restart is asked for.
    pub(super) async fn restart_asked(&self) {
        self.restart.notified().await;
    }
}

#[async_trait]
impl Process for OneProcess {
    fn not_ready(&self) -> Option<String> {
        None
    }

    async fn restart(&self) -> Result<()> {
        self.restart.notify_one();
        Ok(())
    }
}
