//! `cargo xtask cluster down`: stops a cluster, removes all it made, and looks whether anything is left.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::control::Supervisor;
use super::folder::{Folder, Id};
use super::state::State;
use super::{cgroups, leftovers, network};
use crate::steps::step;
use crate::wait::{self, Look};

const END_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn down(id: &Id) -> Result<()> {
    let folder = Folder::of(id)?;
    let prefix = prefix(id);
    if !folder.exists() && leftovers::find(&folder, &prefix).is_empty() {
        println!("    no cluster {id} runs, and nothing is left of one");
        return Ok(());
    }
    let _held = folder.lock()?;
    step(&format!("stop cluster {id}"), || {
        stop(&folder, &prefix)?;
        remove_files(&folder)
    })?;
    let left = leftovers::find(&folder, &prefix);
    if left.is_empty() {
        println!("    nothing is left of it");
        return Ok(());
    }
    bail!("left of cluster {id}:\n  {}", left.join("\n  "))
}

pub(super) fn prefix(id: &Id) -> String {
    format!("sluice-{id}")
}

/// Ends every process and removes what the kernel keeps for them. The files stay.
pub(super) fn stop(folder: &Folder, prefix: &str) -> Result<()> {
    thaw(folder, prefix)?;
    if folder.is_supervised()? {
        if let Err(cause) = Supervisor::of(folder).end() {
            println!("    {cause:#}: the supervisor is killed, and all with it");
            kill_supervisor(folder)?;
        }
        wait::until("the supervisor to end", END_LIMIT, || {
            Ok(Look::at((!folder.is_supervised()?).then_some(())))
        })?;
    }
    // None is expected: whoever ended the supervisor ended them.
    for left in cgroups::processes(prefix) {
        let pid = i32::try_from(left).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone_is_fine = kill_process(pid, Signal::KILL);
        }
    }
    cgroups::remove(prefix, None)?;
    network::remove(prefix)
}

/// A frozen process does not even take notice of being killed.
fn thaw(folder: &Folder, prefix: &str) -> Result<()> {
    let Some(state) = State::read(folder).unwrap_or_default() else {
        return Ok(());
    };
    for node in state.nodes.iter().filter(|node| node.frozen) {
        cgroups::set_frozen(prefix, &node.name, false)?;
    }
    Ok(())
}

fn kill_supervisor(folder: &Folder) -> Result<()> {
    let path = folder.supervisor_lock();
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.with_context(|| format!("{} holds no process id", path.display()))?;
    kill_process(pid, Signal::KILL).context("could not kill the supervisor")
}

/// Removes the folder, and the one above it with the last cluster.
fn remove_files(folder: &Folder) -> Result<()> {
    let path = folder.path();
    fs::remove_dir_all(path).with_context(|| format!("could not remove {}", path.display()))?;
    if let Some(parent) = path.parent() {
        let _others_are_fine = fs::remove_dir(parent);
    }
    Ok(())
}

/// After a start that failed: everything but the logs, which tell why.
pub(super) fn give_up(folder: &Folder, prefix: &str) -> Result<()> {
    stop(folder, prefix)?;
    empty(folder, Some(&folder.logs()))
}

/// What an earlier cluster of that name left: its supervisor was killed, or its start failed.
pub(super) fn clear_away(folder: &Folder, prefix: &str) -> Result<()> {
    stop(folder, prefix)?;
    empty(folder, None)
}

fn empty(folder: &Folder, but: Option<&Path>) -> Result<()> {
    let listing = fs::read_dir(folder.path())
        .with_context(|| format!("could not list {}", folder.path().display()))?;
    for entry in listing {
        let path = entry
            .with_context(|| format!("could not list {}", folder.path().display()))?
            .path();
        if but.is_some_and(|kept| kept == path) {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(())
}
