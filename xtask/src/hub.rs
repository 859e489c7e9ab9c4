//! A hub as a child process: start it, wait until it serves, talk to it over HTTPS with curl, stop it by its process id.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;

use crate::command::output;
use crate::setup::Prepared;
use crate::stop_signal::StopSignal;

/// A start includes opening the stores and making keys; on a busy machine that takes a while.
const START_LIMIT: Duration = Duration::from_secs(180);
/// After this long a hub that was asked to stop is killed.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Hub {
    child: Child,
    ready: Ready,
    token: String,
    log: PathBuf,
}

/// What the hub writes into its ready file.
#[derive(Deserialize)]
struct Ready {
    url: String,
    ca: PathBuf,
}

impl Hub {
    /// Starts a hub on `data` and waits until it serves. Its output goes to `hub.log` beside the data folder.
    pub(crate) fn start(
        binary: &Path,
        data: &Path,
        listen: &str,
        stop: &mut StopSignal,
    ) -> Result<Self> {
        fs::create_dir_all(data).with_context(|| format!("could not make {}", data.display()))?;
        let (ready_file, log) = (data.with_extension("ready"), data.with_extension("log"));
        let _absent_is_fine = fs::remove_file(&ready_file);
        let output_file =
            File::create(&log).with_context(|| format!("could not make {}", log.display()))?;
        let errors_file = output_file
            .try_clone()
            .with_context(|| format!("could not share {}", log.display()))?;

        let mut command = Command::new(binary);
        command.arg("standalone").arg("--data").arg(data).args([
            "--listen",
            listen,
            "--developer-mode",
            "--ready-file",
        ]);
        command
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(output_file)
            .stderr(errors_file);
        // A group of its own: Ctrl-C reaches us alone, and we stop it in order.
        let mut child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {}", binary.display()))?;
        let started = wait_until_ready(&mut child, &ready_file, &log, stop).and_then(|ready| {
            let token = output(
                Command::new(binary)
                    .args(["token", "create", "--name", "sample", "--data"])
                    .arg(data),
            )?;
            Ok((ready, token.trim().to_owned()))
        });
        match started {
            Ok((ready, token)) => Ok(Self {
                child,
                ready,
                token,
                log,
            }),
            Err(cause) => {
                end(&mut child);
                Err(cause)
            }
        }
    }

    /// `https://localhost:8443`
    pub(crate) fn url(&self) -> &str {
        self.ready.url.trim_end_matches('/')
    }

    /// The certificate authority that a client has to trust.
    pub(crate) fn ca(&self) -> &Path {
        &self.ready.ca
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// `PUT /api/PATH` with a JSON body; an answer that is no success is an error with its text.
    pub(crate) fn put(&self, prepared: &Prepared, path: &str, body: &Value) -> Result<()> {
        let mut file =
            tempfile::NamedTempFile::new().context("could not make a file for the body")?;
        file.write_all(body.to_string().as_bytes())
            .context("could not write the body")?;
        let mut data = OsString::from("@");
        data.push(file.path());
        let arguments = [
            "--request".into(),
            "PUT".into(),
            "--data-binary".into(),
            data,
        ];
        let (status, text) = self.ask(prepared, path, &arguments)?;
        if !status.starts_with('2') {
            bail!("PUT {path} was answered {status}: {text}");
        }
        Ok(())
    }

    /// Waits until all of a dataset's source was read once.
    pub(crate) fn wait_until_populated(
        &self,
        prepared: &Prepared,
        dataset: &str,
        stop: &mut StopSignal,
    ) -> Result<()> {
        let started = Instant::now();
        loop {
            let (status, text) = self.ask(prepared, &format!("datasets/{dataset}"), &[])?;
            let found: Value = serde_json::from_str(&text)
                .with_context(|| format!("dataset {dataset} was answered {status}: {text}"))?;
            if found["runtime"]["populated"] == true {
                return Ok(());
            }
            if stop.arrived() {
                bail!("stopped while dataset {dataset} was being filled");
            }
            if started.elapsed() > START_LIMIT {
                bail!(
                    "dataset {dataset} was not filled within {} s; the hub's log:\n{}",
                    START_LIMIT.as_secs(),
                    tail(&self.log)
                );
            }
            std::thread::sleep(LOOK_AGAIN * 10);
        }
    }

    /// A request with curl: the status and the text of the answer.
    fn ask(
        &self,
        prepared: &Prepared,
        path: &str,
        arguments: &[OsString],
    ) -> Result<(String, String)> {
        // The token goes in through a file: arguments are seen by every process of the machine.
        let mut headers =
            tempfile::NamedTempFile::new().context("could not make a file for the headers")?;
        write!(
            headers,
            "Authorization: Bearer {}\nContent-Type: application/json\n",
            self.token
        )
        .context("could not write the headers")?;
        let mut header = OsString::from("@");
        header.push(headers.path());
        let mut curl = prepared.program(Command::new("curl"));
        curl.args(["--silent", "--show-error", "--write-out", "\n%{http_code}"]);
        curl.arg("--cacert").arg(self.ca());
        curl.arg("--header").arg(header).args(arguments);
        let answer = output(curl.arg(format!("{}/api/{path}", self.url())))?;
        let (text, status) = answer.rsplit_once('\n').context("curl printed no status")?;
        Ok((status.to_owned(), text.to_owned()))
    }

    /// Waits for a signal to stop. A hub that ends by itself before is an error.
    pub(crate) fn wait(&mut self, stop: &mut StopSignal) -> Result<()> {
        while !stop.arrived() {
            if let Some(status) = self
                .child
                .try_wait()
                .context("could not look after the hub")?
            {
                bail!(
                    "the hub ended by itself with {status}; its log:\n{}",
                    tail(&self.log)
                );
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn wait_until_ready(
    child: &mut Child,
    ready_file: &Path,
    log: &Path,
    stop: &mut StopSignal,
) -> Result<Ready> {
    let started = Instant::now();
    loop {
        // It appears whole: the hub renames it into place.
        if let Ok(text) = fs::read_to_string(ready_file) {
            return serde_json::from_str(&text)
                .with_context(|| format!("could not understand {}", ready_file.display()));
        }
        if let Some(status) = child.try_wait().context("could not look after the hub")? {
            bail!(
                "the hub ended with {status} before it served; its log:\n{}",
                tail(log)
            );
        }
        if stop.arrived() {
            bail!("stopped while the hub was starting");
        }
        if started.elapsed() > START_LIMIT {
            bail!(
                "the hub did not serve within {} s; its log:\n{}",
                START_LIMIT.as_secs(),
                tail(log)
            );
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Asks the process to stop and, if it does not, kills it.
fn end(child: &mut Child) {
    let _gone_is_fine = kill_process(Pid::from_child(child), Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < STOP_LIMIT {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    eprintln!(
        "the hub did not stop within {} s and is killed",
        STOP_LIMIT.as_secs()
    );
    let _gone_is_fine = child.kill();
    let _gone_is_fine = child.wait();
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_that_ends_before_it_is_ready_is_reported_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("hub.log");
        fs::write(&log, "first\nthe port is taken\n").unwrap();
        let mut child = Command::new("false").spawn().unwrap();
        let mut stop = StopSignal::catch().unwrap();
        let failure = wait_until_ready(&mut child, &folder.path().join("ready"), &log, &mut stop);
        let text = failure
            .err()
            .map(|cause| cause.to_string())
            .unwrap_or_default();
        assert!(text.contains("the port is taken"), "{text}");
    }

    #[test]
    fn ready_file_says_where_the_hub_is() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        fs::write(
            &ready,
            r#"{"url": "https://localhost:1234", "pid": 5, "ca": "/data/tls/ca.pem"}"#,
        )
        .unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut stop = StopSignal::catch().unwrap();
        let found = wait_until_ready(&mut child, &ready, Path::new("none"), &mut stop).unwrap();
        assert_eq!(
            (found.url.as_str(), found.ca.as_path()),
            ("https://localhost:1234", Path::new("/data/tls/ca.pem"))
        );
        end(&mut child);
        assert!(child.try_wait().unwrap().is_some());
    }
}
