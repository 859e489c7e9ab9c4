//! The settings of a hub: from defaults, a file, the environment and flags, in that order, checked together.

mod kinds;
mod layers;
mod table;

#[cfg(test)]
mod tests;

pub use layers::{Layered, Problems, load};
pub use sluice_telemetry::LogFormat;
pub(crate) use table::{arguments, names};

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What a standalone hub is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
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
    /// Which log lines are written.
    pub log: String,
    /// In which form.
    pub log_format: LogFormat,
    /// How long requests and runs get to finish when the hub stops.
    pub stop_timeout: Duration,
    /// Bytes of the cache of the datasets' store.
    pub store_cache: usize,
    /// Largest body that is read whole: configuration, variables, secrets.
    pub request_limit: usize,
    /// Open connections.
    pub connections: usize,
}

impl Settings {
    /// The defaults, for a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Settings {
            data: data.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            ready_file: None,
            developer_mode: false,
            tls_certificate: None,
            tls_key: None,
            tls_names: Vec::new(),
            secrets_key_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            stop_timeout: Duration::from_secs(30),
            // What blocks and buffers take beside their bytes, and what requests and runs hold, has to fit into 512 MB with it.
            store_cache: 192 << 20,
            request_limit: 64 << 20,
            connections: 16_384,
        }
    }
}
