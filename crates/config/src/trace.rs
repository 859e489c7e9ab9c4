//! `trace`: what of requests and answers goes into the execution log (EX6, EV4).

use crate::fields::Fields;
use sluice_entity::Json;

/// How much is logged. Sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Whether anything is.
    pub enabled: bool,
    /// Headers of requests.
    pub log_request_headers: bool,
    /// Beginning of request bodies.
    pub log_request_body_maxsize: u64,
    /// Headers of answers.
    pub log_response_headers: bool,
    /// Beginning of answers.
    pub log_response_body_maxsize: u64,
    /// First bytes of each secret that are blanked; -1 means all.
    pub log_secret_redacted_bytes: i64,
}

impl Trace {
    /// From an effective `trace`: a boolean or an object.
    pub(crate) fn read(effective: Option<&Json>) -> Trace {
        let standard = Trace {
            enabled: true,
            log_request_headers: true,
            log_request_body_maxsize: 100,
            log_response_headers: true,
            log_response_body_maxsize: 100,
            log_secret_redacted_bytes: 600,
        };
        match effective {
            Some(Json::Bool(true)) => standard,
            Some(Json::Object(_)) => {
                let fields = Fields::of(effective);
                let size = |name: &str, otherwise| fields.optional_count(name).unwrap_or(otherwise);
                let flag = |name: &str| fields.any(name).and_then(Json::as_bool).unwrap_or(true);
                let redacted = fields
                    .any("log_secret_redacted_bytes")
                    .and_then(Json::as_i64);
                Trace {
                    enabled: true,
                    log_request_headers: flag("log_request_headers"),
                    log_request_body_maxsize: size(
                        "log_request_body_maxsize",
                        standard.log_request_body_maxsize,
                    ),
                    log_response_headers: flag("log_response_headers"),
                    log_response_body_maxsize: size(
                        "log_response_body_maxsize",
                        standard.log_response_body_maxsize,
                    ),
                    log_secret_redacted_bytes: redacted
                        .unwrap_or(standard.log_secret_redacted_bytes),
                }
            }
            _ => Trace::default(),
        }
    }
}
