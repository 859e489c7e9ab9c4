//! `cargo xtask cluster`: a real Kubernetes on this machine, made from pinned Go modules and Debian packages, everything
//! inside network namespaces of its own. This file is the table of contents; docs/cluster.md tells how to use it.

mod addresses;
mod binaries;
mod certificates;
mod cgroups;
mod components;
mod control;
mod dns;
mod down;
mod folder;
mod forward;
mod kubeconfig;
mod kubectl;
mod leftovers;
mod manifests;
mod namespace;
mod network;
mod node;
mod node_init;
mod prerequisites;
mod state;
mod status;
mod supervise;
mod up;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::setup::Choice;
use folder::Id;
pub(crate) use prerequisites::missing;
pub(crate) use state::Tier;

#[derive(Args)]
pub(crate) struct Options {
    /// Which cluster, where several run at once
    #[arg(long, global = true, default_value = "default")]
    id: Id,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a cluster and print how to reach it; where KUBECONFIG is set, that cluster is used and nothing is started
    Up(up::Options),
    /// Stop a cluster and remove everything it left
    Down,
    /// Tell what runs
    Status(status::Options),
    /// Add a node, take one away for a while, bring it back
    #[command(subcommand)]
    Node(NodeCommand),
    /// Load images into every node that runs
    Load {
        /// Archives as `cargo xtask image` writes them
        #[arg(required = true, value_name = "FILE.tar")]
        images: Vec<PathBuf>,
    },
    /// Run a program in the network namespace of the control plane or of a node
    Enter {
        /// The node; without it, the control plane
        #[arg(long)]
        node: Option<String>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        program: Vec<OsString>,
    },
    /// Make an address of a cluster reachable on this machine's loopback, until stopped
    Forward(forward::Options),
    /// What `up` leaves running: keeps the processes of a cluster
    #[command(hide = true)]
    Supervise { folder: PathBuf },
    /// The first process of a node
    #[command(hide = true)]
    NodeInit { plan: PathBuf },
}

#[derive(Subcommand)]
enum NodeCommand {
    /// Add a node and wait until it is ready
    Add,
    /// Power a node off: every process of it ends at once, its disk stays
    Kill { name: String },
    /// Power a node on again and wait until it is ready
    Start {
        name: String,
        /// Forget its disk first: the same name with nothing on it
        #[arg(long)]
        blank_disk: bool,
    },
    /// Pull a node's network cable
    Disconnect { name: String },
    /// Plug it in again
    Connect { name: String },
    /// Stop all processes of a node where they are
    Freeze { name: String },
    /// Let them go on
    Thaw { name: String },
}

pub(crate) fn cluster(options: Options, choice: Choice) -> Result<()> {
    let id = &options.id;
    match options.command {
        Command::Up(options) => up::up(id, &options, choice),
        Command::Down => down::down(id),
        Command::Status(options) => status::status(id, &options),
        Command::Node(command) => match command {
            NodeCommand::Add => node::add(id),
            NodeCommand::Kill { name } => node::kill(id, &name),
            NodeCommand::Start { name, blank_disk } => node::start(id, &name, blank_disk),
            NodeCommand::Disconnect { name } => node::set_link(id, &name, false),
            NodeCommand::Connect { name } => node::set_link(id, &name, true),
            NodeCommand::Freeze { name } => node::set_frozen(id, &name, true),
            NodeCommand::Thaw { name } => node::set_frozen(id, &name, false),
        },
        Command::Load { images } => node::load(id, &images),
        Command::Enter { node, program } => namespace::enter(id, node.as_deref(), &program),
        Command::Forward(options) => forward::forward(id, &options),
        Command::Supervise { folder } => supervise::supervise(&folder),
        Command::NodeInit { plan } => node_init::run(&plan),
    }
}

/// Where the API server is reached from the machine: any free port of its loopback.
const ANY_LOOPBACK_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
