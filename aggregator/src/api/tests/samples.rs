//! One request that succeeds for every operation.

use std::collections::BTreeMap;

/// Requests that succeed, by operation: path with query, body, content type.
pub(super) fn samples() -> BTreeMap<&'static str, (&'static str, &'static str, &'static str)> {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let pipe = r#"[{"_id": "added", "type": "pipe"}]"#;
    let config = r#"[{"_id": "in", "type": "pipe"}, {"_id": "target", "type": "system:url"}]"#;
    let entities = r#"[{"_id": "a"}]"#;
    BTreeMap::from([
        ("live", ("/health/live", "", "")),
        ("ready", ("/health/ready", "", "")),
        ("health", ("/api/health", "", "")),
        ("ping", ("/api/ping", "", "")),
        ("get-hub", ("/api/", "", "")),
        ("get-status", ("/api/status", "", "")),
        ("administer", ("/api/admin", "operation=restart", FORM)),
        ("get-format", ("/api/format", "", "")),
        ("finalize-format", ("/api/format/finalize", "", "")),
        ("get-license", ("/api/license", "", "")),
        ("get-namespaces", ("/api/namespaces", "", "")),
        ("get-metadata", ("/api/metadata", "", "")),
        (
            "put-metadata",
            ("/api/metadata", r#"{"namespaces": {}}"#, JSON),
        ),
        ("delete-metadata", ("/api/metadata", "", "")),
        ("get-reference", ("/api/reference", "", "")),
        ("get-openapi", ("/api/reference/openapi.json", "", "")),
        ("get-metrics", ("/metrics", "", "")),
        ("get-log-filter", ("/log-filter", "", "")),
        ("put-log-filter", ("/log-filter", "info", "")),
        ("list-variables", ("/api/env", "", "")),
        (
            "replace-variables",
            ("/api/env", r#"{"a": 1.10, "b": null}"#, JSON),
        ),
        (
            "add-variables",
            ("/api/env", r#"[{"a": {}}, {"c": []}]"#, JSON),
        ),
        ("change-variables", ("/api/env", r#"{"a": "x"}"#, JSON)),
        ("delete-variable", ("/api/env/known", "", "")),
        ("list-secrets", ("/api/secrets", "", "")),
        (
            "replace-secrets",
            ("/api/secrets", r#"{"s": "hidden"}"#, JSON),
        ),
        ("add-secrets", ("/api/secrets", r#"{"s": "hidden"}"#, JSON)),
        ("delete-secret", ("/api/secrets/known", "", "")),
        ("download-config", ("/api/config", "", "")),
        ("upload-config", ("/api/config?force=True", config, JSON)),
        ("download-config-group", ("/api/config/default", "", "")),
        ("upload-config-group", ("/api/config/team", "[]", JSON)),
        ("download-config-all", ("/api/config-all", "", "")),
        ("upload-config-all", ("/api/config-all", config, JSON)),
        (
            "get-config-history",
            ("/api/config-history/entity?entity_id=in", "", ""),
        ),
        ("list-pipes", ("/api/pipes?fields=config,runtime", "", "")),
        ("add-pipes", ("/api/pipes", pipe, JSON)),
        ("get-pipe", ("/api/pipes/in", "", "")),
        ("delete-pipe", ("/api/pipes/in", "", "")),
        ("get-pipe-config", ("/api/pipes/in/config", "", "")),
        (
            "put-pipe-config",
            ("/api/pipes/in/config", r#"{"type": "pipe"}"#, JSON),
        ),
        (
            "list-pipe-entities",
            ("/api/pipes/in/entities?stage=before-transforms", "", ""),
        ),
        ("get-pipe-log", ("/api/pipes/in/log?reverse=true", "", "")),
        ("get-pipe-log-options", ("/api/pipes/in/log", "", "")),
        ("get-pump", ("/api/pipes/in/pump", "", "")),
        (
            "operate-pump",
            ("/api/pipes/in/pump", "operation=start", FORM),
        ),
        (
            "run-all-pipes",
            ("/api/pipes/run-all-pipes?request_mode=async", "", ""),
        ),
        (
            "stop-run-all-pipes",
            ("/api/pipes/stop-run-all-pipes?terminate_timeout=30", "", ""),
        ),
        (
            "get-run-all-pipes-log",
            ("/api/pipes/get-run-all-pipes-log", "", ""),
        ),
        (
            "get-pipe-runner-status",
            ("/api/pipes/get-pipe-runner-status?token=token-1", "", ""),
        ),
        (
            "delete-all-sink-datasets",
            ("/api/pipes/delete-all-sink-datasets", "", ""),
        ),
        ("list-datasets", ("/api/datasets", "", "")),
        ("get-dataset", ("/api/datasets/in", "", "")),
        ("delete-dataset", ("/api/datasets/in", "", "")),
        (
            "list-entities",
            ("/api/datasets/in/entities?since=0&limit=5", "", ""),
        ),
        ("get-feed-options", ("/api/datasets/in/entities", "", "")),
        (
            "write-entities",
            ("/api/datasets/in/entities", entities, JSON),
        ),
        (
            "get-entity-by-path",
            ("/api/datasets/in/entities/a/b", "", ""),
        ),
        (
            "get-entity",
            ("/api/datasets/in/entity?entity_id=a&offset=3", "", ""),
        ),
        ("list-systems", ("/api/systems", "", "")),
        (
            "add-systems",
            (
                "/api/systems",
                r#"{"_id": "s", "type": "system:url"}"#,
                JSON,
            ),
        ),
        ("get-system", ("/api/systems/target", "", "")),
        ("delete-system", ("/api/systems/target", "", "")),
        ("get-system-status", ("/api/systems/target/status", "", "")),
        ("get-system-config", ("/api/systems/target/config", "", "")),
        (
            "put-system-config",
            (
                "/api/systems/target/config",
                r#"{"type": "system:url"}"#,
                JSON,
            ),
        ),
        (
            "list-system-secrets",
            ("/api/systems/target/secrets", "", ""),
        ),
        (
            "replace-system-secrets",
            (
                "/api/systems/target/secrets?encrypt=true",
                r#"{"s": "x"}"#,
                JSON,
            ),
        ),
        (
            "add-system-secrets",
            ("/api/systems/target/secrets", r#"{"s": "x"}"#, JSON),
        ),
        (
            "delete-system-secret",
            ("/api/systems/target/secrets/known", "", ""),
        ),
        (
            "get-microservice-logs",
            ("/api/systems/micro/logs?lines=2", "", ""),
        ),
        ("reload-microservice", ("/api/systems/micro/reload", "", "")),
        ("proxy-get", ("/api/systems/micro/proxy/a", "", "")),
        (
            "proxy-put",
            ("/api/systems/micro/proxy/a", "x", "text/plain"),
        ),
        (
            "proxy-post",
            ("/api/systems/micro/proxy/", "x", "text/plain"),
        ),
        (
            "proxy-patch",
            ("/api/systems/micro/proxy/a", "x", "text/plain"),
        ),
        ("proxy-delete", ("/api/systems/micro/proxy/a/b", "", "")),
        ("proxy-options", ("/api/systems/micro/proxy/a", "", "")),
        (
            "publish-entities",
            ("/api/publishers/in/entities?limit=1", "", ""),
        ),
        (
            "publish-entities-file",
            ("/api/publishers/in/entities/x.json", "", ""),
        ),
        ("publish-csv", ("/api/publishers/in/csv", "", "")),
        ("publish-csv-file", ("/api/publishers/in/csv/x.csv", "", "")),
        (
            "push-entities",
            ("/api/receivers/in/entities?is_full=False", entities, JSON),
        ),
    ])
}
