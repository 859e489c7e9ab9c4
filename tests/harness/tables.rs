//! The sample's tables, served by `xtask sample-server` as a process of its own: real data, which a test may change.

use anyhow::{Context, Result};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child as Process, ChildStdout, Command, Stdio};

/// A running server with tables of its own.
pub struct Tables {
    process: Process,
    /// Where it prints: it must find a reader as long as it lives.
    _output: BufReader<ChildStdout>,
    /// Base address, e.g. `http://127.0.0.1:41234`.
    pub url: String,
    client: reqwest::Client,
}

/// The `xtask` binary: `SLUICE_XTASK`, or the one beside this test's executable.
fn binary() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("SLUICE_XTASK") {
        return Ok(given.into());
    }
    let executable = std::env::current_exe()?;
    let built = executable
        .ancestors()
        .nth(2)
        .map(|profile| profile.join("xtask"))
        .filter(|path| path.exists());
    built.context("there is no xtask binary beside the tests: run `cargo build -p xtask` first, or set SLUICE_XTASK")
}

impl Tables {
    /// Starts a server on a free port and waits until it has read the tables.
    pub fn start() -> Result<Tables> {
        let mut process = Command::new(binary()?)
            .args(["sample-server", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the sample's tables")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output);
        let mut said = String::new();
        let url = loop {
            let begin = said.len();
            if output.read_line(&mut said)? == 0 {
                anyhow::bail!("the server of the tables ended while starting: {said}");
            }
            let address = said[begin..].trim().strip_prefix("tables at ");
            if let Some((url, _)) = address.and_then(|rest| rest.split_once("/: ")) {
                break url.to_owned();
            }
        };
        Ok(Tables {
            process,
            _output: output,
            url,
            client: reqwest::Client::new(),
        })
    }

    /// All rows of a table.
    pub async fn rows(&self, table: &str) -> Result<Vec<Value>> {
        let answer = self.client.get(format!("{}/{table}", self.url));
        Ok(answer.send().await?.error_for_status()?.json().await?)
    }

    /// Lays properties over one row.
    pub async fn change(&self, table: &str, id: &str, changes: &Value) -> Result<()> {
        let url = format!("{}/{table}/{id}", self.url);
        let answer = self.client.patch(url).json(changes).send().await?;
        answer.error_for_status()?;
        Ok(())
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
