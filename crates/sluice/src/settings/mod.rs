//! The settings of a hub: from defaults, a file, the environment and flags, in that order, checked together.

mod kinds;
mod layers;
mod table;

#[cfg(test)]
mod tests;

pub use layers::{Layered, Problems, load};
pub use sluice_telemetry::LogFormat;
pub(crate) use table::{arguments, names};

use sluice_format::Formats;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What a process is: each kind takes some of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A whole hub.
    Standalone,
    /// The storage node of a hub.
    StorageNode,
    /// A worker of a hub.
    Worker,
    /// An aggregator of a hub.
    Aggregator,
    /// The operator, on Kubernetes.
    Operator,
}

/// What a process is started with. Those of other programs keep their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where the API, or the other roles, are served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The hub's name, part of every identity.
    pub hub: String,
    /// The id of this instance of its role.
    pub id: String,
    /// Where other roles reach this worker, if not where it listens.
    pub address: Option<String>,
    /// Where the storage node serves the other roles.
    pub storage_node: Option<String>,
    /// Where the storage node gives first certificates.
    pub enrolment: Option<String>,
    /// What lets this instance have its first certificate.
    pub bootstrap_secret_file: Option<PathBuf>,
    /// Whom to trust to be the storage node when there is no certificate yet (PEM).
    pub trust: Option<PathBuf>,
    /// The authority that signs the roles' certificates: `tls.crt`, `tls.key`, `ca.crt`.
    pub authority: Option<PathBuf>,
    /// What is known of bootstrap secrets.
    pub bootstraps: Option<PathBuf>,
    /// Where first certificates are given; port 0 takes a free one.
    pub enrolment_listen: SocketAddr,
    /// How long a worker may go on without the storage node.
    pub lease: Duration,
    /// What the incarnation was raised to; 0: not.
    pub incarnation: usize,
    /// How long all roles have to read a format before the hub is finalized in it.
    pub finalize_after: Duration,
    /// The formats that are read: those of this release but in tests of upgrades.
    pub formats: Formats,
    /// Custom resources are the truth of the configuration.
    pub custom_resources: bool,
    /// Where health and metrics are told over plain HTTP; port 0 takes a free one.
    pub admin_listen: Option<SocketAddr>,
    /// Written when requests are served, removed at the end.
    pub ready_file: Option<PathBuf>,
    /// Lets through the calls that destroy or run everything.
    pub developer_mode: bool,
    /// Your own certificate chain, PEM; with `tls_key`.
    pub tls_certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Further names in the hub's own certificate.
    pub tls_names: Vec<String>,
    /// The key that seals secrets, if not in the data folder.
    pub secrets_key_file: Option<PathBuf>,
    /// The key of content hashes of a new hub.
    pub hash_key_file: Option<PathBuf>,
    /// Which log lines are written.
    pub log: String,
    /// In which form.
    pub log_format: LogFormat,
    /// How long requests and runs get to finish when the hub stops.
    pub stop_timeout: Duration,
    /// Bytes of the cache of the datasets' store.
    pub store_cache: usize,
    /// Where everything is kept that has to outlive a disk, as a URL.
    pub object_store: Option<String>,
    /// How often checkpoints are made of pipes that changed.
    pub checkpoint_every: Duration,
    /// Addresses of microservices by system, where the hub does not run them itself.
    pub microservices: BTreeMap<String, String>,
    /// The domain of the Services of microservices that run beside the hub.
    pub microservice_domain: Option<String>,
    /// Largest body that is read whole: configuration, variables, secrets.
    pub request_limit: usize,
    /// Open connections.
    pub connections: usize,
    /// The operator's own namespace.
    pub namespace: Option<String>,
    /// The Deployment whose pods the operators are.
    pub deployment: Option<String>,
    /// The namespaces it looks after; all where there are none.
    pub namespaces: Vec<String>,
    /// The image of hubs that name none.
    pub image: String,
}

impl Settings {
    /// The defaults, for a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Settings {
            data: data.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            hub: String::new(),
            id: String::new(),
            address: None,
            storage_node: None,
            enrolment: None,
            bootstrap_secret_file: None,
            trust: None,
            authority: None,
            bootstraps: None,
            enrolment_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8444)),
            lease: Duration::from_secs(15),
            incarnation: 0,
            finalize_after: Duration::from_secs(24 * 3_600),
            formats: Formats::RELEASE,
            custom_resources: false,
            admin_listen: None,
            ready_file: None,
            developer_mode: false,
            tls_certificate: None,
            tls_key: None,
            tls_names: Vec::new(),
            secrets_key_file: None,
            hash_key_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            stop_timeout: Duration::from_secs(30),
            // What blocks and buffers take beside their bytes, and what requests and runs hold, has to fit into 512 MB with it.
            store_cache: 192 << 20,
            object_store: None,
            checkpoint_every: Duration::from_secs(60),
            microservices: BTreeMap::new(),
            microservice_domain: None,
            request_limit: 64 << 20,
            connections: 16_384,
            namespace: None,
            deployment: None,
            namespaces: Vec::new(),
            image: String::new(),
        }
    }
}
