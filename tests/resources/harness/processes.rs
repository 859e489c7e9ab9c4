//! The roles of a hub as processes of this machine, with the keys and certificates that the operator has made for it: what its pods
//! would run, on ports of the loopback.

use super::place::Place;
use super::{HUB, until};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sluice_tests::child::{self, Child};
use std::path::{Path, PathBuf};
use std::process::Child as Process;
use std::time::Duration;

/// Until the operator has made the keys.
const LIMIT: Duration = Duration::from_secs(60);

/// What is read of Secrets: the name, its keys, the folder they go to.
const SECRETS: [(&str, &[&str], &str); 5] = [
    ("authority", &["tls.crt", "tls.key", "ca.crt"], "authority"),
    ("bootstraps", &["known"], "bootstraps"),
    ("keys", &["secrets.key", "hash.key"], "keys"),
    ("bootstrap-worker", &["secret"], "worker"),
    ("bootstrap-aggregator", &["secret"], "aggregator"),
];

/// A process that is killed with this.
struct Running(Process);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Deserialize)]
struct NodeReady {
    address: String,
    enrolment: String,
}

#[derive(Deserialize)]
struct WorkerReady {}

/// The processes of the hub `home` of a namespace. Their data goes with them.
pub(crate) struct Processes {
    /// Where the storage node is.
    pub(crate) storage_node: String,
    enrolment: String,
    /// The API, if it is served.
    pub(crate) api: Option<Child>,
    node: Option<Running>,
    workers: Vec<Running>,
    folder: tempfile::TempDir,
}

impl Processes {
    /// Starts the storage node, when the operator has made its keys.
    pub(crate) async fn start(place: &Place) -> Result<Processes> {
        let folder = tempfile::tempdir()?;
        for (secret, keys, into) in SECRETS {
            let name = format!("{HUB}-{secret}");
            let into = folder.path().join(into);
            std::fs::create_dir_all(&into)?;
            until(&format!("the Secret {name}"), LIMIT, || async {
                let found = place.get("secrets", &name).await;
                let is_there = matches!(found, Ok(Some(_)));
                (!is_there).then(|| format!("{:?}", found.err()))
            })
            .await?;
            let found = place.get("secrets", &name).await?.context("it was there")?;
            for key in keys {
                let text = found["data"][key].as_str().context("a key of a Secret")?;
                std::fs::write(into.join(key), STANDARD.decode(text)?)?;
            }
        }
        let token = place.get("secrets", &format!("{HUB}-token-key")).await?;
        let token = token.context("the key of tokens")?;
        let token = token["data"]["token-signing.pem"].as_str();
        let keys = folder.path().join("a0").join("keys");
        std::fs::create_dir_all(&keys)?;
        let mine = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&keys, mine)?;
        let file = keys.join("token-signing.pem");
        std::fs::write(&file, STANDARD.decode(token.unwrap_or_default())?)?;
        let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mine)?;
        let mut processes = Processes {
            storage_node: "127.0.0.1:0".to_owned(),
            enrolment: "127.0.0.1:0".to_owned(),
            api: None,
            node: None,
            workers: Vec::new(),
            folder,
        };
        processes.start_storage_node().await?;
        Ok(processes)
    }

    /// Starts the storage node, where it was before, if it was.
    pub(crate) async fn start_storage_node(&mut self) -> Result<()> {
        let at = |name: &str| self.path(name).display().to_string();
        let (authority, known) = (at("authority"), at("bootstraps/known"));
        let (secrets, hash) = (at("keys/secrets.key"), at("keys/hash.key"));
        let arguments = [
            "--hub",
            HUB,
            "--id",
            "s0",
            "--listen",
            &self.storage_node,
            "--enrolment-listen",
            &self.enrolment,
            "--authority",
            &authority,
            "--bootstraps",
            &known,
            "--secrets-key-file",
            &secrets,
            "--hash-key-file",
            &hash,
            "--incarnation",
            "1",
            "--custom-resources",
        ];
        let data = self.path("s0");
        let (process, ready): (_, NodeReady) =
            child::start("storage-node", &data, &arguments).await?;
        self.node = Some(Running(process));
        self.storage_node = ready.address;
        self.enrolment = ready.enrolment;
        Ok(())
    }

    /// Starts a worker of this name.
    pub(crate) async fn add_worker(&mut self, place: &Place, id: &str) -> Result<()> {
        let arguments = self.client(place, "worker", id).await?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (process, WorkerReady {}) = child::start("worker", &self.path(id), &arguments).await?;
        self.workers.push(Running(process));
        Ok(())
    }

    /// Starts an aggregator.
    pub(crate) async fn serve_api(&mut self, place: &Place) -> Result<()> {
        let mut arguments = self.client(place, "aggregator", "a0").await?;
        arguments.push("--developer-mode".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let api = Child::start_program("aggregator", &self.path("a0"), &arguments).await?;
        self.api = Some(api);
        Ok(())
    }

    /// Resident bytes of the storage node and of the workers together.
    pub(crate) fn resident(&self) -> Result<[u64; 2]> {
        let of = |running: &Running| {
            let id = running.0.id();
            let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kibibytes = line
                .and_then(|line| line.trim().strip_suffix(" kB"))
                .context("its memory")?;
            anyhow::Ok(kibibytes.parse::<u64>()? << 10)
        };
        let nodes = self.node.iter().map(of).sum::<Result<u64>>()?;
        let workers = self.workers.iter().map(of).sum::<Result<u64>>()?;
        Ok([nodes, workers])
    }

    /// The API.
    pub(crate) fn api(&self) -> &Child {
        self.api.as_ref().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn client(&self, place: &Place, role: &str, id: &str) -> Result<Vec<String>> {
        let trust = place.get("configmaps", &format!("{HUB}-trust")).await?;
        let trust = trust.context("what roles trust")?;
        let file = self.path("trust.pem");
        std::fs::write(&file, trust["data"]["ca.crt"].as_str().unwrap_or_default())?;
        let text = |path: &Path| path.display().to_string();
        let arguments = [
            ("--hub", HUB.to_owned()),
            ("--id", id.to_owned()),
            ("--storage-node", self.storage_node.clone()),
            ("--enrolment", self.enrolment.clone()),
            (
                "--bootstrap-secret-file",
                text(&self.path(role).join("secret")),
            ),
            ("--trust", text(&file)),
        ];
        let flat = arguments.into_iter();
        Ok(flat
            .flat_map(|(flag, value)| [flag.to_owned(), value])
            .collect())
    }
}
