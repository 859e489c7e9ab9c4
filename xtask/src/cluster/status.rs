//! `cargo xtask cluster status`: what runs and how it is reached, for people and, as JSON, for tests.

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::control::{Process, Supervisor};
use super::folder::{Folder, Id};
use super::state::{Node, State, Tier};
use super::{addresses, namespace};

#[derive(Args)]
pub(crate) struct Options {
    /// For whom
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Ends badly where a process has ended that should run.
pub(super) fn status(id: &Id, options: &Options) -> Result<()> {
    let folder = Folder::of(id)?;
    let Some(state) = State::of_supervised(&folder)? else {
        match options.output {
            Output::Json => println!("{}", json!({"id": id.to_string(), "running": false})),
            Output::Text => println!("    no cluster {id} runs"),
        }
        return Ok(());
    };
    let supervisor = Supervisor::of(&folder);
    let processes = supervisor.processes()?;
    match options.output {
        Output::Json => println!("{:#}", describe(&folder, &state, &processes)),
        Output::Text => print(&folder, &state, &processes),
    }
    supervisor.complain_of_dead()
}

/// What a test needs in order to work with the cluster.
fn describe(folder: &Folder, state: &State, processes: &[Process]) -> Value {
    let is_full = state.tier == Tier::Full;
    let prefix = state.prefix();
    let nodes: Vec<Value> = state
        .nodes
        .iter()
        .map(|one| {
            json!({
                "name": one.name,
                "address": addresses::node(one.number).to_string(),
                "namespace": namespace::path(&prefix, Some(&one.name)),
                "folder": folder.node(&one.name),
                "powered": one.powered,
                "connected": one.connected,
                "frozen": one.frozen,
            })
        })
        .collect();
    let processes: Vec<Value> = processes
        .iter()
        .map(|one| json!({"name": one.name, "pid": one.pid, "ended": one.ended, "log": one.log}))
        .collect();
    json!({
        "id": state.id,
        "running": state.complete,
        "tier": state.tier,
        "kubeconfig": folder.kubeconfig(),
        "server": format!("https://{}", state.api),
        "programs": state.programs,
        "folder": folder.path(),
        "logs": folder.logs(),
        // Nothing is inside where there are no nodes.
        "namespace": is_full.then(|| namespace::path(&prefix, None)),
        "controlPlane": is_full.then(|| addresses::CONTROL_PLANE.to_string()),
        "nodes": nodes,
        "processes": processes,
    })
}

fn print(folder: &Folder, state: &State, processes: &[Process]) {
    println!(
        "    cluster {}: {}, {}",
        state.id,
        state.tier.name(),
        count_nodes(state.nodes.len())
    );
    if !state.complete {
        println!("    it is being started, or its start was interrupted");
    }
    for one in &state.nodes {
        println!("    {:<8} {}", one.name, condition(one));
    }
    for process in processes {
        println!(
            "    {:<20} {}",
            process.name,
            process.ended.as_ref().map_or_else(
                || format!("process {}", process.pid),
                |how| format!("ENDED: {how}")
            )
        );
    }
    print_how_to_reach(folder, state);
}

fn count_nodes(number: usize) -> String {
    match number {
        0 => "no nodes".to_owned(),
        1 => "1 node".to_owned(),
        more => format!("{more} nodes"),
    }
}

fn condition(node: &Node) -> String {
    let mut words = vec![addresses::node(node.number).to_string()];
    for (holds, word) in [
        (!node.powered, "powered off"),
        (!node.connected, "disconnected"),
        (node.frozen, "frozen"),
    ] {
        if holds {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}

/// Lines to paste.
pub(super) fn print_how_to_reach(folder: &Folder, state: &State) {
    println!("    API server https://{}", state.api);
    println!("    logs {}", folder.logs().display());
    println!("    to use it:");
    println!(
        "        export KUBECONFIG={}",
        folder.kubeconfig().display()
    );
    println!(
        "        export PATH={}:$PATH    # kubectl, helm",
        state.programs.display()
    );
}
