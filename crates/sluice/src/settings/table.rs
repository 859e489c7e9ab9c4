//! The one table of settings. A row is a name, what it means, and how it gets into and out of [`Settings`].

use super::Settings;
use super::kinds::Text;
use clap::{Arg, ArgAction};

/// One setting.
pub(super) struct Setting {
    /// Kebab-case: `--name`, `SLUICE_NAME`, `name = ` in the file.
    pub(super) name: &'static str,
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
    ($name:literal, $field:ident, $value:expr, $meaning:literal) => {
        Setting {
            name: $name,
            value: $value,
            meaning: $meaning,
            set: |settings, text| Text::read(text).map(|value| settings.$field = value),
            get: |settings| settings.$field.print(),
        }
    };
}

pub(super) const SETTINGS: &[Setting] = &[
    setting!(
        "data",
        data,
        Some("DIR"),
        "The folder that holds everything the hub keeps; made if it is not there. One hub per folder"
    ),
    setting!(
        "listen",
        listen,
        Some("ADDR:PORT"),
        "Where the API listens (HTTPS). Port 0 takes a free port"
    ),
    setting!(
        "ready-file",
        ready_file,
        Some("FILE"),
        "Written when requests are served, with url, pid and ca as JSON; removed at the end"
    ),
    setting!(
        "developer-mode",
        developer_mode,
        None,
        "Let through the calls that destroy or run everything, as the command line client needs them"
    ),
    setting!(
        "tls-certificate",
        tls_certificate,
        Some("FILE"),
        "Your own certificate chain (PEM) instead of one by the hub's own authority; changes are picked up"
    ),
    setting!(
        "tls-key",
        tls_key,
        Some("FILE"),
        "The key of your own certificate (PEM)"
    ),
    setting!(
        "tls-names",
        tls_names,
        Some("NAME,..."),
        "Further host names and addresses in the hub's own certificate"
    ),
    setting!(
        "secrets-key-file",
        secrets_key_file,
        Some("FILE"),
        "The key that seals secrets (32 bytes, base64), if it is not to lie in the data folder"
    ),
    setting!(
        "log",
        log,
        Some("FILTER"),
        "Which log lines are written: a level, or target=level,... as in sluice=debug,info"
    ),
    setting!(
        "log-format",
        log_format,
        Some("text|json"),
        "How log lines look"
    ),
    setting!(
        "stop-timeout",
        stop_timeout,
        Some("TIME"),
        "How long requests and runs get to finish when the hub is told to stop"
    ),
    setting!(
        "store-cache",
        store_cache,
        Some("BYTES"),
        "Memory for the cache and write buffers of the datasets' store"
    ),
    setting!(
        "request-limit",
        request_limit,
        Some("BYTES"),
        "Largest request body that is read whole: configuration, variables, secrets"
    ),
    setting!(
        "connections",
        connections,
        Some("NUMBER"),
        "Most open connections; further ones wait"
    ),
];

/// The flags of all settings.
pub(crate) fn arguments() -> impl Iterator<Item = Arg> {
    let defaults = Settings::new("");
    SETTINGS.iter().map(move |setting| {
        let mut help = setting.meaning.to_owned();
        if let Some(default) = (setting.get)(&defaults).filter(|_| setting.value.is_some()) {
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

/// The names of all settings.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.name)
}

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("SLUICE_{}", name.to_ascii_uppercase().replace('-', "_"))
}
