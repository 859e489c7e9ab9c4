//! Network namespaces: which a cluster has, and how something runs inside one.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::cgroups;
use super::folder::Id;
use super::state::{State, Tier};

/// Where iproute2 keeps them.
pub(super) const FOLDER: &str = "/run/netns";

/// The name of the control plane's, or of a node's.
pub(super) fn name(prefix: &str, node: Option<&str>) -> String {
    format!("{prefix}-{}", node.unwrap_or("cp"))
}

pub(super) fn path(prefix: &str, node: Option<&str>) -> PathBuf {
    Path::new(FOLDER).join(name(prefix, node))
}

/// Does the work in a thread that has entered the namespace. A socket stays in the namespace in which it was made.
pub(super) fn within<T: Send>(
    namespace: &Path,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            move_this_thread(namespace)?;
            work()
        });
        match inside.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a thread in {} panicked", namespace.display()),
        }
    })
}

/// Only for threads that end soon: they never come back.
pub(super) fn move_this_thread(namespace: &Path) -> Result<()> {
    let file = File::open(namespace)
        .with_context(|| format!("could not open the namespace {}", namespace.display()))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("could not enter the namespace {}", namespace.display()))
}

/// `cargo xtask cluster enter`: becomes the program, inside.
pub(super) fn enter(id: &Id, node: Option<&str>, program: &[OsString]) -> Result<()> {
    let (_, state) = State::of_running(id)?;
    let Some((name, arguments)) = program.split_first() else {
        bail!("no program was given");
    };
    let mut command = match state.tier {
        // It lives on the machine's own loopback.
        Tier::ControlPlane => Command::new(name),
        Tier::Full => {
            if let Some(node) = node {
                state.node(node)?;
            }
            cgroups::join(&state.prefix())?;
            let mut command = Command::new("nsenter");
            command
                .arg(format!("--net={}", path(&state.prefix(), node).display()))
                .arg("--")
                .arg(name);
            command
        }
    };
    let failure = command.args(arguments).exec();
    Err(failure).with_context(|| format!("could not start {}", name.display()))
}
