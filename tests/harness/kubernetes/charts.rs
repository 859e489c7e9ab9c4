//! The project's charts, and helm.

use super::Cluster;
use super::commands::output;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of a chart of this repository.
pub fn chart(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("charts")
        .join(name)
}

/// helm, for one cluster.
pub struct Helm<'a>(pub &'a Cluster);

impl Helm<'_> {
    /// What it prints.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        output(self.0.program("helm").args(arguments))
    }

    /// What a chart becomes with values (`--set` and the like), as objects.
    pub fn template(&self, chart: &Path, arguments: &[&str]) -> Result<Vec<Value>> {
        let path = chart.to_str().context("a path of tests is UTF-8")?;
        let text = self.run(&[&["template", "hub", path], arguments].concat())?;
        objects(&text)
    }
}

/// YAML documents as JSON; empty ones are left out.
pub fn objects(text: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).context("the YAML of a chart")?;
    Ok(documents.into_iter().filter(|one| !one.is_null()).collect())
}
