//! The hub as a process of its own, started and found by its ready file, killed by its id.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take on a loaded machine before it counts as hanging.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running `sluice standalone` with its data in a folder that outlives it.
pub struct Child {
    process: Process,
    /// Base address, e.g. `https://127.0.0.1:41234`.
    pub url: String,
    /// Trusts the hub's own CA, sends a valid token.
    pub client: reqwest::Client,
    /// The token the client sends.
    pub token: String,
    /// The certificate that the client trusts.
    pub ca: PathBuf,
    /// Where its health and metrics are, if anywhere.
    pub admin: Option<SocketAddr>,
}

#[derive(serde::Deserialize)]
struct Ready {
    url: String,
    ca: PathBuf,
    admin: Option<SocketAddr>,
}

#[derive(serde::Deserialize)]
struct Named {
    pid: u32,
}

/// The `sluice` binary: `SLUICE_BINARY`, or the one beside this test's executable.
pub fn binary() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("SLUICE_BINARY") {
        return Ok(given.into());
    }
    let executable = std::env::current_exe()?;
    let built = executable
        .ancestors()
        .nth(2)
        .map(|profile| profile.join("sluice"))
        .filter(|path| path.exists());
    built.context("there is no sluice binary beside the tests: run `cargo build -p sluice` first, or set SLUICE_BINARY")
}

/// Runs a command of the binary to its end and gives its standard output; an error names its standard error.
pub fn run(arguments: &[&std::ffi::OsStr]) -> Result<String> {
    let output = Command::new(binary()?).args(arguments).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{arguments:?} ended with {}: {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(text)
}

impl Child {
    /// Starts a hub on a free port with this data folder, in developer mode, and waits until it serves requests.
    pub async fn start(data: &Path) -> Result<Child> {
        Self::start_with(data, &["--developer-mode"]).await
    }

    /// Same as users start it: nothing that destroys everything is allowed.
    pub async fn start_without_developer_mode(data: &Path) -> Result<Child> {
        Self::start_with(data, &[]).await
    }

    /// Same with these flags.
    pub async fn start_with(data: &Path, arguments: &[&str]) -> Result<Child> {
        Self::start_program("standalone", data, arguments).await
    }

    /// Starts a program that serves the API.
    pub async fn start_program(program: &str, data: &Path, arguments: &[&str]) -> Result<Child> {
        let (process, ready): (_, Ready) = start(program, data, arguments).await?;
        let arguments = ["token", "create", "--name", "tests", "--data"].map(std::ffi::OsStr::new);
        let token = run(&[&arguments[..], &[data.as_os_str()]].concat())?
            .trim()
            .to_owned();
        let client = client(&std::fs::read(&ready.ca)?, &token)?;
        Ok(Child {
            process,
            url: ready.url,
            client,
            token,
            ca: ready.ca,
            admin: ready.admin,
        })
    }

    /// Starts a hub and kills it after this time, wherever in its start it is then.
    pub async fn kill_while_starting(data: &Path, after: Duration) -> Result<()> {
        let ready_file = data.with_extension("ready-never");
        let mut process = spawn("standalone", data, &ready_file, &["--developer-mode"])?;
        tokio::time::sleep(after).await;
        process.kill()?;
        process.wait()?;
        // It may have come that far.
        let _ = std::fs::remove_file(&ready_file);
        Ok(())
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// True while the process lives.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// A request below `/api`.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/api{path}", self.url))
    }

    /// GET below `/api`, answered 2xx with JSON.
    pub async fn get(&self, path: &str) -> Result<serde_json::Value> {
        read(self.request(reqwest::Method::GET, path)).await
    }

    /// PUT of JSON below `/api`, answered 2xx with JSON.
    pub async fn put(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        read(self.request(reqwest::Method::PUT, path).json(body)).await
    }

    /// POST of JSON below `/api`, answered 2xx with JSON.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        read(self.request(reqwest::Method::POST, path).json(body)).await
    }
}

/// Starts a program on a free port with this data folder and waits until it serves; also gives its ready file.
pub async fn start<R: serde::de::DeserializeOwned>(
    program: &str,
    data: &Path,
    arguments: &[&str],
) -> Result<(Process, R)> {
    let ready_file = data.with_extension(format!("ready-{}", uuid::Uuid::new_v4().simple()));
    let mut process = spawn(program, data, &ready_file, arguments)?;
    let started = Instant::now();
    let text = loop {
        if let Ok(text) = std::fs::read(&ready_file) {
            break text;
        }
        if let Some(status) = process.try_wait()? {
            let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            bail!("the {program} ended while starting, {status}: {log}");
        }
        if started.elapsed() > START_LIMIT {
            process.kill()?;
            bail!("the {program} was not ready after {START_LIMIT:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let _ = std::fs::remove_file(&ready_file);
    let named: Named = serde_json::from_slice(&text).context("the ready file")?;
    anyhow::ensure!(
        named.pid == process.id(),
        "the ready file names another process"
    );
    Ok((process, serde_json::from_slice(&text)?))
}

/// Makes a process one of the next version: it reads the next format too. Given among its arguments.
pub const NEXT_VERSION: &str = "SLUICE_TEST_NEXT_FORMAT=2";

/// The process, its output appended to a log beside its data. What looks like `SLUICE_NAME=value` among the arguments goes to its
/// environment.
pub(crate) fn spawn(
    program: &str,
    data: &Path,
    ready_file: &Path,
    arguments: &[&str],
) -> Result<Process> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.with_extension("log"))?;
    // A port that is asked for again after a restart is given with the arguments.
    let is_given = arguments.contains(&"--listen");
    let listen: &[&str] = if is_given {
        &[]
    } else {
        &["--listen", "127.0.0.1:0"]
    };
    let is_variable = |argument: &&str| argument.starts_with("SLUICE_") && argument.contains('=');
    let (variables, arguments): (Vec<&str>, Vec<&str>) =
        arguments.iter().copied().partition(is_variable);
    Command::new(binary()?)
        .envs(
            variables
                .iter()
                .filter_map(|variable| variable.split_once('=')),
        )
        .arg(program)
        .arg("--data")
        .arg(data)
        .arg("--ready-file")
        .arg(ready_file)
        .args(listen)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("starting the hub")
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A client that trusts this CA only and sends this token.
pub fn client(ca: &[u8], token: &str) -> Result<reqwest::Client> {
    Ok(builder(ca, token)?.build()?)
}

/// The same for a host of this name that is found at this address.
pub fn client_at(
    host: &str,
    address: SocketAddr,
    ca: &[u8],
    token: &str,
) -> Result<reqwest::Client> {
    Ok(builder(ca, token)?.resolve(host, address).build()?)
}

fn builder(ca: &[u8], token: &str) -> Result<reqwest::ClientBuilder> {
    // The second call in one process finds it installed: both mean the same provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(
        reqwest::header::AUTHORIZATION,
        format!("Bearer {token}").parse()?,
    );
    Ok(reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca)?])
        .default_headers(headers)
        .timeout(Duration::from_secs(120)))
}

/// Sends a request that has to succeed with JSON; an error carries the answer's text.
pub async fn read(request: reqwest::RequestBuilder) -> Result<serde_json::Value> {
    let response = request.send().await?;
    let (status, path) = (response.status(), response.url().path().to_owned());
    let text = response.text().await?;
    if !status.is_success() {
        bail!("{path} answered {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{path} answered no JSON: {text}"))
}
