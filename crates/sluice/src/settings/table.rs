//! The one table of settings. A row is a name, what it means, and how it gets into and out of [`Settings`].

use super::Program::{self, Aggregator, Operator, Standalone, StorageNode, Worker};
use super::Settings;
use super::kinds::Text;
use clap::{Arg, ArgAction};

/// One setting.
pub(super) struct Setting {
    /// Kebab-case: `--name`, `SLUICE_NAME`, `name = ` in the file.
    pub(super) name: &'static str,
    /// Which programs take it.
    of: &'static [Program],
    /// What the value is called in help; `None` for a switch.
    value: Option<&'static str>,
    /// What it does, for help and `--print-config`.
    pub(super) meaning: &'static str,
    /// Puts a text into the settings.
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
    /// The text of the present value.
    pub(super) get: fn(&Settings) -> Option<String>,
}

macro_rules! setting {
    ($name:literal, $field:ident, $of:expr, $value:expr, $meaning:literal) => {
        Setting {
            name: $name,
            of: $of,
            value: $value,
            meaning: $meaning,
            set: |settings, text| Text::read(text).map(|value| settings.$field = value),
            get: |settings| settings.$field.print(),
        }
    };
}

const ALL: &[Program] = &[Standalone, StorageNode, Worker, Aggregator, Operator];
/// Those that keep something, and serve others.
const SERVERS: &[Program] = &[Standalone, StorageNode, Worker, Aggregator];
/// Those of which there are several.
const INSTANCES: &[Program] = &[StorageNode, Worker, Aggregator, Operator];
/// Those that serve the API.
const API: &[Program] = &[Standalone, Aggregator];
/// Those that keep secrets.
const SECRETS: &[Program] = &[Standalone, StorageNode];
/// Those that keep what must outlive their disks.
const KEEPERS: &[Program] = &[Standalone, StorageNode, Worker];
/// Those that keep datasets.
const DATA: &[Program] = &[Standalone, Worker];
/// Those that show each other certificates.
const ROLES: &[Program] = &[StorageNode, Worker, Aggregator];
/// Those that get theirs from the storage node.
const CLIENTS: &[Program] = &[Worker, Aggregator];

const SETTINGS: &[Setting] = &[
    setting!(
        "hub",
        hub,
        ROLES,
        Some("NAME"),
        "The hub's name, which is part of every role's identity"
    ),
    setting!(
        "id",
        id,
        INSTANCES,
        Some("ID"),
        "The id of this instance of its role, never given to another one"
    ),
    setting!(
        "data",
        data,
        SERVERS,
        Some("DIR"),
        "The folder that holds everything the process keeps; made if it is not there. One process per folder"
    ),
    setting!(
        "listen",
        listen,
        SERVERS,
        Some("ADDR:PORT"),
        "Where the API is served (HTTPS), by roles without one the other roles (gRPC). Port 0 takes a free port"
    ),
    setting!(
        "address",
        address,
        &[Worker],
        Some("HOST:PORT"),
        "Where other roles reach this worker, if not where it listens"
    ),
    setting!(
        "storage-node",
        storage_node,
        CLIENTS,
        Some("HOST:PORT"),
        "Where the storage node serves the other roles"
    ),
    setting!(
        "enrolment",
        enrolment,
        CLIENTS,
        Some("HOST:PORT"),
        "Where the storage node gives first certificates"
    ),
    setting!(
        "bootstrap-secret-file",
        bootstrap_secret_file,
        CLIENTS,
        Some("FILE"),
        "The secret that is shown for the first certificate; `sluice certificates bootstrap` makes one"
    ),
    setting!(
        "trust",
        trust,
        CLIENTS,
        Some("FILE"),
        "The hub's root certificate (PEM), by which the storage node is known before there is a certificate of one's own"
    ),
    setting!(
        "authority",
        authority,
        &[StorageNode],
        Some("DIR"),
        "The folder with the authority that signs the roles' certificates: tls.crt, tls.key and ca.crt; changes are picked up"
    ),
    setting!(
        "bootstraps",
        bootstraps,
        &[StorageNode],
        Some("FILE"),
        "What is known of the bootstrap secrets, as `sluice certificates bootstrap` writes it; changes are picked up"
    ),
    setting!(
        "enrolment-listen",
        enrolment_listen,
        &[StorageNode],
        Some("ADDR:PORT"),
        "Where first certificates are given. Port 0 takes a free port"
    ),
    setting!(
        "lease",
        lease,
        &[StorageNode],
        Some("TIME"),
        "How long a worker goes on without the storage node. A failover takes as long: one tolerates what delays the other"
    ),
    setting!(
        "incarnation",
        incarnation,
        &[StorageNode],
        Some("NUMBER"),
        "What the incarnation was raised to, when the storage node starts on an empty disk in a hub that was there before"
    ),
    setting!(
        "finalize-after",
        finalize_after,
        &[StorageNode],
        Some("TIME"),
        "How long all roles have to be of a later version before its format is written, after which the earlier one cannot come back"
    ),
    setting!(
        "custom-resources",
        custom_resources,
        &[StorageNode],
        None,
        "Take the configuration from custom resources, which the operator hands over; changes through the API go to it"
    ),
    setting!(
        "admin-listen",
        admin_listen,
        INSTANCES,
        Some("ADDR:PORT"),
        "Where /livez, /readyz and /metrics are served over plain HTTP without a token; nowhere if not given. Port 0 takes a free port"
    ),
    setting!(
        "ready-file",
        ready_file,
        ALL,
        Some("FILE"),
        "Written when requests are served, with url, pid and ca as JSON; removed at the end"
    ),
    setting!(
        "developer-mode",
        developer_mode,
        API,
        None,
        "Let through the calls that destroy or run everything, as the command line client needs them"
    ),
    setting!(
        "tls-certificate",
        tls_certificate,
        API,
        Some("FILE"),
        "Your own certificate chain (PEM) instead of one by the hub's own authority; changes are picked up"
    ),
    setting!(
        "tls-key",
        tls_key,
        API,
        Some("FILE"),
        "The key of your own certificate (PEM)"
    ),
    setting!(
        "tls-names",
        tls_names,
        API,
        Some("NAME,..."),
        "Further host names and addresses in the hub's own certificate"
    ),
    setting!(
        "secrets-key-file",
        secrets_key_file,
        SECRETS,
        Some("FILE"),
        "The key that seals secrets (32 bytes, base64), if it is not to lie in the data folder"
    ),
    setting!(
        "hash-key-file",
        hash_key_file,
        SECRETS,
        Some("FILE"),
        "The key of content hashes (32 bytes, base64) for the first start; hubs with the same one hash the same content alike"
    ),
    setting!(
        "log",
        log,
        ALL,
        Some("FILTER"),
        "Which log lines are written: a level, or target=level,... as in sluice=debug,info"
    ),
    setting!(
        "log-format",
        log_format,
        ALL,
        Some("text|json"),
        "How log lines look"
    ),
    setting!(
        "stop-timeout",
        stop_timeout,
        ALL,
        Some("TIME"),
        "How long requests and runs get to finish when the hub is told to stop, and pipes to move to other workers"
    ),
    setting!(
        "store-cache",
        store_cache,
        DATA,
        Some("BYTES"),
        "Memory for the cache and write buffers of the datasets' store"
    ),
    setting!(
        "object-store",
        object_store,
        KEEPERS,
        Some("URL"),
        "Where everything is kept that has to outlive a disk: s3://, gs://, az:// or file:///. Credentials come from the environment (AWS_..., GOOGLE_..., AZURE_...). One place per hub"
    ),
    setting!(
        "checkpoint-every",
        checkpoint_every,
        DATA,
        Some("TIME"),
        "How often checkpoints of pipes that changed are made in the object store"
    ),
    setting!(
        "microservices",
        microservices,
        DATA,
        Some("SYSTEM=URL,..."),
        "Where microservices are that you run yourself, by the id of their system"
    ),
    setting!(
        "microservice-domain",
        microservice_domain,
        &[Worker],
        Some("DOMAIN"),
        "The domain of the Services of microservices that the operator runs: the hub's namespace with .svc"
    ),
    setting!(
        "request-limit",
        request_limit,
        API,
        Some("BYTES"),
        "Largest request body that is read whole: configuration, variables, secrets"
    ),
    setting!(
        "connections",
        connections,
        API,
        Some("NUMBER"),
        "Most open connections; further ones wait"
    ),
    setting!(
        "namespace",
        namespace,
        &[Operator],
        Some("NAME"),
        "The operator's own namespace, where the Lease is by which one of several operators leads"
    ),
    setting!(
        "deployment",
        deployment,
        &[Operator],
        Some("NAME"),
        "The Deployment in that namespace whose pods the operators are: the Lease goes when it goes"
    ),
    setting!(
        "namespaces",
        namespaces,
        &[Operator],
        Some("NAME,..."),
        "The namespaces whose hubs are looked after; all if none is given"
    ),
    setting!(
        "image",
        image,
        &[Operator],
        Some("IMAGE"),
        "The image of hubs that name none: that of the operator itself"
    ),
];

/// The settings of a program.
pub(super) fn of(program: Program) -> impl Iterator<Item = &'static Setting> {
    let takes = move |setting: &&Setting| setting.of.contains(&program);
    SETTINGS.iter().filter(takes)
}

/// The flags of a program's settings.
pub(crate) fn arguments(program: Program) -> impl Iterator<Item = Arg> {
    let defaults = Settings::new("");
    of(program).map(move |setting| {
        let mut help = setting.meaning.to_owned();
        let default = (setting.get)(&defaults).filter(|_| setting.value.is_some());
        if let Some(default) = default.filter(|default| !default.is_empty()) {
            help.push_str(&format!(" [default: {default}]"));
        }
        let argument = Arg::new(setting.name)
            .long(setting.name)
            .help(help)
            .action(ArgAction::Set);
        match setting.value {
            Some(value) => argument.value_name(value),
            None => argument
                .value_name("true|false")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        }
    })
}

/// The names of a program's settings.
pub(crate) fn names(program: Program) -> impl Iterator<Item = &'static str> {
    of(program).map(|setting| setting.name)
}

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("SLUICE_{}", name.to_ascii_uppercase().replace('-', "_"))
}
