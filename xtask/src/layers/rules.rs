//! The prohibitions between crates, as tables. docs/ARCHITECTURE.md says the same in words.

/// A crate of ours and the crates its arrows lead to. What those reach is allowed too, nothing else.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("sluice-entity", &[]),
    ("sluice-format", &[]),
    ("sluice-crd", &[]),
    ("sluice-telemetry", &[]),
    ("sluice-objects", &[]),
    ("xtask", &[]),
    ("sluice-dtl", &["sluice-entity"]),
    ("sluice-dataset", &["sluice-entity"]),
    ("sluice-identity", &[]),
    ("sluice-config", &["sluice-dtl", "sluice-entity"]),
    (
        "sluice-store",
        &["sluice-dataset", "sluice-entity", "sluice-format"],
    ),
    (
        "sluice-protocol",
        &["sluice-dataset", "sluice-entity", "sluice-identity"],
    ),
    (
        "sluice-operator",
        &[
            "sluice-crd",
            "sluice-config",
            "sluice-protocol",
            "sluice-telemetry",
        ],
    ),
    (
        "sluice-storage-node",
        &[
            "sluice-config",
            "sluice-store",
            "sluice-protocol",
            "sluice-objects",
            "sluice-telemetry",
        ],
    ),
    (
        "sluice-worker",
        &[
            "sluice-config",
            "sluice-dtl",
            "sluice-store",
            "sluice-protocol",
            "sluice-objects",
            "sluice-telemetry",
        ],
    ),
    (
        "sluice-aggregator",
        &[
            "sluice-config",
            "sluice-protocol",
            "sluice-dataset",
            "sluice-entity",
            "sluice-telemetry",
        ],
    ),
    (
        "sluice",
        &[
            "sluice-operator",
            "sluice-storage-node",
            "sluice-worker",
            "sluice-aggregator",
        ],
    ),
    (
        "sluice-tests",
        &[
            "sluice",
            "sluice-operator",
            "sluice-storage-node",
            "sluice-worker",
            "sluice-aggregator",
        ],
    ),
];

/// Outside crates that only some of ours may name in their manifests.
pub(super) struct Reserved {
    pub(super) crates: &'static [&'static str],
    pub(super) for_only: &'static [&'static str],
    /// Whether any crate may use them in its own tests.
    pub(super) in_tests: bool,
    pub(super) why: &'static str,
}

pub(super) const RESERVED: &[Reserved] = &[
    Reserved {
        crates: &["rocksdb", "librocksdb-sys", "rust-rocksdb"],
        for_only: &["sluice-store"],
        in_tests: false,
        why: "only `store` links RocksDB",
    },
    Reserved {
        crates: &["object_store"],
        for_only: &["sluice-objects"],
        in_tests: false,
        why: "only `objects` talks to object stores",
    },
    Reserved {
        crates: &["axum", "axum-server", "actix-web", "warp", "tower-http"],
        for_only: &["sluice-aggregator", "sluice-telemetry", "sluice-tests"],
        in_tests: true,
        why: "HTTP is served by the aggregator and by telemetry's admin port",
    },
    Reserved {
        crates: &["prost", "prost-types", "tonic-prost"],
        for_only: &["sluice-protocol"],
        in_tests: false,
        why: "protobuf types stay in `protocol`",
    },
    Reserved {
        crates: &["kube", "kube-client", "kube-runtime"],
        for_only: &["sluice-operator", "sluice-crd", "sluice-tests"],
        in_tests: false,
        why: "only the operator has a Kubernetes client",
    },
    Reserved {
        crates: &["k8s-openapi"],
        for_only: &["sluice-operator", "sluice-crd", "sluice-tests"],
        in_tests: false,
        why: "Kubernetes types stay in the operator and in `crd`",
    },
];

/// Crates of ours that an outside crate must not be reachable from, over any number of arrows.
pub(super) struct KeptOut {
    pub(super) from: &'static [&'static str],
    pub(super) crates: &'static [&'static str],
    pub(super) why: &'static str,
}

/// Free of input and output, of waiting, and of a clock of their own.
pub(super) const PURE: &[&str] = &["sluice-entity", "sluice-dtl", "sluice-config"];

pub(super) const KEPT_OUT: &[KeptOut] = &[
    KeptOut {
        from: PURE,
        crates: &[
            "tokio",
            "async-std",
            "smol",
            "mio",
            "socket2",
            "reqwest",
            "ureq",
            "hyper",
            "rocksdb",
            "tempfile",
        ],
        why: "no input or output, nothing asynchronous",
    },
    KeptOut {
        from: &[
            "sluice-aggregator",
            "sluice-protocol",
            "sluice-dataset",
            "sluice-identity",
            "sluice-telemetry",
            "sluice-operator",
        ],
        crates: &["rocksdb"],
        why: "only the worker and the storage node reach RocksDB",
    },
];

/// What code of a pure crate may not say outside its tests.
pub(super) const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env::",
    "std::io::stdin",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "async fn",
    "thread::spawn",
    "thread::sleep",
];
