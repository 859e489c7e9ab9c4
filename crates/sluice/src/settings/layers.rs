//! Putting the layers over one another: defaults, file, environment, flags. Every problem is found, not only the first.

use super::table::{self, Setting, variable};
use super::{Program, Settings};
use sluice_format::Formats;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// No setting: makes this version behave as the next one, for tests of upgrades. `docs/upgrades.md` says more.
const NEXT_FORMAT: &str = "SLUICE_TEST_NEXT_FORMAT";

/// All that is wrong with the settings that were given.
#[derive(Debug)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Settings and where each came from.
#[derive(Debug)]
pub struct Layered {
    /// What counts.
    pub settings: Settings,
    /// Variables that begin with `SLUICE_` and are no settings: others (a service's environment) may have set them.
    pub unknown_variables: Vec<String>,
    origins: BTreeMap<&'static str, String>,
    program: Program,
}

/// Reads all layers of a program's settings. `file` is the configuration file, `flags` the flags that were given.
pub fn load(
    program: Program,
    file: Option<&Path>,
    environment: &[(OsString, OsString)],
    flags: &BTreeMap<&'static str, String>,
) -> Result<Layered, Problems> {
    let mut loading = Loading {
        program,
        settings: Settings::new(PathBuf::new()),
        origins: BTreeMap::new(),
        problems: Vec::new(),
    };
    let variables = settings_of(environment, &mut loading);
    let named = variables.get("SLUICE_CONFIG").map(PathBuf::from);
    if let Some(file) = file.map(Path::to_owned).or(named) {
        loading.file(&file);
    }
    let unknown_variables = loading.environment(&variables);
    for (name, text) in flags {
        loading.put(name, text, format!("--{name}"));
    }
    loading.check();
    if loading.problems.is_empty() {
        Ok(Layered {
            settings: loading.settings,
            unknown_variables,
            origins: loading.origins,
            program,
        })
    } else {
        Err(Problems(loading.problems))
    }
}

impl Layered {
    /// A configuration file that gives these settings, with the meaning and origin of each.
    pub fn to_file(&self) -> String {
        table::of(self.program)
            .map(|setting| self.lines(setting))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn lines(&self, setting: &Setting) -> String {
        let origin = self
            .origins
            .get(setting.name)
            .map_or("default", String::as_str);
        let line = match (setting.get)(&self.settings) {
            Some(text) => format!("{} = {}", setting.name, toml::Value::String(text)),
            None => format!("# {} is not set", setting.name),
        };
        format!("# {}. ({origin})\n{line}\n", setting.meaning)
    }
}

struct Loading {
    program: Program,
    settings: Settings,
    origins: BTreeMap<&'static str, String>,
    problems: Vec<String>,
}

impl Loading {
    fn put(&mut self, name: &str, text: &str, origin: String) {
        match table::of(self.program).find(|setting| setting.name == name) {
            None => self
                .problems
                .push(format!("{origin}: there is no such setting")),
            Some(setting) => match (setting.set)(&mut self.settings, text) {
                Ok(()) => drop(self.origins.insert(setting.name, origin)),
                Err(problem) => self
                    .problems
                    .push(format!("{origin}: \"{text}\" cannot be used: {problem}")),
            },
        }
    }

    fn file(&mut self, path: &Path) {
        let table = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match table.and_then(|text| {
            text.parse::<toml::Table>()
                .map_err(|error| error.to_string())
        }) {
            Err(problem) => self.problems.push(format!("{}: {problem}", path.display())),
            Ok(table) => {
                for (name, value) in table {
                    let origin = format!("{}: {name}", path.display());
                    match text_of(&value) {
                        Some(text) => self.put(&name, &text, origin),
                        None => self.problems.push(format!("{origin}: a setting is a text, a number, true or false, or a list of texts")),
                    }
                }
            }
        }
    }

    fn environment(&mut self, variables: &BTreeMap<String, String>) -> Vec<String> {
        let mut unknown: Vec<String> = variables.keys().cloned().collect();
        if let Some(next) = variables.get(NEXT_FORMAT) {
            match Formats::with_next(next) {
                Ok(formats) => self.settings.formats = formats,
                Err(problem) => self.problems.push(format!("{NEXT_FORMAT}: {problem}")),
            }
        }
        for setting in table::of(self.program) {
            let name = variable(setting.name);
            if let Some(text) = variables.get(&name) {
                self.put(setting.name, text, name.clone());
            }
            unknown.retain(|other| *other != name);
        }
        unknown.retain(|other| other != "SLUICE_CONFIG" && other != NEXT_FORMAT);
        unknown
    }

    /// What shows only when all settings are seen together.
    fn check(&mut self) {
        let settings = &self.settings;
        let keeps_data = table::names(self.program).any(|name| name == "data");
        if keeps_data
            && settings.data.as_os_str().is_empty()
            && !self.problems.iter().any(|problem| problem.contains("data"))
        {
            self.problems
                .push("data: the data folder is missing: give --data DIR".into());
        }
        let missing = |name: &str, is_missing: bool, what: &str| {
            let is_taken = table::names(self.program).any(|taken| taken == name);
            (is_taken && is_missing).then(|| format!("{name}: {what}: give --{name}"))
        };
        let required = [
            missing("hub", settings.hub.is_empty(), "the hub has no name"),
            missing("id", settings.id.is_empty(), "this instance has no id"),
            missing(
                "storage-node",
                settings.storage_node.is_none(),
                "the way to the storage node is missing",
            ),
            missing(
                "namespace",
                settings.namespace.is_none(),
                "the operator's namespace is missing",
            ),
            missing(
                "image",
                settings.image.is_empty(),
                "the image of hubs is missing",
            ),
            missing(
                "authority",
                settings.authority.is_none(),
                "the authority that signs certificates is missing",
            ),
        ];
        self.problems.extend(required.into_iter().flatten());
        let settings = &self.settings;
        if settings.tls_certificate.is_some() != settings.tls_key.is_some() {
            self.problems
                .push("tls-certificate and tls-key: give both or none".into());
        }
        if settings.tls_certificate.is_some() && !settings.tls_names.is_empty() {
            self.problems
                .push("tls-names: your own certificate has its own names".into());
        }
        if settings.connections == 0 {
            self.problems
                .push("connections: at least one is needed".into());
        }
    }
}

fn settings_of(
    environment: &[(OsString, OsString)],
    loading: &mut Loading,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("SLUICE_")) else {
            continue;
        };
        match value.to_str() {
            Some(value) => drop(variables.insert(name.to_owned(), value.to_owned())),
            None => loading.problems.push(format!("{name}: it is not UTF-8")),
        }
    }
    variables
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => items
            .iter()
            .map(toml::Value::as_str)
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        _ => None,
    }
}
