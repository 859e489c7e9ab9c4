//! `sluice verify`: makes a pipe through a hub's API, pushes an entity to it, reads it back, and removes the pipe. What
//! `helm test` runs.

use super::say;
use anyhow::{Context, Result, bail, ensure};
use clap::{Arg, ArgMatches, Command, value_parser};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sluice_identity::{Lifetime, TokenAuthority};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two looks at a hub that is not ready.
const PAUSE: Duration = Duration::from_secs(1);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// As the key is called in a data folder.
const SIGNING_KEY: &str = "token-signing.pem";
/// Of an answer.
const MOST_BYTES: usize = 1 << 20;

pub(crate) fn command() -> Command {
    let file = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .required(true)
            .help(help)
    };
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .required(true)
            .help(help)
    };
    Command::new("verify")
        .about("Show that a hub works: make a pipe through its API, push an entity, read it again, remove the pipe")
        .after_help("Waits until the hub answers. Exit code: 0 the entity came back, 1 it did not.")
        .args([
            text("url", "URL", "The hub, for example https://hub-aggregator:8443"),
            file("ca", "The certificate to trust (PEM)"),
            file("signing-key", "The key that signs the hub's tokens, DATA/keys/token-signing.pem: a token of five minutes is made with it"),
            Arg::new("timeout")
                .long("timeout")
                .value_name("SECONDS")
                .default_value("120")
                .value_parser(value_parser!(u64).range(1..=3600))
                .help("How long all of it may take"),
        ])
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let text = |name| matches.get_one::<String>(name).map_or("", String::as_str);
    let file = |name: &str| -> Result<Vec<u8>> {
        let path = matches
            .get_one::<PathBuf>(name)
            .cloned()
            .unwrap_or_default();
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let seconds = matches.get_one::<u64>("timeout").copied().unwrap_or(120);
    let hub = Hub {
        url: text("url").trim_end_matches('/').to_owned(),
        pipe: format!("sluice-verify-{}", Timestamp::now().as_microsecond()),
        token: token(&file("signing-key")?)?,
        client: client(&file("ca")?)?,
        end: Instant::now() + Duration::from_secs(seconds),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(hub.verify())?;
    Ok(ExitCode::SUCCESS)
}

/// A token for as long as this takes, by a copy of the key: where the key lies nothing is written.
fn token(key: &[u8]) -> Result<String> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let keys = folder.path().join("keys");
    sluice_identity::create_private_folder(&keys)?;
    sluice_identity::replace_private(&keys.join(SIGNING_KEY), key)?;
    let lifetime: Lifetime = "5m".parse()?;
    let authority = TokenAuthority::new(folder.path());
    Ok(authority.create("sluice verify", lifetime, Timestamp::now())?)
}

fn client(trusted: &[u8]) -> Result<reqwest::Client> {
    // Installed already where another part of the process did: both mean the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let trusted = reqwest::Certificate::from_pem(trusted).context("the certificate to trust")?;
    reqwest::Client::builder()
        .tls_certs_only([trusted])
        .timeout(PATIENCE)
        .build()
        .context("cannot make a client")
}

struct Hub {
    url: String,
    pipe: String,
    token: String,
    client: reqwest::Client,
    end: Instant,
}

impl Hub {
    async fn verify(&self) -> Result<()> {
        let verified = self.there_and_back().await;
        // Also where it did not come that far: a pipe that is not there is as good as one that was removed.
        let removed = self.remove().await;
        verified.and(removed)
    }

    async fn there_and_back(&self) -> Result<()> {
        let pipe = format!("/pipes/{}", self.pipe);
        let definition =
            json!([{"_id": self.pipe, "type": "pipe", "source": {"type": "http_endpoint"}}]);
        self.until("the pipe is made", || async {
            let there = self.answer(self.request(Method::GET, &pipe)).await;
            match there {
                Ok(_) => Ok(()),
                Err(_) => {
                    let make = self.request(Method::POST, "/pipes").json(&definition);
                    self.answer(make).await.map(drop)
                }
            }
        })
        .await?;
        self.until("the pipe is served", || async {
            self.answer(self.request(Method::GET, &pipe))
                .await
                .map(drop)
        })
        .await?;
        say(&format!("{} serves {}\n", self.url, self.pipe))?;
        let receiver = format!("/receivers/{}/entities", self.pipe);
        self.until("the entity is taken", || async {
            let push = self.request(Method::POST, &receiver);
            let push = push.json(&json!([{"_id": "pushed"}]));
            self.answer(push).await.map(drop)
        })
        .await?;
        let entity = format!("/datasets/{}/entity?entity_id=pushed", self.pipe);
        self.until("the entity is in the dataset", || async {
            let text = self.answer(self.request(Method::GET, &entity)).await?;
            ensure!(text.contains("\"pushed\""), "another entity is there");
            Ok(())
        })
        .await?;
        say("what was pushed was read again\n")
    }

    /// Pipe and dataset. What is not there, or goes with the other, is gone.
    async fn remove(&self) -> Result<()> {
        for path in ["/pipes/", "/datasets/"].map(|kind| format!("{kind}{}", self.pipe)) {
            let response = self.request(Method::DELETE, &path).send().await?;
            let status = response.status();
            if !status.is_success() && status != StatusCode::NOT_FOUND {
                bail!(
                    "{path} cannot be removed: {status}: {}",
                    response.text().await?
                );
            }
        }
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/api{path}", self.url))
            .bearer_auth(&self.token)
    }

    /// The text of a good answer.
    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<String> {
        let mut response = request.send().await?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await? {
            ensure!(
                body.len() + part.len() <= MOST_BYTES,
                "the answer is too long"
            );
            body.extend_from_slice(&part);
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            bail!("{status}: {text}");
        }
        Ok(text)
    }

    /// Tries again until it succeeds or the time is over; the last failure is the error.
    async fn until<F: Future<Output = Result<()>>>(
        &self,
        what: &str,
        attempt: impl Fn() -> F,
    ) -> Result<()> {
        loop {
            let failed = match attempt().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if Instant::now() + PAUSE > self.end {
                return Err(failed.context(format!("not in time: {what}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
