//! A hub of its own for one test, with its folder.

use serde_json::Value;
use sluice_tests::child::Child;
use std::ops::Deref;
use std::path::PathBuf;

/// The running hub; its data goes with it.
pub(crate) struct Hub {
    child: Child,
    folder: tempfile::TempDir,
}

/// Starts one on an empty folder.
pub(crate) async fn hub() -> Hub {
    let folder = tempfile::tempdir().unwrap();
    let child = Child::start(&folder.path().join("data")).await.unwrap();
    Hub { child, folder }
}

/// Starts one and uploads these components.
pub(crate) async fn hub_with(configuration: Value) -> Hub {
    let hub = hub().await;
    hub.put("/config", &configuration).await.unwrap();
    hub
}

impl Hub {
    /// Where its data lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where its output was written.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("data.log")
    }
}

impl Deref for Hub {
    type Target = Child;
    fn deref(&self) -> &Child {
        &self.child
    }
}
