//! The route table of the API: every operation, one row each, from which the router and the OpenAPI document are made.

mod answer;
mod archive;
mod auth;
mod body;
mod call;
mod components;
mod config;
mod configuration_log;
mod datasets;
mod decode;
mod diagnostics;
mod dispatch;
mod entities;
mod env;
mod error;
mod exact;
mod feed;
mod form;
mod format;
mod health;
mod leftover;
mod microservices;
mod node;
mod not_in_this_version;
mod observability;
mod openapi;
mod operation;
mod parameters;
mod pipe_view;
mod pipes;
mod publishers;
mod pump;
mod receivers;
mod reference;
mod runner;
mod secrets;
mod systems;
mod time;

#[cfg(test)]
pub(crate) mod tests;

pub use dispatch::router;
pub(crate) use leftover::discard_after_refusal;
pub use openapi::openapi;

use answer::Message;
use entities::AnEntity;
use exact::{AnyObject, Exact};
use not_in_this_version::NOT_IN_THIS_VERSION;
use operation::Answer::{Accepted, Anything, Configuration, Created, Document, Entities, Json};
use operation::{Operation, RequestBody, delete, get, options, patch, post, put, schema};
use parameters::*;

/// A handler as the table wants it: its future boxed.
macro_rules! run {
    ($handler:path) => {
        |call| Box::pin($handler(call))
    };
}

#[rustfmt::skip]
static OPERATIONS: &[Operation] = &[
    // The hub.
    get("/health/live", "live", "The process answers", run!(health::live)).open().answers(Json(schema::<health::Health>)),
    get("/health/ready", "ready", "Stores are open and the configuration is loaded", run!(health::ready)).open().answers(Json(schema::<health::Health>)),
    get("/api/health", "health", "The hub serves", run!(health::ready)).open().answers(Json(schema::<health::Health>)),
    get("/api/ping", "ping", "The process answers", run!(node::ping)).open().answers(Json(schema::<node::Ping>)),
    get("/api", "get-hub", "The hub and its mode", run!(node::root)).answers(Json(schema::<node::Hub>)),
    get("/api/status", "get-status", "Start time and facts", run!(node::status)).answers(Json(schema::<node::Status>)),
    post("/api/admin", "administer", "Reset the hub (developer mode), or restart it", run!(node::administer)).takes(RequestBody::Form).parameters(&[ADMIN_OPERATION]).answers(Json(schema::<Message>)),
    get("/api/format", "get-format", "The format that the hub is written in, and who reads what", run!(format::show)).answers(Json(schema::<format::HubFormat>)),
    post("/api/format/finalize", "finalize-format", "Write the newest format from now on: earlier versions cannot come back", run!(format::finalize)).answers(Json(schema::<format::HubFormat>)),
    get("/api/license", "get-license", "No licence is needed", run!(node::license)).answers(Json(schema::<node::License>)),
    get("/api/namespaces", "get-namespaces", "Namespaces of the service metadata", run!(node::namespaces)).answers(Json(schema::<AnyObject>)),
    get("/api/metadata", "get-metadata", "Service metadata", run!(node::metadata)).answers(Json(schema::<node::Metadata>)),
    put("/api/metadata", "put-metadata", "Replace the service metadata", run!(node::put_metadata)).takes(RequestBody::Json(schema::<AnyObject>)).parameters(&[FORCE]).answers(Json(schema::<node::Metadata>)),
    delete("/api/metadata", "delete-metadata", "Remove the service metadata", run!(node::delete_metadata)).answers(Json(schema::<node::Metadata>)),
    get("/api/reference", "get-reference", "This description, as a page", run!(reference::page)).answers(Document(reference::HTML)),
    get("/api/reference/openapi.json", "get-openapi", "This description, as OpenAPI 3.1", run!(reference::document)).answers(Json(schema::<AnyObject>)),
    get("/metrics", "get-metrics", "Metrics for Prometheus", run!(observability::metrics)).answers(Document(observability::METRICS)),
    get("/log-filter", "get-log-filter", "Which log lines are written", run!(observability::log_filter)).answers(Document(observability::TEXT)),
    put("/log-filter", "put-log-filter", "Change which log lines are written", run!(observability::set_log_filter)).takes(RequestBody::Text).answers(Document(observability::TEXT)),

    // Variables and secrets.
    get("/api/env", "list-variables", "Environment variables", run!(env::show)).answers(Json(schema::<AnyObject>)),
    put("/api/env", "replace-variables", "Replace all environment variables", run!(env::replace)).takes(RequestBody::Json(schema::<Exact>)).answers(Json(schema::<AnyObject>)),
    post("/api/env", "add-variables", "Add or change environment variables", run!(env::add)).takes(RequestBody::Json(schema::<Exact>)).answers(Json(schema::<AnyObject>)),
    patch("/api/env", "change-variables", "Add or change environment variables", run!(env::add)).takes(RequestBody::Json(schema::<Exact>)).answers(Json(schema::<AnyObject>)),
    delete("/api/env/{variable}", "delete-variable", "Remove an environment variable", run!(env::delete)).parameters(&[VARIABLE]).answers(Json(schema::<AnyObject>)),
    get("/api/secrets", "list-secrets", "Names of the global secrets", run!(secrets::show)).answers(Json(schema::<Vec<String>>)),
    put("/api/secrets", "replace-secrets", "Replace all global secrets", run!(secrets::replace)).takes(RequestBody::Json(schema::<AnyObject>)).answers(Json(schema::<Vec<String>>)),
    post("/api/secrets", "add-secrets", "Add or change global secrets", run!(secrets::add)).takes(RequestBody::Json(schema::<AnyObject>)).answers(Json(schema::<Vec<String>>)),
    delete("/api/secrets/{secret}", "delete-secret", "Remove a global secret", run!(secrets::delete)).parameters(&[SECRET]).answers(Json(schema::<Vec<String>>)),

    // Configuration.
    get("/api/config", "download-config", "Configuration of the default group", run!(config::download_default)).answers(Configuration(schema::<Vec<AnyObject>>)),
    put("/api/config", "upload-config", "Replace the configuration of the default group", run!(config::upload_default)).takes(RequestBody::Configuration).parameters(&[FORCE]).answers(Json(schema::<config::Uploaded>)),
    get("/api/config/{group}", "download-config-group", "Configuration of a group", run!(config::download_group)).parameters(&[GROUP]).answers(Configuration(schema::<Vec<AnyObject>>)),
    put("/api/config/{group}", "upload-config-group", "Replace the configuration of a group", run!(config::upload_group)).takes(RequestBody::Configuration).parameters(&[GROUP, FORCE]).answers(Json(schema::<config::Uploaded>)),
    get("/api/config-all", "download-config-all", "Configuration of all groups", run!(config::download_all)).answers(Configuration(schema::<Vec<AnyObject>>)),
    put("/api/config-all", "upload-config-all", "Replace the configuration of all groups", run!(config::upload_all)).takes(RequestBody::Configuration).parameters(&[FORCE]).answers(Json(schema::<config::Uploaded>)),
    get("/api/config-history/entity", "get-config-history", "All versions of a component", run!(config::history)).parameters(&[COMPONENT_ID, HISTORY_SINCE, LIMIT, REVERSE]).answers(Json(schema::<Vec<AnEntity>>)),

    // Pipes.
    get("/api/pipes", "list-pipes", "All pipes", run!(pipes::list)).parameters(&[FIELDS, INTERNAL_PIPES, VERBOSE]).answers(Json(schema::<Vec<pipe_view::Pipe>>)),
    post("/api/pipes", "add-pipes", "Add pipes, all or none", run!(pipes::add)).takes(RequestBody::Json(schema::<Vec<AnyObject>>)).parameters(&[FORCE]).answers(Created(schema::<Vec<pipe_view::Pipe>>)),
    get("/api/pipes/{pipe_id}", "get-pipe", "A pipe", run!(pipes::show)).parameters(&[PIPE, FIELDS]).answers(Json(schema::<pipe_view::Pipe>)),
    delete("/api/pipes/{pipe_id}", "delete-pipe", "Remove a pipe", run!(pipes::delete)).parameters(&[PIPE]).answers(Json(schema::<pipe_view::Pipe>)),
    get("/api/pipes/{pipe_id}/config", "get-pipe-config", "A pipe as posted", run!(pipes::config)).parameters(&[PIPE]).answers(Json(schema::<AnyObject>)),
    put("/api/pipes/{pipe_id}/config", "put-pipe-config", "Change a pipe", run!(pipes::put_config)).takes(RequestBody::Json(schema::<AnyObject>)).parameters(&[PIPE, FORCE]).answers(Json(schema::<pipe_view::Pipe>)),
    get("/api/pipes/{pipe_id}/entities", "list-pipe-entities", "What a pipe produces, at a stage", run!(pipes::entities)).parameters(&[PIPE, STAGE, SINCE_TEXT, PAGE_LIMIT]).answers(Entities),
    get("/api/pipes/{pipe_id}/log", "get-pipe-log", "The execution log of a pipe", run!(pipes::log)).parameters(&[PIPE, SINCE, LIMIT, HISTORY, DELETED, REVERSE]).answers(Entities),
    options("/api/pipes/{pipe_id}/log", "get-pipe-log-options", "What the execution log takes", run!(pipes::log_options)).parameters(&[PIPE, SINCE, HISTORY, DELETED, REVERSE, WEBHOOK]).answers(Document(observability::TEXT)),
    get("/api/pipes/{pipe_id}/pump", "get-pump", "The pump of a pipe", run!(pump::show)).parameters(&[PIPE]).answers(Json(schema::<pipe_view::Pump>)),
    post("/api/pipes/{pipe_id}/pump", "operate-pump", "Tell a pump what to do", run!(pump::operate)).takes(RequestBody::Form).parameters(&[PIPE, PUMP_OPERATION, LAST_SEEN, COMMENT, ENTITY_IDS, ALLOW_MASS_DELETE]).answers(Json(schema::<pipe_view::Pump>)),

    // Everything at once.
    post("/api/pipes/run-all-pipes", "run-all-pipes", "Run everything in dependency order until nothing changes", run!(runner::run_all)).developer().parameters(&[EXTRA_ZERO_RUNS, MAX_RUNS, MAX_RUN_TIME, REQUEST_MODE, SCHEDULER_MODE, DELETE_INPUT_DATASETS, RESET_PIPES, CHECK_INPUT_PIPES, OUTPUT_RUN_STATISTICS, ONLY_PIPES]).answers(Json(schema::<runner::RunStatus>)),
    post("/api/pipes/stop-run-all-pipes", "stop-run-all-pipes", "Stop running everything", run!(runner::stop)).parameters(&[TERMINATE_TIMEOUT]).answers(Json(schema::<runner::Stopped>)),
    get("/api/pipes/get-run-all-pipes-log", "get-run-all-pipes-log", "What running everything says", run!(runner::log)).parameters(&[LOG_SINCE, RUN_TOKEN]).answers(Json(schema::<Vec<runner::LogLine>>)),
    get("/api/pipes/get-pipe-runner-status", "get-pipe-runner-status", "Where running everything stands", run!(runner::status)).parameters(&[RUN_TOKEN.required()]).answers(Json(schema::<runner::RunStatus>)),
    post("/api/pipes/delete-all-sink-datasets", "delete-all-sink-datasets", "Empty the datasets of all user pipes", run!(runner::delete_all_sink_datasets)).developer().answers(Json(schema::<Message>)),

    // Datasets.
    get("/api/datasets", "list-datasets", "All datasets", run!(datasets::list)).parameters(&[INTERNAL_DATASETS, VERBOSE]).answers(Json(schema::<Vec<datasets::Dataset>>)),
    get("/api/datasets/{dataset_id}", "get-dataset", "A dataset", run!(datasets::show)).parameters(&[DATASET]).answers(Json(schema::<datasets::Dataset>)),
    delete("/api/datasets/{dataset_id}", "delete-dataset", "Remove a dataset with everything in it", run!(datasets::delete)).parameters(&[DATASET]).answers(Json(schema::<datasets::Dataset>)),
    get("/api/datasets/{dataset_id}/entities", "list-entities", "The feed of a dataset", run!(entities::list)).parameters(&[DATASET, SINCE, LIMIT, HISTORY, DELETED, REVERSE, POPULATED, UNCOMMITTED, SUBSET]).answers(Entities),
    options("/api/datasets/{dataset_id}/entities", "get-feed-options", "The headers of a feed", run!(entities::options)).parameters(&[DATASET, SINCE, LIMIT, HISTORY, DELETED, REVERSE, WEBHOOK]).answers(Document(observability::TEXT)),
    post("/api/datasets/{dataset_id}/entities", "write-entities", "Write straight into a dataset, for tests", run!(entities::write)).developer().takes(RequestBody::Entities).parameters(&[DATASET, FORCE_WRITE]).answers(Json(schema::<receivers::Received>)),
    get("/api/datasets/{dataset_id}/entities/{*rest}", "get-entity-by-path", "One entity, its id in the path", run!(entities::one_by_path)).parameters(&[DATASET, ENTITY_PATH, SUBSET]).answers(Json(schema::<AnEntity>)),
    get("/api/datasets/{dataset_id}/entity", "get-entity", "One entity", run!(entities::one)).parameters(&[DATASET, ENTITY_ID, OFFSET, SUBSET, UNCOMMITTED]).answers(Json(schema::<AnEntity>)),

    // Systems.
    get("/api/systems", "list-systems", "All systems", run!(systems::list)).parameters(&[INTERNAL_SYSTEMS, VERBOSE]).answers(Json(schema::<Vec<systems::System>>)),
    post("/api/systems", "add-systems", "Add systems, all or none", run!(systems::add)).takes(RequestBody::Json(schema::<Vec<AnyObject>>)).parameters(&[FORCE]).answers(Created(schema::<Vec<systems::System>>)),
    get("/api/systems/{system_id}", "get-system", "A system", run!(systems::show)).parameters(&[SYSTEM]).answers(Json(schema::<systems::System>)),
    delete("/api/systems/{system_id}", "delete-system", "Remove a system with its secrets", run!(systems::delete)).parameters(&[SYSTEM]).answers(Json(schema::<systems::System>)),
    get("/api/systems/{system_id}/status", "get-system-status", "Whether a system was reached", run!(systems::status)).parameters(&[SYSTEM]).answers(Json(schema::<systems::SystemStatus>)),
    get("/api/systems/{system_id}/config", "get-system-config", "A system as posted", run!(systems::config)).parameters(&[SYSTEM]).answers(Json(schema::<AnyObject>)),
    put("/api/systems/{system_id}/config", "put-system-config", "Change a system", run!(systems::put_config)).takes(RequestBody::Json(schema::<AnyObject>)).parameters(&[SYSTEM, FORCE]).answers(Json(schema::<systems::System>)),
    get("/api/systems/{system_id}/secrets", "list-system-secrets", "Names of a system's secrets", run!(secrets::show_of_system)).parameters(&[SYSTEM]).answers(Json(schema::<Vec<String>>)),
    put("/api/systems/{system_id}/secrets", "replace-system-secrets", "Replace a system's secrets", run!(secrets::replace_of_system)).takes(RequestBody::Json(schema::<AnyObject>)).parameters(&[SYSTEM]).answers(Json(schema::<Vec<String>>)),
    post("/api/systems/{system_id}/secrets", "add-system-secrets", "Add or change a system's secrets", run!(secrets::add_of_system)).takes(RequestBody::Json(schema::<AnyObject>)).parameters(&[SYSTEM]).answers(Json(schema::<Vec<String>>)),
    delete("/api/systems/{system_id}/secrets/{secret}", "delete-system-secret", "Remove a system's secret", run!(secrets::delete_of_system)).parameters(&[SYSTEM, SECRET]).answers(Json(schema::<Vec<String>>)),

    // Microservices.
    get("/api/systems/{system_id}/logs", "get-microservice-logs", "What a microservice says", run!(microservices::logs)).parameters(&[SYSTEM, LOGS_SINCE, LINES, FOLLOW]).answers(Document("text/plain; charset=utf-8")),
    post("/api/systems/{system_id}/reload", "reload-microservice", "Pull a microservice's image and begin anew", run!(microservices::reload)).parameters(&[SYSTEM]).answers(Accepted(schema::<Message>)),
    get("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-get", "Pass a request on to a microservice", run!(microservices::proxy)).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),
    put("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-put", "Pass a request on to a microservice", run!(microservices::proxy)).takes(RequestBody::Anything).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),
    post("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-post", "Pass a request on to a microservice", run!(microservices::proxy)).takes(RequestBody::Anything).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),
    patch("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-patch", "Pass a request on to a microservice", run!(microservices::proxy)).takes(RequestBody::Anything).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),
    delete("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-delete", "Pass a request on to a microservice", run!(microservices::proxy)).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),
    options("/api/systems/{system_id}/proxy/{*rest_of_path}", "proxy-options", "Pass a request on to a microservice", run!(microservices::proxy)).parameters(&[SYSTEM, REST_OF_PATH]).answers(Anything),

    // In and out.
    get("/api/publishers/{pipe_id}/entities", "publish-entities", "What a publisher shows", run!(publishers::entities)).parameters(&[PIPE, SINCE_TEXT, PAGE_LIMIT]).answers(Entities),
    get("/api/publishers/{pipe_id}/entities/{filename}", "publish-entities-file", "What a publisher shows, as a file", run!(publishers::entities_file)).parameters(&[PIPE, FILENAME, SINCE_TEXT, PAGE_LIMIT]).answers(Entities),
    get("/api/publishers/{pipe_id}/csv", "publish-csv", "What a publisher shows, as CSV", run!(publishers::csv)).parameters(&[PIPE, SINCE_TEXT, PAGE_LIMIT, LINKED_EXCEL]).answers(Document("text/csv")),
    get("/api/publishers/{pipe_id}/csv/{filename}", "publish-csv-file", "What a publisher shows, as a CSV file", run!(publishers::csv_file)).parameters(&[PIPE, FILENAME, SINCE_TEXT, PAGE_LIMIT, LINKED_EXCEL]).answers(Document("text/csv")),
    post("/api/receivers/{pipe_id}/entities", "push-entities", "Push entities into a receiver", run!(receivers::push)).takes(RequestBody::Entities).parameters(&[PIPE, SEQUENCE_ID, IS_FULL, REQUEST_ID, PREVIOUS_REQUEST_ID, IS_FIRST, IS_LAST, ALLOW_MASS_DELETE, COMPLETENESS]).answers(Json(schema::<receivers::Received>)),
];

/// How JSON bodies are bounded.
fn limits_for_json(limits: &crate::Limits) -> sluice_entity::Limits {
    sluice_entity::Limits {
        depth: limits.nesting,
        entity_bytes: limits.body,
        ..sluice_entity::Limits::default()
    }
}
