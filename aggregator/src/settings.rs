//! What can be set about the API, with defaults that suit one machine.

use std::time::Duration;

/// How the API behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Version shown by `GET /`.
    pub version: String,
    /// Lets through the calls that destroy or run everything and the writing of datasets.
    pub developer_mode: bool,
    /// Sizes, counts and times beyond which a request is refused.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            developer_mode: false,
            limits: Limits::default(),
        }
    }
}

/// Sizes in bytes. A request above a limit is answered with a 4xx that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bodies that are read whole: configuration, forms, variables, secrets.
    pub body: usize,
    /// All files of an uploaded archive together, unpacked.
    pub unpacked_archive: u64,
    /// How many times larger an archive's files may be than the archive.
    pub archive_ratio: u64,
    /// Files in an uploaded archive.
    pub archive_files: usize,
    /// Nesting of a JSON body.
    pub nesting: usize,
    /// Bytes set aside for each push: what a receiver holds before it writes.
    pub push_reserve: usize,
    /// All bodies in flight together; further requests wait for [`Limits::budget_wait`], then get 503.
    pub bodies_in_flight: usize,
    /// How long a request waits for its share of [`Limits::bodies_in_flight`].
    pub budget_wait: Duration,
    /// Requests being answered at the same time.
    pub requests_in_flight: usize,
    /// Open connections; further ones wait to be accepted.
    pub connections: usize,
    /// Length of a request line and its headers.
    pub headers: usize,
    /// How long a connection may take to send the head of a request, idle time before it included. Longer than the polling
    /// interval of the usual clients, which do not retry a request that met a closing connection.
    pub head_timeout: Duration,
    /// Longest silence in the middle of a body.
    pub body_idle: Duration,
    /// Slowest acceptable body, bytes per second after the first ten seconds of waiting.
    pub body_rate: u64,
    /// Longest wait for a new configuration to be taken up before an upload is answered.
    pub deploy_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Limits {
            body: 64 * MIB,
            unpacked_archive: 256 * MIB as u64,
            archive_ratio: 100,
            archive_files: 100_000,
            nesting: 100,
            push_reserve: 16 * MIB,
            bodies_in_flight: 256 * MIB,
            budget_wait: Duration::from_secs(10),
            requests_in_flight: 4096,
            connections: 16_384,
            headers: 128 << 10,
            head_timeout: Duration::from_secs(75),
            body_idle: Duration::from_secs(60),
            body_rate: 1024,
            deploy_wait: Duration::from_secs(300),
        }
    }
}
