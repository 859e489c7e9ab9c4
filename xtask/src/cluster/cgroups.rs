//! The control groups of a cluster's nodes, in every hierarchy of version 1 and beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::wait::{self, Look};

pub(super) const MOUNTED_AT: &str = "/sys/fs/cgroup";
/// What the container runtime and kubelet work with here.
const NEEDED: &[&str] = &[
    "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids",
];
/// Those in which runc and kubelet make folders too, where they are mounted.
const BESIDE: &[&str] = &["systemd", "unified"];
/// The group of processes that are no node's; no node has this name.
const GUESTS: &str = "guests";
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// The hierarchies that this machine lacks.
pub(super) fn missing() -> Vec<&'static str> {
    let is_there = |name: &str| {
        Path::new(MOUNTED_AT)
            .join(name)
            .join("cgroup.procs")
            .exists()
    };
    NEEDED
        .iter()
        .copied()
        .filter(|name| !is_there(name))
        .collect()
}

fn hierarchies() -> Vec<PathBuf> {
    NEEDED
        .iter()
        .chain(BESIDE)
        .map(|name| Path::new(MOUNTED_AT).join(name))
        .filter(|folder| folder.join("cgroup.procs").exists())
        .collect()
}

/// Makes the groups of a node, and gives back the files with which a process joins them.
pub(super) fn make(prefix: &str, node: &str) -> Result<Vec<PathBuf>> {
    let mut joins = Vec::new();
    for hierarchy in hierarchies() {
        let cluster = hierarchy.join(prefix);
        let group = cluster.join(node);
        fs::create_dir_all(&group)
            .with_context(|| format!("could not make {}", group.display()))?;
        if hierarchy.ends_with("cpuset") {
            // A new group may use no processor and no memory until it is told which.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                copy(&hierarchy, &cluster, file)?;
                copy(&cluster, &group, file)?;
            }
        }
        joins.push(group.join("cgroup.procs"));
    }
    Ok(joins)
}

/// Puts this process, and what it becomes or starts, among those of a cluster: whoever started it, `down` ends it.
pub(super) fn join(prefix: &str) -> Result<()> {
    for join in make(prefix, GUESTS)? {
        fs::write(&join, "0").with_context(|| format!("could not join {}", join.display()))?;
    }
    Ok(())
}

fn copy(parent: &Path, group: &Path, file: &str) -> Result<()> {
    let from = parent.join(file);
    let value =
        fs::read_to_string(&from).with_context(|| format!("could not read {}", from.display()))?;
    let to = group.join(file);
    fs::write(&to, value.trim()).with_context(|| format!("could not write {}", to.display()))
}

/// Stops all processes of a node where they are, or lets them go on, and waits until it is so.
pub(super) fn set_frozen(prefix: &str, node: &str, frozen: bool) -> Result<()> {
    let file = Path::new(MOUNTED_AT)
        .join("freezer")
        .join(prefix)
        .join(node)
        .join("freezer.state");
    let wanted = if frozen { "FROZEN" } else { "THAWED" };
    wait::until(&format!("node {node} to be {wanted}"), GONE_LIMIT, || {
        // A process that is being made keeps the group from freezing: then it is asked again.
        fs::write(&file, wanted).with_context(|| format!("could not write {}", file.display()))?;
        let state = fs::read_to_string(&file)
            .with_context(|| format!("could not read {}", file.display()))?;
        Ok(if state.trim() == wanted {
            Look::There(())
        } else {
            Look::NotYet(format!("it is {}", state.trim()))
        })
    })
}

/// Removes the groups of a node, or of all nodes, whose processes end now.
pub(super) fn remove(prefix: &str, node: Option<&str>) -> Result<()> {
    let below = node.map_or_else(
        || PathBuf::from(prefix),
        |node| Path::new(prefix).join(node),
    );
    for hierarchy in hierarchies() {
        let group = hierarchy.join(&below);
        wait::until(
            &format!("the processes in {} to end", group.display()),
            GONE_LIMIT,
            || Ok(remove_tree(&group).into()),
        )?;
    }
    Ok(())
}

/// Every group that is left of a cluster.
pub(super) fn leftovers(prefix: &str) -> Vec<PathBuf> {
    hierarchies()
        .into_iter()
        .map(|hierarchy| hierarchy.join(prefix))
        .filter(|group| group.exists())
        .collect()
}

/// The members of the freezer group of a cluster, which all its nodes' processes are in.
pub(super) fn processes(prefix: &str) -> Vec<u32> {
    let mut found = Vec::new();
    collect_processes(
        &Path::new(MOUNTED_AT).join("freezer").join(prefix),
        &mut found,
    );
    found
}

fn collect_processes(group: &Path, found: &mut Vec<u32>) {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    for below in folders_in(group) {
        collect_processes(&below, found);
    }
}

fn remove_tree(group: &Path) -> Result<()> {
    if !group.exists() {
        return Ok(());
    }
    for below in folders_in(group) {
        remove_tree(&below)?;
    }
    fs::remove_dir(group).with_context(|| format!("could not remove {}", group.display()))
}

/// Groups come and go while one looks: what cannot be read has gone.
fn folders_in(group: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(group) else {
        return Vec::new();
    };
    listing
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}
