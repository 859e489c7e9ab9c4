//! A hub whose roles are processes of their own: storage node, workers and an aggregator, with certificates made for them.

use crate::child::{Child, NEXT_VERSION, run, spawn, start};
use anyhow::{Context, Result};
use rustix::process::Signal;
use rustls::time_provider::DefaultTimeProvider;
use sluice_identity::{Expected, Identity, TrustBundle};
use sluice_protocol::transport::PeerChannel;
use sluice_protocol::transport::certificates::{Enrolment, enrol};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child as Process;
use std::sync::Arc;
use std::time::Duration;

/// The hub's name.
pub const HUB: &str = "tests";

/// The key of its content hashes.
pub const HASH_KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

const ANY_PORT: &str = "127.0.0.1:0";
/// The key of its secrets.
pub const SECRETS_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// Stands for the URL of the hub's object store.
const OBJECTS: &str = "OBJECTS";

/// A role without an API.
pub struct Role {
    process: Process,
    /// Where its health and metrics are.
    pub admin: SocketAddr,
}

impl Role {
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

    /// SIGSTOP: it does nothing until it is thawed. The signal takes a moment; returns when no thread runs any more.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        while !self.is_frozen()? {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn is_frozen(&self) -> Result<bool> {
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            // A thread that has just ended has no state any more, and does nothing.
            let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else {
                continue;
            };
            // Behind the name, which may hold anything.
            let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
            if !state.is_some_and(|state| state.starts_with(['T', 'Z', 'X'])) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = i32::try_from(self.process.id())?;
        let process = rustix::process::Pid::from_raw(process).context("a process has an id")?;
        rustix::process::kill_process(process, signal)?;
        Ok(())
    }

    /// SIGTERM, and waits for the end, which has to be in good order.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
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
    admin: SocketAddr,
}

#[derive(serde::Deserialize)]
struct WorkerReady {
    admin: SocketAddr,
}

/// The processes of a hub. Their data goes with it.
pub struct Roles {
    /// The API.
    pub api: Child,
    /// The storage node; `None` while it is away.
    pub storage_node: Option<Role>,
    /// The workers, by their place in the ids `w0`, `w1`, ...; `None` while one is away.
    pub workers: Vec<Option<Role>>,
    /// What is started from now on is of the next version.
    pub is_next: bool,
    folder: tempfile::TempDir,
    lease: String,
    /// Further arguments of workers; the storage node has the object store of them.
    further: Vec<String>,
    /// Where the storage node is, again after a restart too.
    address: String,
    enrolment: String,
}

impl Roles {
    /// Starts a hub with so many workers and leases of this length (`3s`).
    pub async fn start(workers: usize, lease: &str) -> Result<Roles> {
        Self::start_with(workers, lease, &[]).await
    }

    /// The same with an object store in a folder, and checkpoints every so often (`1s`).
    pub async fn start_with_objects(workers: usize, lease: &str, every: &str) -> Result<Roles> {
        let objects = ["--object-store", OBJECTS, "--checkpoint-every", every];
        Self::start_with(workers, lease, &objects).await
    }

    async fn start_with(workers: usize, lease: &str, further: &[&str]) -> Result<Roles> {
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
        let objects = format!("file://{}", at("objects").display());
        let further = further.iter().map(|argument| match *argument {
            OBJECTS => objects.clone(),
            other => other.to_owned(),
        });
        let further: Vec<String> = further.collect();
        std::fs::write(at("secrets.key"), SECRETS_KEY)?;
        let places = [ANY_PORT, ANY_PORT];
        let (storage_node, ready) = node(folder.path(), &lease, places, &further, false).await?;
        let (address, enrolment) = (ready.address, ready.enrolment);
        let mut started = Vec::new();
        for number in 0..workers {
            started.push(Some(
                worker(
                    folder.path(),
                    number,
                    [&address, &enrolment],
                    &further,
                    false,
                )
                .await?,
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
            is_next: false,
            folder,
            lease,
            further,
            address,
            enrolment,
        })
    }

    /// Starts the storage node again, with its data and where it was.
    pub async fn start_storage_node(&mut self) -> Result<()> {
        let (again, _) = node(
            self.folder.path(),
            &self.lease,
            [&self.address, &self.enrolment],
            &self.further,
            self.is_next,
        )
        .await?;
        self.storage_node = Some(again);
        Ok(())
    }

    /// Ends the aggregator and starts it again, where it was.
    pub async fn restart_api(&mut self) -> Result<()> {
        self.api.kill()?;
        let folder = self.folder.path();
        let arguments = client(folder, "aggregator", "a0", &self.address, &self.enrolment);
        let listen = self.api.url.replace("https://", "");
        let further = ["--developer-mode", "--listen", &listen];
        let arguments = arguments.iter().map(String::as_str).chain(further);
        let arguments: Vec<&str> = arguments.chain(version(self.is_next)).collect();
        self.api = Child::start_program("aggregator", &folder.join("a0"), &arguments).await?;
        Ok(())
    }

    /// Starts one worker more.
    pub async fn add_worker(&mut self) -> Result<()> {
        self.start_worker(self.workers.len()).await
    }

    /// Starts one worker more, which reaches the storage node at another address: by a line that can be cut, say.
    pub async fn add_worker_over(&mut self, storage_node: &str) -> Result<()> {
        let number = self.workers.len();
        self.start_worker_over(number, storage_node).await
    }

    /// Where the storage node is.
    pub fn storage_node_address(&self) -> &str {
        &self.address
    }

    /// Starts a worker again with its data, or a new one behind the others.
    pub async fn start_worker(&mut self, number: usize) -> Result<()> {
        self.start_worker_over(number, &self.address.clone()).await
    }

    async fn start_worker_over(&mut self, number: usize, storage_node: &str) -> Result<()> {
        let folder = self.folder.path();
        let started = worker(
            folder,
            number,
            [storage_node, &self.enrolment],
            &self.further,
            self.is_next,
        )
        .await?;
        if number == self.workers.len() {
            self.workers.push(None);
        }
        self.workers[number] = Some(started);
        Ok(())
    }

    /// Starts a worker with its data and this admin port, and does not wait for it: it may have to wait itself.
    pub fn begin_worker(&mut self, number: usize, admin: SocketAddr) -> Result<()> {
        let (folder, id) = (self.folder.path(), format!("w{number}"));
        let mut arguments = client(folder, "worker", &id, &self.address, &self.enrolment);
        let listen = arguments.last_mut().context("the admin port is the last")?;
        *listen = admin.to_string();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let data = folder.join(&id);
        let process = spawn("worker", &data, &data.with_extension("begun"), &arguments)?;
        self.workers[number] = Some(Role { process, admin });
        Ok(())
    }

    /// A channel to the storage node, as this role with this id; its certificate is got for it.
    pub async fn storage_node_as(
        &self,
        role: sluice_identity::Role,
        id: &str,
    ) -> Result<PeerChannel> {
        let path = |name: &str| self.folder.path().join(name);
        let secret = std::fs::read_to_string(path(&format!("{}.secret", role.as_str())))?;
        let enrolment = Enrolment {
            address: self.enrolment.clone(),
            identity: Identity::new(HUB, role, id)?,
            secret: secret.trim().to_owned().into(),
            trust: TrustBundle::from_pem(&std::fs::read(path("trust.pem"))?)?,
        };
        let certificate = enrol(&enrolment, Arc::new(DefaultTimeProvider));
        let certificate = certificate.await.map_err(anyhow::Error::from_boxed)?;
        let expected = Expected::any(sluice_identity::Role::StorageNode);
        Ok(PeerChannel::new(&self.address, expected, &certificate)?)
    }

    /// The data folder of a process.
    pub fn data(&self, id: &str) -> PathBuf {
        self.folder.path().join(id)
    }

    /// Takes the disk of a worker away that does not run.
    pub fn lose_disk(&self, number: usize) -> Result<()> {
        std::fs::remove_dir_all(self.folder.path().join(format!("w{number}")))?;
        Ok(())
    }

    /// Takes the disk of the storage node away, which does not run.
    pub fn lose_storage_node_disk(&self) -> Result<()> {
        std::fs::remove_dir_all(self.folder.path().join("s0"))?;
        Ok(())
    }

    /// Names of the objects in the object store.
    pub fn objects(&self) -> Result<Vec<PathBuf>> {
        let (mut open, mut found) = (vec![self.folder.path().join("objects")], Vec::new());
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    open.push(path)
                } else {
                    found.push(path)
                }
            }
        }
        Ok(found)
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
    [address, enrolment]: [&str; 2],
    further: &[String],
    is_next: bool,
) -> Result<(Role, NodeReady)> {
    let (authority, known) = (folder.join("authority"), folder.join("known"));
    let (hash_key, secrets_key) = (folder.join("hash.key"), folder.join("secrets.key"));
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
        "--secrets-key-file",
        text(&secrets_key)?,
        "--admin-listen",
        ANY_PORT,
    ];
    if let [store, url, ..] = further
        && store == "--object-store"
    {
        arguments.extend([store.as_str(), url.as_str()]);
    }
    arguments.extend(version(is_next));
    let (process, ready): (_, NodeReady) =
        start("storage-node", &folder.join("s0"), &arguments).await?;
    let admin = ready.admin;
    Ok((Role { process, admin }, ready))
}

async fn worker(
    folder: &Path,
    number: usize,
    [address, enrolment]: [&str; 2],
    further: &[String],
    is_next: bool,
) -> Result<Role> {
    let id = format!("w{number}");
    let arguments = client(folder, "worker", &id, address, enrolment);
    let arguments = arguments.iter().chain(further).map(String::as_str);
    let arguments: Vec<&str> = arguments.chain(version(is_next)).collect();
    let (process, WorkerReady { admin }) = start("worker", &folder.join(&id), &arguments).await?;
    Ok(Role { process, admin })
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
        ("--admin-listen", ANY_PORT),
    ];
    let flat = arguments.iter().flat_map(|(flag, value)| [*flag, *value]);
    flat.map(str::to_owned).collect()
}

fn version(is_next: bool) -> Option<&'static str> {
    is_next.then_some(NEXT_VERSION)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path of tests is UTF-8")
}
