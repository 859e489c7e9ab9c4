//! A whole hub inside the test's process, on a free port: no binary to build, and its log in the test's output.

use crate::child::client;
use anyhow::{Context, Result};
use sluice::settings::Settings;
use sluice_identity::{Lifetime, TokenAuthority};
use sluice_telemetry::{LogFormat, Logs};
use std::path::{Path, PathBuf};

/// A running hub with its data in a folder of its own.
pub struct InProcess {
    hub: sluice::standalone::Hub,
    folder: tempfile::TempDir,
    /// Trusts the hub's own CA, sends a valid token.
    pub client: reqwest::Client,
}

/// Settings for a test: any free port, developer mode.
pub fn settings(data: &Path) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        developer_mode: true,
        ..Settings::new(data)
    }
}

impl InProcess {
    /// Starts one on an empty folder.
    pub async fn start() -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, |_| {}).await
    }

    /// Starts one on a folder with its data in `data` below it, with other settings where `change` says so.
    pub async fn start_in(
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Settings),
    ) -> Result<Self> {
        let data = folder.path().join("data");
        let mut settings = settings(&data);
        change(&mut settings);
        let hub =
            sluice::standalone::Hub::start(settings, Logs::start("warn", LogFormat::Text)?).await?;
        let token = TokenAuthority::new(&data).create(
            "tests",
            Lifetime::DEFAULT,
            jiff::Timestamp::now(),
        )?;
        let authority = hub
            .authority()
            .context("the hub has a certificate of its own")?;
        let client = client(&std::fs::read(authority)?, &token)?;
        Ok(InProcess {
            hub,
            folder,
            client,
        })
    }

    /// Where its data lies.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A request below `/api`.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/api{path}", self.hub.url()))
    }

    /// Stops it in good order; the folder may be started again.
    pub async fn stop(self) -> Result<tempfile::TempDir> {
        self.hub.stop().await?;
        Ok(self.folder)
    }
}
