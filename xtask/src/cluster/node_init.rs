//! The first process of a node: covers the folders that are to be the node's own, starts container runtime, kubelet and
//! proxy, and reaps what they leave. When one of the three ends the node goes down, and says why in its log.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};
use serde::{Deserialize, Serialize};

use crate::command::run as run_command;
use crate::hub::tail;
use crate::wait::{self, Look};

const SOCKET: &str = "/run/containerd/containerd.sock";
const RUNTIME_LIMIT: Duration = Duration::from_secs(60);
const API_LIMIT: Duration = Duration::from_secs(180);

/// What the node is to do, written by the command that starts it.
#[derive(Serialize, Deserialize)]
pub(super) struct Plan {
    /// Joined first, so that all of the node is in these control groups.
    pub(super) control_groups: Vec<PathBuf>,
    /// Covers `/var/lib`: the node's disk.
    pub(super) disk: PathBuf,
    /// Covers `/var/log`.
    pub(super) logs: PathBuf,
    /// The folder whose image archives are loaded.
    pub(super) images: PathBuf,
    pub(super) runtime: Component,
    /// The program that loads images.
    pub(super) loader: PathBuf,
    /// Waited for between runtime and the others.
    pub(super) api_is_ready: PathBuf,
    /// Kubelet and proxy.
    pub(super) then: Vec<Component>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) log: PathBuf,
}

struct Running {
    component: Component,
    child: Child,
}

pub(super) fn run(plan: &Path) -> Result<()> {
    let text =
        fs::read_to_string(plan).with_context(|| format!("could not read {}", plan.display()))?;
    let plan: Plan = serde_json::from_str(&text)
        .with_context(|| format!("could not understand {}", plan.display()))?;
    if std::process::id() != 1 {
        bail!("only the first process of a node may do this: it covers folders of the machine");
    }
    for join in &plan.control_groups {
        // Zero is whoever writes.
        fs::write(join, "0").with_context(|| format!("could not join {}", join.display()))?;
    }
    cover_folders(&plan)?;

    let mut running = vec![plan.runtime.start()?];
    wait::until("the container runtime", RUNTIME_LIMIT, || {
        complain_of_dead(&mut running)?;
        Ok(UnixStream::connect(SOCKET).context("no connection").into())
    })?;
    load_images(&plan)?;
    wait::until("the API server", API_LIMIT, || {
        complain_of_dead(&mut running)?;
        Ok(Look::at(plan.api_is_ready.exists().then_some(())))
    })?;
    for component in &plan.then {
        running.push(component.start()?);
    }
    println!("the node runs");
    reap(&running)
}

/// Mounts end with the node's mount namespace: nobody has to undo them.
fn cover_folders(plan: &Plan) -> Result<()> {
    for (folder, over) in [(&plan.disk, "/var/lib"), (&plan.logs, "/var/log")] {
        run_command(Command::new("mount").arg("--bind").arg(folder).arg(over))?;
    }
    run_command(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]))?;
    for folder in ["/run/netns", "/run/lock", "/var/lib/kubelet"] {
        fs::create_dir_all(folder).with_context(|| format!("could not make {folder}"))?;
    }
    // What is mounted in the node reaches its containers, and not the machine. After the covers, or these would spread too.
    run_command(Command::new("mount").args(["--make-rshared", "/"]))
}

fn load_images(plan: &Plan) -> Result<()> {
    let mut archives = Vec::new();
    let listing = fs::read_dir(&plan.images)
        .with_context(|| format!("could not list {}", plan.images.display()))?;
    for entry in listing {
        let entry = entry.with_context(|| format!("could not list {}", plan.images.display()))?;
        archives.push(entry.path());
    }
    archives.sort();
    for archive in archives {
        run_command(&mut load(&plan.loader, &archive))?;
    }
    Ok(())
}

/// The command that loads an image archive into the runtime of the node in which it runs.
pub(super) fn load(loader: &Path, archive: &Path) -> Command {
    let mut command = Command::new(loader);
    command
        .args(["--address", SOCKET, "--namespace", "k8s.io"])
        .args(["images", "import", "--local"])
        .arg(archive);
    command
}

/// Waits for ends for ever: of the three, which is an error, and of processes whose own parents are gone.
fn reap(running: &[Running]) -> Result<()> {
    loop {
        let (pid, status) = match wait(WaitOptions::empty()) {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(cause) => return Err(cause).context("could not wait for a process"),
        };
        let raw = pid.as_raw_nonzero().get().unsigned_abs();
        if let Some(dead) = running.iter().find(|one| one.child.id() == raw) {
            bail!("{}", dead.obituary(&format!("{status:?}")));
        }
    }
}

fn complain_of_dead(running: &mut [Running]) -> Result<()> {
    for one in running {
        let ended = one
            .child
            .try_wait()
            .context("could not look after a process")?;
        if let Some(status) = ended {
            bail!("{}", one.obituary(&status.to_string()));
        }
    }
    Ok(())
}

impl Component {
    fn start(&self) -> Result<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("could not open {}", self.log.display()))?;
        let errors = log.try_clone().context("could not share a log")?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("could not start {}", self.name))?;
        Ok(Running {
            component: self.clone(),
            child,
        })
    }
}

impl Running {
    fn obituary(&self, how: &str) -> String {
        format!(
            "{} ended by itself ({how}), the node goes down; the end of {}:\n{}",
            self.component.name,
            self.component.log.display(),
            tail(&self.component.log)
        )
    }
}
