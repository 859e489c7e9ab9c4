//! `sluice storage-node`, `worker`, `aggregator`, `operator`: one role of a hub in this process, until it is told to stop.

use super::process;
use crate::settings::Program;
use clap::Command;

/// The roles, by the names of their commands.
pub(crate) const ROLES: [(&str, Program); 4] = [
    ("storage-node", Program::StorageNode),
    ("worker", Program::Worker),
    ("aggregator", Program::Aggregator),
    ("operator", Program::Operator),
];

pub(crate) fn storage_node() -> Command {
    process::command(
        Program::StorageNode,
        "storage-node",
        "Run the storage node of a hub: configuration, secrets, and which worker has which pipe",
        "\
`sluice certificates` makes the authority and the bootstrap secrets with which the other roles get their certificates here.",
    )
}

pub(crate) fn worker() -> Command {
    process::command(
        Program::Worker,
        "worker",
        "Run a worker of a hub: it runs the pipes that the storage node gives it",
        "\
Give each worker an id and a data folder of its own. What a worker has on its disk is its again when it comes back with it.",
    )
}

pub(crate) fn aggregator() -> Command {
    process::command(
        Program::Aggregator,
        "aggregator",
        "Run an aggregator of a hub: the HTTPS API over all workers",
        "\
The data folder keeps the key that signs tokens and the certificate of the API; `sluice token create --data DIR --name ME`
prints a token. Aggregators of one hub that are to take the same tokens need the same DIR/keys.",
    )
}

pub(crate) fn operator() -> Command {
    process::command(
        Program::Operator,
        "operator",
        "Run the operator, which turns custom resources into hubs on Kubernetes",
        "\
It finds the API server as kubectl does: KUBECONFIG, or the account of its pod. Of several operators one leads. `sluice print
crds` prints the definitions of its resources.",
    )
}
