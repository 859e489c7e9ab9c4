//! Nodes of a cluster that runs: what each is made of, and what can be done to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::addresses::{self, MOST_NODES};
use super::certificates::{self, Authority};
use super::components;
use super::control::{Program, Supervisor};
use super::folder::{Folder, Id};
use super::kubeconfig;
use super::kubectl::Kubectl;
use super::manifests;
use super::node_init::{self, Component, Plan};
use super::state::{Node, State};
use super::{cgroups, namespace, network};
use crate::command::run;
use crate::steps::step;
use crate::wait::Look;

pub(super) const READY_LIMIT: Duration = Duration::from_secs(180);

/// `node add`
pub(super) fn add(id: &Id) -> Result<()> {
    let (folder, mut state) = State::of_full(id)?;
    let _held = folder.lock()?;
    let highest = state.nodes.iter().map(|node| node.number).max();
    let number = highest.unwrap_or_default() + 1;
    if number > MOST_NODES {
        bail!("a cluster has at most {MOST_NODES} nodes");
    }
    let node = Node::new(number);
    step(&format!("start node {}", node.name), || {
        certify(&folder, &node)?;
        state.nodes.push(node.clone());
        // Before anything is made: what `down` has to remove must be known.
        state.write(&folder)?;
        make(&folder, &state, &node)?;
        network::make_node(&state, &node)?;
        power_on(&folder, &state, &node)?;
        offer_volumes(&folder, &state, std::slice::from_ref(&node))
    })?;
    wait_until_ready(&folder, &state, &node.name)
}

/// `node kill`
pub(super) fn kill(id: &Id, name: &str) -> Result<()> {
    let (folder, mut state) = State::of_full(id)?;
    let _held = folder.lock()?;
    let node = state.node_mut(name)?;
    if !node.powered {
        bail!("node {name} is powered off already");
    }
    node.powered = false;
    let was_frozen = std::mem::take(&mut node.frozen);
    step(&format!("power node {name} off"), || {
        if was_frozen {
            cgroups::set_frozen(&state.prefix(), name, false)?;
        }
        Supervisor::of(&folder).stop(&process(name))?;
        cgroups::remove(&state.prefix(), Some(name))?;
        state.write(&folder)?;
        network::route_services(&state)
    })
}

/// `node start`
pub(super) fn start(id: &Id, name: &str, blank_disk: bool) -> Result<()> {
    let (folder, mut state) = State::of_full(id)?;
    let _held = folder.lock()?;
    let node = state.node_mut(name)?;
    if node.powered {
        bail!("node {name} is powered on already");
    }
    node.powered = true;
    let node = node.clone();
    let kubectl = Kubectl::of(&folder, &state);
    let last_sign = kubectl.last_sign_of(name)?;
    step(&format!("power node {name} on"), || {
        if blank_disk {
            let files = folder.node(name);
            fs::remove_dir_all(&files)
                .with_context(|| format!("could not remove {}", files.display()))?;
        }
        make(&folder, &state, &node)?;
        // A machine that boots has no links and rules of its pods; its cable is as it was.
        network::remove_node(&state.prefix(), name)?;
        network::make_node(&state, &node)?;
        if !node.connected {
            network::set_link(&state.prefix(), name, false)?;
        }
        power_on(&folder, &state, &node)?;
        state.write(&folder)?;
        network::route_services(&state)
    })?;
    if node.connected {
        step(&format!("node {name} is back"), || {
            // It may still count as ready from before.
            kubectl.wait_until(
                &format!("a sign of node {name}"),
                READY_LIMIT,
                || match kubectl.last_sign_of(name) {
                    Ok(sign) if sign != last_sign => Look::There(()),
                    Ok(_) => Look::NotYet("none yet".to_owned()),
                    Err(cause) => Look::NotYet(format!("{cause:#}")),
                },
            )?;
            kubectl.wait_for_node(name, READY_LIMIT)
        })
    } else {
        println!("    node {name} is disconnected: not waited for");
        Ok(())
    }
}

/// `node connect`, `node disconnect`
pub(super) fn set_link(id: &Id, name: &str, up: bool) -> Result<()> {
    let (folder, mut state) = State::of_full(id)?;
    let _held = folder.lock()?;
    state.node_mut(name)?.connected = up;
    let what = if up { "connect" } else { "disconnect" };
    step(&format!("{what} node {name}"), || {
        network::set_link(&state.prefix(), name, up)?;
        state.write(&folder)?;
        network::route_services(&state)
    })
}

/// `node freeze`, `node thaw`
pub(super) fn set_frozen(id: &Id, name: &str, frozen: bool) -> Result<()> {
    let (folder, mut state) = State::of_full(id)?;
    let _held = folder.lock()?;
    let node = state.node_mut(name)?;
    if !node.powered {
        bail!("node {name} is powered off");
    }
    node.frozen = frozen;
    let what = if frozen { "freeze" } else { "thaw" };
    step(&format!("{what} node {name}"), || {
        cgroups::set_frozen(&state.prefix(), name, frozen)?;
        state.write(&folder)
    })
}

/// `load`
pub(super) fn load(id: &Id, images: &[PathBuf]) -> Result<()> {
    let (folder, state) = State::of_full(id)?;
    let _held = folder.lock()?;
    keep_images(&folder, images)?;
    let processes = Supervisor::of(&folder).processes()?;
    let running = state
        .nodes
        .iter()
        .filter(|node| node.powered && !node.frozen);
    for node in running {
        let process = processes
            .iter()
            .find(|one| one.name == process(&node.name))
            .with_context(|| format!("node {} has no process", node.name))?;
        // The node's first process is the only child of the one that made its namespaces.
        let first = child_of(process.pid)?;
        for image in images {
            let image = folder.images().join(file_name(image)?);
            step(
                &format!("load {} into {}", image.display(), node.name),
                || {
                    let inner = node_init::load(&state.program("ctr"), &image);
                    let mut command = Command::new("nsenter");
                    command
                        .args(["--target", &first.to_string(), "--mount", "--pid", "--"])
                        .arg(inner.get_program())
                        .args(inner.get_args());
                    run(&mut command)
                },
            )?;
        }
    }
    Ok(())
}

/// Copies images to where nodes that start later find them.
pub(super) fn keep_images(folder: &Folder, images: &[PathBuf]) -> Result<()> {
    for image in images {
        let kept = folder.images().join(file_name(image)?);
        fs::copy(image, &kept)
            .with_context(|| format!("could not copy {} to {}", image.display(), kept.display()))?;
    }
    Ok(())
}

fn file_name(image: &Path) -> Result<&std::ffi::OsStr> {
    image
        .file_name()
        .with_context(|| format!("{} names no file", image.display()))
}

fn child_of(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    let first = text.split_whitespace().next();
    first
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("process {pid} has no child"))
}

/// The name under which the supervisor knows a node.
pub(super) fn process(name: &str) -> String {
    format!("node {name}")
}

/// Keys and kubeconfig of a new node.
pub(super) fn certify(folder: &Folder, node: &Node) -> Result<()> {
    let authority = Authority::at(&folder.certificates());
    authority.issue(&certificates::of_node(node))?;
    write_kubeconfig(folder, node)
}

pub(super) fn write_kubeconfig(folder: &Folder, node: &Node) -> Result<()> {
    let authority = Authority::at(&folder.certificates());
    let user = format!("kubelet-{}", node.name);
    let server = format!("https://{}", addresses::api_server());
    write(
        &folder.kubeconfig_of(&user),
        &kubeconfig::text(&server, &user, &authority),
    )
}

/// Makes the node's folders and configuration where they are not there.
pub(super) fn make(folder: &Folder, state: &State, node: &Node) -> Result<()> {
    let files = folder.node(&node.name);
    for part in ["disk", "logs", "cni"] {
        make_folder(&files.join(part))?;
    }
    for number in 1..=state.volumes {
        make_folder(&files.join(manifests::volume_folder(number)))?;
    }
    let runc = state
        .runc
        .as_deref()
        .context("the cluster was started without runc")?;
    write(
        &files.join("kubelet.json"),
        &components::kubelet_configuration(folder, state, node),
    )?;
    write(
        &files.join("containerd.toml"),
        &components::containerd_configuration(folder, state, node, runc),
    )?;
    write(
        &files.join("cni").join("10-sluice.conflist"),
        &components::pod_network(node),
    )?;
    // A pod asks the cluster's DNS and nobody else.
    write(&files.join("resolv.conf"), "")
}

/// Starts the node's processes; it joins once the API server is ready.
pub(super) fn power_on(folder: &Folder, state: &State, node: &Node) -> Result<()> {
    let prefix = state.prefix();
    let name = &node.name;
    let files = folder.node(name);
    let log = |component: &str| folder.log(&format!("{name}-{component}"));
    let component = |name: &str, arguments: Vec<String>| Component {
        name: name.to_owned(),
        program: state.program(name),
        arguments,
        log: log(name),
    };
    let configuration = files.join("containerd.toml").display().to_string();
    let plan = Plan {
        control_groups: cgroups::make(&prefix, name)?,
        disk: files.join("disk"),
        logs: files.join("logs"),
        images: folder.images(),
        runtime: component("containerd", vec!["--config".to_owned(), configuration]),
        loader: state.program("ctr"),
        api_is_ready: folder.api_is_ready(),
        then: vec![
            component("kubelet", components::kubelet(folder, node)),
            component("kube-proxy", components::kube_proxy(folder, node)),
        ],
    };
    let plan_file = files.join("plan.json");
    let text = serde_json::to_string_pretty(&plan).context("could not print a node's plan")?;
    write(&plan_file, &text)?;
    let ourselves = std::env::current_exe().context("could not find our own program")?;
    let mut arguments = vec![
        format!("--net={}", namespace::path(&prefix, Some(name)).display()),
        "--".to_owned(),
    ];
    arguments.extend(
        "unshare --mount --pid --fork --kill-child=KILL --mount-proc --propagation slave --"
            .split(' ')
            .map(str::to_owned),
    );
    arguments.push(ourselves.display().to_string());
    arguments.extend(["cluster".to_owned(), "node-init".to_owned()]);
    arguments.push(plan_file.display().to_string());
    Supervisor::of(folder).start(Program {
        name: process(name),
        program: "nsenter".into(),
        arguments,
        variables: state.variables.iter().cloned().collect(),
        log: folder.log(name),
    })
}

/// Makes the volumes of nodes known to the cluster.
pub(super) fn offer_volumes(folder: &Folder, state: &State, nodes: &[Node]) -> Result<()> {
    if state.volumes == 0 {
        return Ok(());
    }
    let mut objects: Vec<Value> = vec![manifests::storage_class()];
    for node in nodes {
        let files = folder.node(&node.name);
        objects.extend((1..=state.volumes).map(|number| manifests::volume(node, &files, number)));
    }
    Kubectl::of(folder, state).apply("volumes.json", &manifests::list(&objects))
}

fn wait_until_ready(folder: &Folder, state: &State, name: &str) -> Result<()> {
    step(&format!("node {name} is ready"), || {
        Kubectl::of(folder, state).wait_for_node(name, READY_LIMIT)
    })
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("could not make {}", path.display()))
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}
