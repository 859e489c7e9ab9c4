//! A system as the runtime uses it. Texts may hold `$SECRET(x)`; the worker fills them in when it connects.

use crate::fields::Fields;
use crate::{Diagnostic, Microservice, NotRunnable, RetryStrategy};
use sluice_entity::Json;
use std::sync::Arc;

/// A validated system.
#[derive(Clone, Debug)]
pub struct System {
    /// `_id`.
    pub id: String,
    /// `type`, e.g. `system:url`.
    pub kind: String,
    /// As posted.
    pub original: Arc<Json>,
    /// Every default filled in; secrets stay references.
    pub effective: Arc<Json>,
    /// Problems, located in `original`.
    pub diagnostics: Vec<Diagnostic>,
    /// No error among them.
    pub valid: bool,
    /// Why nothing can use it, if so.
    pub runnable: Result<(), NotRunnable>,
    /// Pipes that may use it at the same time (SY1).
    pub worker_threads: u64,
    /// CF2.
    pub config_group: String,
    /// How to reach it; only `system:url` and `system:microservice`.
    pub url: Option<UrlSystem>,
    /// The container to run; only `system:microservice`.
    pub microservice: Option<Microservice>,
}

/// How `system:url` (SY2) and `system:microservice` (MS2) are spoken to.
#[derive(Clone, Debug)]
pub struct UrlSystem {
    /// How relative URLs become absolute.
    pub address: Address,
    /// Check the server's certificate; true unless the configuration says otherwise.
    pub verify_ssl: bool,
    /// Certificates to check it against instead of the public ones, PEM.
    pub custom_ca_pem_chain: Option<String>,
    /// TLS 1.2 is allowed too (`minimum_tls_version` `1.2`).
    pub allow_tls_1_2: bool,
    /// Who we say we are.
    pub authentication: Authentication,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
    /// URL prefix to proxy.
    pub proxies: Vec<(String, String)>,
    /// Seconds.
    pub connect_timeout: f64,
    /// Seconds.
    pub read_timeout: f64,
    /// Carry on after a bad `Content-Length`.
    pub ignore_invalid_content_length_response_header: bool,
    /// Retries by status; what the pump sets wins.
    pub retry_strategy: RetryStrategy,
}

/// `url_pattern` or `base_url`, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `%s` is replaced by the relative URL; without `%s` it is appended.
    Pattern(String),
    /// Relative URLs are joined to it.
    Base(String),
    /// Where the hub runs the container.
    Microservice,
}

/// `authentication`.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// None.
    None,
    /// HTTP basic.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
    /// A bearer token.
    Jwt {
        /// The token.
        token: String,
    },
    /// Known, but not spoken by this version.
    NotInThisVersion {
        /// `digest`, `ntlm`, `tripletex`, `oauth2`.
        kind: String,
    },
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A configuration may hold a password in clear text; logs must not.
        match self {
            Authentication::None => f.write_str("None"),
            Authentication::Basic { username, .. } => write!(f, "Basic({username})"),
            Authentication::Jwt { .. } => f.write_str("Jwt"),
            Authentication::NotInThisVersion { kind } => write!(f, "NotInThisVersion({kind})"),
        }
    }
}

impl UrlSystem {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let authentication = match fields.text("authentication").as_str() {
            _ if fields.any("oauth2").is_some() => Authentication::NotInThisVersion {
                kind: "oauth2".to_owned(),
            },
            "" => Authentication::None,
            "basic" => Authentication::Basic {
                username: fields.text("username"),
                password: fields.text("password"),
            },
            "jwt" => Authentication::Jwt {
                token: fields.text("jwt_token"),
            },
            kind => Authentication::NotInThisVersion {
                kind: kind.to_owned(),
            },
        };
        UrlSystem {
            address: match fields.optional_text("url_pattern") {
                Some(pattern) => Address::Pattern(pattern),
                None if fields.any("docker").is_some() => Address::Microservice,
                None => Address::Base(fields.text("base_url")),
            },
            verify_ssl: fields.flag("verify_ssl"),
            custom_ca_pem_chain: fields.optional_text("custom_ca_pem_chain"),
            allow_tls_1_2: fields.text("minimum_tls_version") == "1.2",
            authentication,
            headers: fields.text_map("headers"),
            proxies: fields.text_map("proxies"),
            connect_timeout: fields.number("connect_timeout"),
            read_timeout: fields.number("read_timeout"),
            ignore_invalid_content_length_response_header: fields
                .flag("ignore_invalid_content_length_response_header"),
            retry_strategy: RetryStrategy::read(fields.any("retry_strategy")),
        }
    }
}
