//! The rights that the operator needs at the API server, and no others: what a Role for it has to grant.

/// Leave to do something with some resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// Their group; empty for the core.
    pub group: &'static str,
    /// Their names in the plural.
    pub resources: &'static [&'static str],
    /// What may be done.
    pub verbs: &'static [&'static str],
}

const fn right(
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
) -> Right {
    Right {
        group,
        resources,
        verbs,
    }
}

/// In the namespaces whose hubs it looks after, and in its own (the Lease). An apply that makes something needs `create` too.
pub const NAMESPACED: &[Right] = &[
    right(
        "sluice.dev",
        &["datahubs", "workerpools"],
        &["get", "list", "watch", "patch"],
    ),
    right(
        "sluice.dev",
        &["workers", "pipes", "systems"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    right(
        "sluice.dev",
        &[
            "datahubs/status",
            "workerpools/status",
            "workers/status",
            "pipes/status",
            "systems/status",
        ],
        &["patch"],
    ),
    // Who owns others may hold up their end only if it may change its own.
    right(
        "sluice.dev",
        &[
            "datahubs/finalizers",
            "workerpools/finalizers",
            "workers/finalizers",
        ],
        &["update"],
    ),
    right("", &["pods"], &["get", "list", "watch", "create", "delete"]),
    right(
        "",
        &["persistentvolumeclaims"],
        &["get", "list", "create", "delete"],
    ),
    right("", &["secrets"], &["get", "create", "patch", "delete"]),
    right("", &["configmaps"], &["get", "create", "patch"]),
    right("", &["services"], &["get", "create", "patch", "delete"]),
    // What microservices say.
    right("", &["pods/log"], &["get"]),
    right(
        "apps",
        &["deployments"],
        &["get", "list", "watch", "create", "patch", "delete"],
    ),
    right(
        "policy",
        &["poddisruptionbudgets"],
        &["get", "create", "patch"],
    ),
    right("events.k8s.io", &["events"], &["create", "patch"]),
    right(
        "coordination.k8s.io",
        &["leases"],
        &["get", "create", "update"],
    ),
];

/// In the whole cluster. Without them drains and lost nodes are not noticed.
pub const CLUSTER: &[Right] = &[right("", &["nodes"], &["get", "list", "watch"])];
