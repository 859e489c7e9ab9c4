//! What a cluster may leave on a machine, and a look at whether it did: `down` ends with it.

use std::fs;
use std::path::Path;

use super::folder::Folder;
use super::{cgroups, namespace, network};

/// Everything that is left of a cluster, in words; nothing is changed.
pub(super) fn find(folder: &Folder, prefix: &str) -> Vec<String> {
    let path = folder.path();
    let mut found = processes(path, prefix);
    found.extend(mounts(path));
    found.extend(
        network::leftovers(prefix)
            .into_iter()
            .map(|name| format!("the network namespace {name}")),
    );
    found.extend(
        cgroups::leftovers(prefix)
            .into_iter()
            .map(|group| format!("the control group {}", group.display())),
    );
    found
}

/// Processes that were started with a path of the cluster.
fn processes(folder: &Path, prefix: &str) -> Vec<String> {
    let (folder, namespaces) = (
        folder.to_string_lossy(),
        namespace::path(prefix, Some(""))
            .to_string_lossy()
            .into_owned(),
    );
    let Ok(listing) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in listing.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.parse::<u32>().is_err() || name == std::process::id().to_string() {
            continue;
        }
        // One that has ended has no command line any more.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if is_below(&line, &folder) || line.contains(&namespaces) {
            found.push(format!("the process {name}: {}", line.trim()));
        }
    }
    found
}

fn mounts(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines()
        .filter(|line| is_below(line, &folder.to_string_lossy()))
        .map(|line| format!("the mount {line}"))
        .collect()
}

/// Whether the text names the folder or something in it, and not one whose name only begins so.
fn is_below(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let behind = text[at + folder.len()..].chars().next();
        behind.is_none_or(|next| next == '/' || next.is_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{self, Look};
    use std::time::Duration;

    #[test]
    fn process_of_a_cluster_is_found_and_that_of_a_namesake_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a");
        fs::create_dir(&folder).unwrap();
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read line"])
            .arg(folder.join("log"))
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // For an instant after its start a process has no command line.
        let found = wait::until("the process", Duration::from_secs(20), || {
            let found = processes(&folder, "sluice-none");
            Ok(Look::at((!found.is_empty()).then_some(found)))
        })
        .unwrap();
        let others = processes(&scratch.path().join("b"), "sluice-none");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(&child.id().to_string()));
        assert!(others.is_empty(), "{others:?}");
        assert!(!is_below("/x/clusters/ab/log", "/x/clusters/a"));
    }
}
