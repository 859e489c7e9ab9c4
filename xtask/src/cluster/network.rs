//! The links of a cluster: one namespace for the control plane with a bridge, one per node, and routes between their pods.
//! Nothing leads to the machine's own network, except through `forward`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::addresses::{self, CONTROL_PLANE, LAN_PREFIX, SERVICES};
use super::namespace;
use super::state::{Node, State};
use crate::command::run;

/// Makes the control plane's namespace.
pub(super) fn make_control_plane(prefix: &str) -> Result<()> {
    add_namespace(prefix, None)?;
    ip(prefix, None, &control_plane_commands())?;
    set(prefix, None, &[("ipv4/ip_forward", "1")])
}

fn control_plane_commands() -> Vec<String> {
    vec![
        "link set lo up".to_owned(),
        "link add lan type bridge".to_owned(),
        format!("addr add {CONTROL_PLANE}/{LAN_PREFIX} dev lan"),
        "link set lan up".to_owned(),
        // Leads nowhere; a service's address is looked up before it is rewritten.
        "route add default dev lan".to_owned(),
    ]
}

/// Makes a node's namespace and links it with all that is there.
pub(super) fn make_node(state: &State, node: &Node) -> Result<()> {
    let prefix = state.prefix();
    let name = &node.name;
    add_namespace(&prefix, Some(name))?;
    let (inside, control_plane) = (
        namespace::name(&prefix, Some(name)),
        namespace::name(&prefix, None),
    );
    run(Command::new("ip")
        .args(["link", "add", "lan0", "netns", &inside])
        .args([
            "type",
            "veth",
            "peer",
            "name",
            name,
            "netns",
            &control_plane,
        ]))?;
    ip(
        &prefix,
        None,
        &[
            format!("link set {name} master lan up"),
            format!(
                "route replace {} via {}",
                addresses::pods(node.number),
                addresses::node(node.number)
            ),
        ],
    )?;
    ip(&prefix, Some(name), &node_commands(node, &state.nodes))?;
    // Those that are not made yet learn the way when they are.
    let is_made = |other: &&Node| namespace::path(&prefix, Some(&other.name)).exists();
    let others = state.nodes.iter().filter(|other| other.name != *name);
    for other in others.filter(is_made) {
        ip(&prefix, Some(&other.name), &[route_to_pods(node)])?;
    }
    set(
        &prefix,
        Some(name),
        &[
            ("ipv4/ip_forward", "1"),
            ("bridge/bridge-nf-call-iptables", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
        ],
    )
}

fn node_commands(node: &Node, all: &[Node]) -> Vec<String> {
    let mut commands = vec![
        "link set lo up".to_owned(),
        format!(
            "addr add {}/{LAN_PREFIX} dev lan0",
            addresses::node(node.number)
        ),
        "link set lan0 up".to_owned(),
        format!("route add default via {CONTROL_PLANE}"),
    ];
    commands.extend(
        all.iter()
            .filter(|other| other.number != node.number)
            .map(route_to_pods),
    );
    commands
}

fn route_to_pods(node: &Node) -> String {
    format!(
        "route replace {} via {}",
        addresses::pods(node.number),
        addresses::node(node.number)
    )
}

/// The control plane reaches services through a node that works: call it when that may have changed.
pub(super) fn route_services(state: &State) -> Result<()> {
    let Some(node) = state.nodes.iter().find(|node| node.passes_packets()) else {
        return Ok(());
    };
    let command = format!(
        "route replace {SERVICES} via {}",
        addresses::node(node.number)
    );
    ip(&state.prefix(), None, &[command])
}

/// Plugs a node's cable in or pulls it.
pub(super) fn set_link(prefix: &str, node: &str, up: bool) -> Result<()> {
    let state = if up { "up" } else { "down" };
    ip(prefix, None, &[format!("link set {node} {state}")])
}

/// Removes a node's namespace with all that pods and services left in it: `make_node` then gives it a new one.
pub(super) fn remove_node(prefix: &str, node: &str) -> Result<()> {
    // By itself the kernel would remove it a moment later, when the name is wanted again.
    ip(prefix, None, &[format!("link del {node}")])?;
    run(Command::new("ip").args(["netns", "del", &namespace::name(prefix, Some(node))]))
}

/// Removes every namespace of the cluster, and with them all links and rules; also what iproute2 leaves behind the last one.
pub(super) fn remove(prefix: &str) -> Result<()> {
    for name in leftovers(prefix) {
        run(Command::new("ip").args(["netns", "del", &name]))?;
    }
    let folder = Path::new(namespace::FOLDER);
    let is_empty =
        |folder: &Path| fs::read_dir(folder).is_ok_and(|mut listing| listing.next().is_none());
    if is_empty(folder) {
        // Somebody else's namespaces may appear at any moment: then both fail, rightly.
        let _in_use_is_fine = crate::command::output(Command::new("umount").arg(folder));
        let _in_use_is_fine = fs::remove_dir(folder);
    }
    Ok(())
}

/// The namespaces of a cluster that are there.
pub(super) fn leftovers(prefix: &str) -> Vec<String> {
    let Ok(listing) = fs::read_dir(namespace::FOLDER) else {
        return Vec::new();
    };
    let of_cluster = |name: &String| {
        // `sluice-a` must not take what belongs to `sluice-a-b`.
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| {
                rest == "cp"
                    || rest
                        .strip_prefix('n')
                        .is_some_and(|number| number.parse::<u8>().is_ok())
            })
    };
    listing
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(of_cluster)
        .collect()
}

fn add_namespace(prefix: &str, node: Option<&str>) -> Result<()> {
    run(Command::new("ip").args(["netns", "add", &namespace::name(prefix, node)]))
}

/// Several commands of `ip`, inside a namespace.
fn ip(prefix: &str, node: Option<&str>, commands: &[String]) -> Result<()> {
    let name = namespace::name(prefix, node);
    let mut child = Command::new("ip")
        .args(["-netns", &name, "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("could not start ip")?;
    let text = commands.join("\n") + "\n";
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(text.as_bytes())
            .context("could not tell ip what to do")?;
    }
    let ended = child.wait_with_output().context("could not wait for ip")?;
    if !ended.status.success() {
        bail!(
            "`ip` in {name} ended with {}: {}; it was told:\n{text}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr).trim()
        );
    }
    Ok(())
}

/// Settings of the kernel for one namespace.
fn set(prefix: &str, node: Option<&str>, settings: &[(&str, &str)]) -> Result<()> {
    namespace::within(&namespace::path(prefix, node), || {
        for (name, value) in settings {
            let path = Path::new("/proc/sys/net").join(name);
            fs::write(&path, value)
                .with_context(|| format!("could not write {value} to {}", path.display()))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_has_a_route_to_the_pods_of_every_other() {
        let nodes = [Node::new(1), Node::new(2), Node::new(3)];
        let commands = node_commands(&nodes[1], &nodes);
        assert!(commands.contains(&"addr add 10.77.0.12/24 dev lan0".to_owned()));
        let routes: Vec<&String> = commands
            .iter()
            .filter(|command| command.starts_with("route replace"))
            .collect();
        assert_eq!(
            routes,
            [
                "route replace 10.78.1.0/24 via 10.77.0.11",
                "route replace 10.78.3.0/24 via 10.77.0.13"
            ]
        );
    }
}
