//! A hub whose roles are processes of their own: storage node, workers and an aggregator, with certificates made for them.

use crate::child::{Child, run, start};
use anyhow::{Context, Result};
use rustls::time_provider::DefaultTimeProvider;
use sluice_identity::{Expected, Identity, Role as RoleName, TrustBundle};
use sluice_protocol::transport::PeerChannel;
use sluice_protocol::transport::certificates::{Enrolment, enrol};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Child as Process;
use std::sync::Arc;
use std::time::Duration;

/// The hub's name.
pub const HUB: &str = "tests";

/// The key of its content hashes.
pub const HASH_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// A role without an API.
pub struct Role {
    process: Process,
}

impl Role {
    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the end, which has to be in good order.
    pub async fn stop(&mut self) -> Result<()> {
        let process = i32::try_from(self.process.id())?;
        let process = rustix::process::Pid::from_raw(process).context("a process has an id")?;
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        loop {
            if let Some(status) = self.process.try_wait()? {
                anyhow::ensure!(status.success(), "it ended with {status}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

#[derive(serde::Deserialize)]
struct NodeReady {
    address: String,
    enrolment: String,
}

#[derive(serde::Deserialize)]
struct WorkerReady {}

/// The processes of a hub. Their data goes with it.
pub struct Roles {
    /// The API.
    pub api: Child,
    /// The storage node; `None` while it is away.
    pub storage_node: Option<Role>,
    /// The workers, by their place in the ids `w0`, `w1`, ...; `None` while one is away.
    pub workers: Vec<Option<Role>>,
    folder: tempfile::TempDir,
    lease: String,
    /// Further arguments of the storage node.
    node_arguments: Vec<String>,
    /// Where the storage node is, again after a restart too.
    address: String,
    enrolment: String,
}

impl Roles {
    /// Starts a hub with so many workers and leases of this length (`3s`).
    pub async fn start(workers: usize, lease: &str) -> Result<Roles> {
        Roles::start_with(workers, lease, &[]).await
    }

    /// The same with further arguments of the storage node.
    pub async fn start_with(workers: usize, lease: &str, more: &[&str]) -> Result<Roles> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let make = |arguments: &[&str], paths: &[(&str, PathBuf)]| {
            let paths = paths
                .iter()
                .flat_map(|(flag, path)| [OsStr::new(*flag), path.as_os_str()]);
            let arguments = ["certificates"].iter().chain(arguments).map(OsStr::new);
            run(&arguments.chain(paths).collect::<Vec<_>>())
        };
        let trust = make(&["root", "--hub", HUB], &[("--dir", at("ca"))])?;
        std::fs::write(at("trust.pem"), trust)?;
        let paths = [("--dir", at("ca")), ("--out", at("authority"))];
        make(&["intermediate", "--hub", HUB], &paths)?;
        for (role, ids) in [("worker", "w*"), ("aggregator", "a*"), ("operator", "o*")] {
            let arguments = ["bootstrap", "--role", role, "--ids", ids];
            let secret = make(&arguments, &[("--add-to", at("known"))])?;
            std::fs::write(at(&format!("{role}.secret")), secret)?;
        }
        std::fs::write(at("hash.key"), HASH_KEY)?;
        let lease = lease.to_owned();
        let node_arguments: Vec<String> = more.iter().map(|&one| one.to_owned()).collect();
        let anywhere = "127.0.0.1:0";
        let starting = node(folder.path(), &lease, anywhere, anywhere, &node_arguments);
        let (storage_node, ready) = starting.await?;
        let (address, enrolment) = (ready.address, ready.enrolment);
        let mut started = Vec::new();
        for number in 0..workers {
            started.push(Some(
                worker(folder.path(), number, &address, &enrolment).await?,
            ));
        }
        let arguments = client(folder.path(), "aggregator", "a0", &address, &enrolment);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.push("--developer-mode");
        let api = Child::start_program("aggregator", &at("a0"), &arguments).await?;
        Ok(Roles {
            api,
            storage_node: Some(storage_node),
            workers: started,
            folder,
            lease,
            node_arguments,
            address,
            enrolment,
        })
    }

    /// Starts the storage node again, with its data and where it was.
    pub async fn start_storage_node(&mut self) -> Result<()> {
        let (again, _) = node(
            self.folder.path(),
            &self.lease,
            &self.address,
            &self.enrolment,
            &self.node_arguments,
        )
        .await?;
        self.storage_node = Some(again);
        Ok(())
    }

    /// Starts a worker again, with its data.
    pub async fn start_worker(&mut self, number: usize) -> Result<()> {
        let again = worker(self.folder.path(), number, &self.address, &self.enrolment).await?;
        self.workers[number] = Some(again);
        Ok(())
    }

    /// A way to the storage node in the name of an operator.
    pub async fn operator(&self, id: &str) -> Result<PeerChannel> {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name));
        let enrolment = Enrolment {
            address: self.enrolment.clone(),
            identity: Identity::new(HUB, RoleName::Operator, id)?,
            secret: read("operator.secret")?.trim().to_owned().into(),
            trust: TrustBundle::from_pem(read("trust.pem")?.as_bytes())?,
        };
        let certificate = enrol(&enrolment, Arc::new(DefaultTimeProvider)).await?;
        let node = Expected::any(RoleName::StorageNode);
        Ok(PeerChannel::new(&self.address, node, &certificate)?)
    }

    /// What a process has logged.
    pub fn log(&self, id: &str) -> Result<String> {
        Ok(std::fs::read_to_string(
            self.folder.path().join(id).with_extension("log"),
        )?)
    }

    /// The worker that has a pipe, by the numbers of pipes that each has.
    pub async fn pipes_per_worker(&self) -> Result<Vec<u64>> {
        let status = self.api.get("/status").await?;
        let pipes = (0..self.workers.len()).map(|number| {
            let pipes = &status["worker"]["workers"][format!("w{number}")]["pipes"];
            pipes.as_u64().unwrap_or_default()
        });
        Ok(pipes.collect())
    }
}

async fn node(
    folder: &Path,
    lease: &str,
    address: &str,
    enrolment: &str,
    more: &[String],
) -> Result<(Role, NodeReady)> {
    let (authority, known) = (folder.join("authority"), folder.join("known"));
    let hash_key = folder.join("hash.key");
    let mut arguments = vec![
        "--hub",
        HUB,
        "--id",
        "s0",
        "--lease",
        lease,
        "--listen",
        address,
        "--enrolment-listen",
        enrolment,
        "--authority",
        text(&authority)?,
        "--bootstraps",
        text(&known)?,
        "--hash-key-file",
        text(&hash_key)?,
    ];
    arguments.extend(more.iter().map(String::as_str));
    let (process, ready) = start("storage-node", &folder.join("s0"), &arguments).await?;
    Ok((Role { process }, ready))
}

async fn worker(folder: &Path, number: usize, address: &str, enrolment: &str) -> Result<Role> {
    let id = format!("w{number}");
    let arguments = client(folder, "worker", &id, address, enrolment);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (process, WorkerReady {}) = start("worker", &folder.join(&id), &arguments).await?;
    Ok(Role { process })
}

fn client(folder: &Path, role: &str, id: &str, address: &str, enrolment: &str) -> Vec<String> {
    let path = |name: String| folder.join(name).display().to_string();
    let (secret, trust) = (path(format!("{role}.secret")), path("trust.pem".to_owned()));
    let arguments = [
        ("--hub", HUB),
        ("--id", id),
        ("--storage-node", address),
        ("--enrolment", enrolment),
        ("--bootstrap-secret-file", &secret),
        ("--trust", &trust),
    ];
    let flat = arguments.iter().flat_map(|(flag, value)| [*flag, *value]);
    flat.map(str::to_owned).collect()
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path of tests is UTF-8")
}
