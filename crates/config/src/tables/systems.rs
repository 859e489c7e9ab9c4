//! Every system type (SY1 to SY8).

use super::common::PERMISSIONS;
use super::rest::{CUSTOM_AUTH, OPERATION};
use super::{Default, Rows, Shape, Type, later, row, runs};

/// The family; names without `system:` are not types.
pub(crate) const SYSTEMS: &[Type] = &[
    runs("system:url", &[URL, SYSTEM]).with_one_of(&[&["url_pattern", "base_url"]]),
    later("system:rest", &[URL, REST, SYSTEM]).with_one_of(&[&["url_pattern", "base_url"]]),
    runs("system:microservice", &[MICROSERVICE, SYSTEM]),
    later("system:sqlserver", &[DATABASE, SQLSERVER, POOL, SYSTEM]),
    later("system:mysql", &[DATABASE, MYSQL, POOL, SYSTEM]),
    later("system:postgresql", &[DATABASE, POSTGRESQL, POOL, SYSTEM]),
    later("system:oracle", &[DATABASE, ORACLE, POOL, SYSTEM]),
    later("system:oracle_tns", &[ORACLE_TNS, POOL, SYSTEM]),
    later("system:mssql", &[DATABASE, MSSQL, POOL, SYSTEM]),
    later("system:mssql-azure-dw", &[DATABASE, MSSQL, POOL, SYSTEM]),
    later("system:kafka", &[KAFKA, SYSTEM]),
    later("system:elasticsearch", &[ELASTICSEARCH, SYSTEM]),
    later("system:solr", &[SOLR, SYSTEM]),
    later("system:ldap", &[LDAP, SYSTEM]),
    later("system:smtp", &[SMTP, SYSTEM]),
    later("system:twilio", &[TWILIO, SYSTEM]),
];

const SYSTEM: Rows = &[
    row("_id", Shape::Text).required(),
    row("metadata", Shape::Object),
    row("worker_threads", Shape::Integer(1)).integer(10),
    PERMISSIONS,
];

/// What a pump may take from its system, by status.
const RETRY: Rows = &[
    row("max_read_retries", Shape::Integer(0)),
    row("read_retry_delay", Shape::Number),
    row("write_retry_delay", Shape::Number),
    row("max_retries_per_entity", Shape::Integer(0)),
    row("max_consecutive_write_errors", Shape::Integer(0)),
    row("max_write_errors_in_retry_dataset", Shape::Integer(0)),
    row("batch_retries", Shape::Integer(0)),
];

const OAUTH2: Rows = &[
    row("client_id", Shape::Text).required(),
    row("client_secret", Shape::Text).required(),
    row("token_url", Shape::Text).required(),
    row("access_token", Shape::Text),
    row("refresh_token", Shape::Text),
    row("scope", Shape::TextOrTexts),
    row("refresh_window", Shape::Integer(0)).integer(30),
    row("extra", Shape::Object),
];

const TRIPLETEX: Rows = &[
    row("consumer_token", Shape::Text).required(),
    row("employee_token", Shape::Text).required(),
    row("token_url", Shape::Text).required(),
    row("ttl", Shape::Number).integer(48),
];

const URL: Rows = &[
    row("url_pattern", Shape::Text),
    row("base_url", Shape::Text).deprecated("\"url_pattern\""),
    row("verify_ssl", Shape::Bool).or(Default::NodeWide(&["global_defaults", "verify_ssl"])),
    row("custom_ca_pem_chain", Shape::Text),
    // Ours: 1.3 unless the configuration asks for less.
    row("minimum_tls_version", Shape::Choice(&["1.2", "1.3"])).text("1.3"),
    row("username", Shape::Text),
    row("password", Shape::Text),
    row("jwt_token", Shape::Text),
    row("headers", Shape::TextMap),
    row(
        "authentication",
        Shape::Choice(&["basic", "digest", "ntlm", "tripletex", "jwt"]),
    ),
    row("oauth2", Shape::Fields(OAUTH2)),
    row("tripletex", Shape::Fields(TRIPLETEX)),
    row("proxies", Shape::TextMap),
    row("connect_timeout", Shape::Number).integer(60),
    row("read_timeout", Shape::Number).integer(1800),
    row("ignore_invalid_content_length_response_header", Shape::Bool).no(),
    row("retry_strategy", Shape::ByStatus(RETRY))
        .not_followed("it is ignored, and only the pump of a pipe says how to retry"),
];

const REST: Rows = &[
    row("operations", Shape::Named(OPERATION)),
    row("rate_limiting_retries", Shape::Integer(0)),
    row("rate_limiting_delay", Shape::Integer(0)).integer(1),
    row("json_content_types", Shape::Texts).or(Default::Json(r#"["application/json"]"#)),
    CUSTOM_AUTH,
];

const MICROSERVICE: Rows = &[
    row("docker", Shape::Fields(DOCKER)).required(),
    row("use_https", Shape::Bool).no(),
    row("verify_ssl", Shape::Bool).or(Default::NodeWide(&["global_defaults", "verify_ssl"])),
    // Ours, for those that speak HTTPS with a certificate of their own.
    row("custom_ca_pem_chain", Shape::Text),
    row("minimum_tls_version", Shape::Choice(&["1.2", "1.3"])).text("1.3"),
    row("username", Shape::Text),
    row("password", Shape::Text),
    row("headers", Shape::TextMap),
    row("authentication", Shape::Choice(&["basic", "digest"])),
    row("connect_timeout", Shape::Number).integer(60),
    row("read_timeout", Shape::Number).integer(1800),
    row("eager_load", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "eager_load_microservices",
    ])),
    row("retry_strategy", Shape::ByStatus(RETRY))
        .not_followed("it is ignored, and only the pump of a pipe says how to retry"),
];

const DOCKER: Rows = &[
    row("image", Shape::Text).required(),
    row("port", Shape::Integer(1)).required(),
    row("environment", Shape::Object),
    row("username", Shape::Text),
    row("password", Shape::Text),
    row("memory", Shape::Integer(1)).integer(128),
    row("cpu_quota", Shape::Integer(1)).integer(25),
    row("cpu_period", Shape::Integer(1)).deprecated("\"cpu_quota\""),
    row("cpuset_cpus", Shape::Text).deprecated("\"cpu_quota\""),
    row("hosts", Shape::TextMap).or(Default::Json("{}")),
    row("skip_pull", Shape::Bool).no(),
    row("pull_image_cron_expression", Shape::Cron)
        .not_followed("an image is pulled when its container starts, and when it is reloaded"),
    // Ours: containers do not run as root unless the configuration says 0.
    row("run_as_user", Shape::Integer(0)).integer(65532),
];

const POOL: Rows = &[
    row("timezone", Shape::Text).text("UTC"),
    row("pool_size", Shape::Integer(1)).integer(10),
    row("pool_timeout", Shape::Number).integer(30),
    row("pool_max_overflow", Shape::Integer(0)).integer(10),
    row("pool_recycle", Shape::Integer(-1)).integer(1800),
    row("charset", Shape::Text),
];

const DATABASE: Rows = &[
    row("username", Shape::Text).required().aliases(&["user"]),
    row("password", Shape::Text).required(),
    row("host", Shape::Text).required(),
    row("database", Shape::Text).required(),
];

const SQLSERVER: Rows = &[
    row("port", Shape::Integer(1)).integer(1433),
    row("dialect", Shape::Choice(&["sql-server", "synapse"])).text("sql-server"),
];

const MSSQL: Rows = &[
    row("port", Shape::Integer(1)).integer(1433),
    row("instance", Shape::Text),
    row("tds_version", Shape::Text),
];

const MYSQL: Rows = &[
    row("port", Shape::Integer(1)).integer(3306),
    row(
        "sslmode",
        Shape::Choice(&["disabled", "preferred", "required"]),
    )
    .text("preferred"),
];

const POSTGRESQL: Rows = &[
    row("port", Shape::Integer(1)).integer(5432),
    row(
        "sslmode",
        Shape::Choice(&["disable", "allow", "prefer", "require"]),
    )
    .text("prefer"),
];

const ORACLE: Rows = &[
    row("port", Shape::Integer(1)).integer(1521),
    row("coerce_to_decimal", Shape::Bool).no(),
];

const ORACLE_TNS: Rows = &[
    row("username", Shape::Text).required().aliases(&["user"]),
    row("password", Shape::Text).required(),
    row("tns_name", Shape::Text).required(),
    row("coerce_to_decimal", Shape::Bool).no(),
];

const KAFKA: Rows = &[
    row("bootstrap_servers", Shape::Text).required(),
    row("sasl_username", Shape::Text),
    row("sasl_password", Shape::Text),
    row("registry_url", Shape::Text),
    row("registry_username", Shape::Text),
    row("registry_password", Shape::Text),
];

const ELASTICSEARCH: Rows = &[
    row("hosts", Shape::TextOrTexts).or(Default::Json(r#"["localhost:9200"]"#)),
    row("username", Shape::Text),
    row("password", Shape::Text),
    row("authentication", Shape::Choice(&["basic"])),
];

const SOLR: Rows = &[
    row("url", Shape::Text).text("http://localhost:8983/solr/"),
    row("timeout", Shape::Number).integer(30),
];

const LDAP: Rows = &[
    row("host", Shape::Text).text("localhost"),
    row("port", Shape::Integer(1)).integer(389),
    row("use_ssl", Shape::Bool).no(),
    row("verify_ssl", Shape::Bool).yes(),
    row("custom_ca_pem_chain", Shape::Text),
    row("username", Shape::Text),
    row("password", Shape::Text),
    row("charset", Shape::Text).text("latin-1"),
    row("connect_timeout", Shape::Number).integer(60),
    row("read_timeout", Shape::Number).integer(1800),
];

const SMTP: Rows = &[
    row("smtp_server", Shape::Text).text("localhost"),
    row("smtp_port", Shape::Integer(1)).integer(25),
    row("smtp_username", Shape::Text),
    row("smtp_password", Shape::Text),
    row("use_tls", Shape::Bool).no(),
    row("max_per_hour", Shape::Integer(0)).integer(1000),
];

const TWILIO: Rows = &[
    row("account", Shape::Text).required(),
    row("token", Shape::Text).required(),
    row("max_per_hour", Shape::Integer(0)).integer(1000),
    row("proxy", Shape::Text),
];
