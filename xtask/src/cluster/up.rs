//! `cargo xtask cluster up`: the order in which a cluster comes to life. What each part is made of stands in the other files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::binaries::Binaries;
use super::certificates::{self, Authority};
use super::components::{self, Ports};
use super::control::{Program, Supervisor};
use super::folder::{Folder, Id};
use super::kubectl::Kubectl;
use super::state::{Node, State, Tier};
use super::{
    ANY_LOOPBACK_PORT, addresses, dns, down, kubeconfig, manifests, namespace, network, node,
    prerequisites, status,
};
use crate::cache::Cache;
use crate::setup::{Choice, Programs};
use crate::steps::{Took, step};
use crate::wait::{self, Look};

#[derive(Args)]
pub(crate) struct Options {
    /// How much of Kubernetes
    #[arg(long, value_enum, default_value_t = Tier::Full)]
    tier: Tier,
    /// Nodes of a full cluster
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(addresses::MOST_NODES)))]
    nodes: u8,
    /// An image to load into every node, as `cargo xtask image` writes it
    #[arg(long = "image", value_name = "FILE.tar")]
    images: Vec<PathBuf>,
    /// Local volumes to make on every node, half of them ReadWriteOnce, half ReadWriteOncePod
    #[arg(long, default_value_t = 8)]
    volumes: u16,
    /// Log who asked what of the API server
    #[arg(long)]
    audit: bool,
}

const SUPERVISOR_LIMIT: Duration = Duration::from_secs(10);
const FORWARDER_LIMIT: Duration = Duration::from_secs(10);
const API_LIMIT: Duration = Duration::from_secs(120);
const ACCOUNT_LIMIT: Duration = Duration::from_secs(90);
const DNS_LIMIT: Duration = Duration::from_secs(90);

pub(super) fn up(id: &Id, options: &Options, choice: Choice) -> Result<()> {
    if let Some(given) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        println!("    KUBECONFIG is set: that cluster is used, and nothing is started");
        println!("    kubeconfig {}", given.display());
        return Ok(());
    }
    if let Some(image) = options.images.iter().find(|image| !image.is_file()) {
        bail!(
            "{} is no file: make it with `cargo xtask image`",
            image.display()
        );
    }
    let folder = Folder::of(id)?;
    folder.is_seen_by_nodes()?;
    let programs = prerequisites::provide(options.tier, choice)?;
    let binaries = Binaries::provide(&Cache::open()?)?;
    let _held = folder.lock()?;
    if let Some(state) = State::of_supervised(&folder)?.filter(|state| state.complete) {
        return say_that_it_runs(&folder, &state, options.tier);
    }
    let prefix = down::prefix(id);
    step("clear away what an earlier cluster left", || {
        down::clear_away(&folder, &prefix)
    })?;
    let started = Instant::now();
    match (Start {
        folder: &folder,
        options,
        binaries: &binaries,
    })
    .run(id, &programs)
    {
        Ok(state) => {
            println!("    cluster {id} runs after {}", Took(started.elapsed()));
            status::print_how_to_reach(&folder, &state);
            Ok(())
        }
        Err(cause) => {
            let logs = folder.logs();
            let gave_up = step("stop what was started", || down::give_up(&folder, &prefix));
            let cause = cause.context(format!(
                "cluster {id} did not start; its logs stay in {} until the next `up` or `down`",
                logs.display()
            ));
            match gave_up {
                Ok(()) => Err(cause),
                Err(also) => Err(cause.context(format!("{also:#}"))),
            }
        }
    }
}

fn say_that_it_runs(folder: &Folder, state: &State, wanted: Tier) -> Result<()> {
    let id = &state.id;
    if state.tier != wanted {
        bail!(
            "cluster {id} runs already, with --tier {}: `down` it first, or take another --id",
            state.tier.name()
        );
    }
    println!("    cluster {id} runs already; nothing is started and no image loaded");
    status::print_how_to_reach(folder, state);
    Ok(())
}

struct Start<'a> {
    folder: &'a Folder,
    options: &'a Options,
    binaries: &'a Binaries,
}

impl Start<'_> {
    fn run(&self, id: &Id, programs: &Programs) -> Result<State> {
        self.folder.make()?;
        let tier = self.options.tier;
        let nodes = match tier {
            Tier::ControlPlane => 0,
            Tier::Full => self.options.nodes,
        };
        let programs_folder = self.binaries.programs();
        let mut state = State {
            id: id.to_string(),
            tier,
            complete: false,
            variables: variables(&programs_folder, programs),
            programs: programs_folder,
            runc: (tier == Tier::Full).then(|| programs.file("/usr/sbin/runc")),
            api: ANY_LOOPBACK_PORT,
            volumes: self.options.volumes,
            nodes: (1..=nodes).map(Node::new).collect(),
        };
        state.write(self.folder)?;
        step("certificates", || self.certify(&state))?;
        step("supervisor", || self.start_supervisor())?;
        match tier {
            Tier::ControlPlane => self.start_control_plane(&mut state)?,
            Tier::Full => {
                step("network", || self.make_network(&state))?;
                self.start_control_plane(&mut state)?;
                self.start_pods(&state)?;
            }
        }
        state.complete = true;
        state.write(self.folder)?;
        Ok(state)
    }

    fn certify(&self, state: &State) -> Result<()> {
        let authority = Authority::at(&self.folder.certificates());
        authority.make()?;
        let mut wanted = certificates::of_control_plane();
        wanted.extend(state.nodes.iter().flat_map(certificates::of_node));
        authority.issue(&wanted)?;
        let server = format!("https://{}", addresses::api_server());
        for user in ["controller-manager", "scheduler", "proxy"] {
            node::write(
                &self.folder.kubeconfig_of(user),
                &kubeconfig::text(&server, user, &authority),
            )?;
        }
        state
            .nodes
            .iter()
            .try_for_each(|one| node::write_kubeconfig(self.folder, one))
    }

    /// It outlives this command and its terminal.
    fn start_supervisor(&self) -> Result<()> {
        let log_path = self.folder.log("supervisor");
        let log = File::create(&log_path)
            .with_context(|| format!("could not make {}", log_path.display()))?;
        let errors = log.try_clone().context("could not share a log")?;
        let ourselves = std::env::current_exe().context("could not find our own program")?;
        let mut child = Command::new("setsid")
            .arg(ourselves)
            .args(["cluster", "supervise"])
            .arg(self.folder.path())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .context("could not start the supervisor")?;
        let supervisor = Supervisor::of(self.folder);
        wait::until("the supervisor", SUPERVISOR_LIMIT, || {
            if let Some(status) = child.try_wait().context("could not look after it")? {
                bail!(
                    "the supervisor ended with {status}:\n{}",
                    crate::hub::tail(&log_path)
                );
            }
            Ok(supervisor.processes().map(drop).into())
        })
    }

    fn make_network(&self, state: &State) -> Result<()> {
        network::make_control_plane(&state.prefix())?;
        for one in &state.nodes {
            node::make(self.folder, state, one)?;
            network::make_node(state, one)?;
        }
        network::route_services(state)
    }

    /// etcd, API server, and the way to it; nodes get ready meanwhile.
    fn start_control_plane(&self, state: &mut State) -> Result<()> {
        let ports = match state.tier {
            Tier::ControlPlane => free_ports()?,
            Tier::Full => Ports {
                etcd: 2379,
                etcd_peers: 2380,
                api: addresses::API_PORT,
            },
        };
        step("start etcd and API server", || {
            self.start(state, "etcd", components::etcd(self.folder, &ports))?;
            if self.options.audit {
                let policy = self.folder.config("audit-policy.json");
                node::write(&policy, &components::audit_policy())?;
            }
            let flags = components::api_server(self.folder, state.tier, &ports, self.options.audit);
            self.start(state, "kube-apiserver", flags)?;
            state.api = match state.tier {
                Tier::ControlPlane => ([127, 0, 0, 1], ports.api).into(),
                Tier::Full => self.start_forwarder(state)?,
            };
            state.write(self.folder)?;
            let authority = Authority::at(&self.folder.certificates());
            let server = format!("https://{}", state.api);
            node::write(
                &self.folder.kubeconfig(),
                &kubeconfig::text(&server, "admin", &authority),
            )
        })?;
        if state.tier == Tier::Full {
            let mut images = self.binaries.images().to_vec();
            images.extend(self.options.images.iter().cloned());
            step("start nodes", || {
                node::keep_images(self.folder, &images)?;
                let mut nodes = state.nodes.iter();
                nodes.try_for_each(|one| node::power_on(self.folder, state, one))
            })?;
        }
        step("API server is ready", || {
            let kubectl = Kubectl::of(self.folder, state);
            kubectl.wait(
                "the API server",
                API_LIMIT,
                &["get", "--raw", "/readyz"],
                |answer| answer == "ok",
            )?;
            println!("    version {}", kubectl.server_version()?);
            node::write(&self.folder.api_is_ready(), "")
        })
    }

    /// Makes the API server reachable from the machine.
    fn start_forwarder(&self, state: &State) -> Result<SocketAddr> {
        let file = self.folder.forwarded();
        let ourselves = std::env::current_exe().context("could not find our own program")?;
        let supervisor = Supervisor::of(self.folder);
        supervisor.start(Program {
            name: "forwarder".to_owned(),
            program: ourselves,
            arguments: vec![
                "cluster".to_owned(),
                "forward".to_owned(),
                addresses::api_server().to_string(),
                format!(
                    "--namespace={}",
                    namespace::path(&state.prefix(), None).display()
                ),
                format!("--address-file={}", file.display()),
            ],
            variables: state.variables.iter().cloned().collect(),
            log: self.folder.log("forwarder"),
        })?;
        wait::until("the forwarder to listen", FORWARDER_LIMIT, || {
            supervisor.complain_of_dead()?;
            Ok(Look::at(
                fs::read_to_string(&file)
                    .ok()
                    .and_then(|text| text.trim().parse().ok()),
            ))
        })
    }

    /// Everything that needs an API server: before it is ready, some of it would give up for minutes.
    fn start_pods(&self, state: &State) -> Result<()> {
        let kubectl = Kubectl::of(self.folder, state);
        step("start controllers and scheduler", || {
            self.start(
                state,
                "kube-controller-manager",
                components::controller_manager(self.folder),
            )?;
            self.start(state, "kube-scheduler", components::scheduler(self.folder))
        })?;
        step("DNS and volumes are known", || {
            kubectl.apply("coredns.yaml", &manifests::dns(self.binaries.dns_image()))?;
            node::offer_volumes(self.folder, state, &state.nodes)
        })?;
        step("nodes are ready", || {
            let mut nodes = state.nodes.iter();
            nodes.try_for_each(|one| kubectl.wait_for_node(&one.name, node::READY_LIMIT))
        })?;
        step("accounts for pods are made", || {
            kubectl.wait(
                "the account that pods use by default",
                ACCOUNT_LIMIT,
                &["get", "serviceaccount", "default", "--output=name"],
                |name| name == "serviceaccount/default",
            )
        })?;
        step("DNS answers", || {
            let ready = "jsonpath={.status.readyReplicas}";
            let namespace = "--namespace=kube-system";
            kubectl.wait(
                "the DNS server to be ready",
                DNS_LIMIT,
                &["get", "deployment", "coredns", namespace, "--output", ready],
                |replicas| replicas == "1",
            )?;
            let control_plane = namespace::path(&state.prefix(), None);
            kubectl.wait_until("an answer of the DNS server", DNS_LIMIT, || {
                dns::ask(&control_plane).into()
            })
        })
    }

    fn start(&self, state: &State, name: &str, flags: Vec<String>) -> Result<()> {
        let program = state.program(name);
        let (program, arguments) = match state.tier {
            Tier::ControlPlane => (program, flags),
            Tier::Full => {
                let path = namespace::path(&state.prefix(), None);
                let mut arguments = vec![
                    format!("--net={}", path.display()),
                    "--".to_owned(),
                    program.display().to_string(),
                ];
                arguments.extend(flags);
                ("nsenter".into(), arguments)
            }
        };
        Supervisor::of(self.folder).start(Program {
            name: name.to_owned(),
            program,
            arguments,
            variables: state.variables.iter().cloned().collect(),
            log: self.folder.log(name),
        })
    }
}

/// The cluster's own programs come first, and those of the system's administrator are found also by those who are none.
fn variables(folder: &std::path::Path, programs: &Programs) -> Vec<(String, String)> {
    let given = |name: &str| {
        let of_packages = programs.variables.iter().find(|(found, _)| *found == name);
        of_packages
            .map(|(_, value)| value.clone())
            .or_else(|| std::env::var_os(name))
    };
    let mut path = OsString::from(folder);
    path.push(":");
    path.push(given("PATH").unwrap_or_default());
    path.push(":/usr/sbin:/usr/bin:/sbin:/bin");
    let mut variables = vec![("PATH".to_owned(), path.to_string_lossy().into_owned())];
    if let Some(libraries) = given("LD_LIBRARY_PATH") {
        variables.push((
            "LD_LIBRARY_PATH".to_owned(),
            libraries.to_string_lossy().into_owned(),
        ));
    }
    variables
}

/// Three that nobody listened at a moment ago. Should one be taken meanwhile, the component ends and the start fails.
fn free_ports() -> Result<Ports> {
    let listener = || TcpListener::bind(ANY_LOOPBACK_PORT).context("no free port");
    // All are held until all are known: else one might be given twice.
    let held = [listener()?, listener()?, listener()?];
    let port = |number: usize| -> Result<u16> {
        Ok(held[number]
            .local_addr()
            .context("a port has no number")?
            .port())
    };
    Ok(Ports {
        etcd: port(0)?,
        etcd_peers: port(1)?,
        api: port(2)?,
    })
}
