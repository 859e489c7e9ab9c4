//! Where log lines go, in which form, and which of them. Entity contents never get here; callers log identifiers only.

use parking_lot::Mutex;
use std::io::IsTerminal;
use std::sync::Arc;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// A filter that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Not in the form `level` or `target=level,...`.
    #[error("\"{filter}\" is no log filter; write for example info or sluice=debug,info")]
    Malformed {
        /// As given.
        filter: String,
        /// What the parser says.
        #[source]
        source: ParseError,
    },
    /// The process set up its logs elsewhere.
    #[error("the log filter cannot be changed: logs were not set up by this process")]
    NotSetUp,
}

/// The logs of this process. Clones share the filter.
#[derive(Clone)]
pub struct Logs {
    filter: Arc<Mutex<String>>,
    reload: Option<reload::Handle<EnvFilter, Registry>>,
}

impl Logs {
    /// Sets up logging to standard error. Once per process: in a process that logs already (tests) the first set-up stays and
    /// the filter cannot be changed from here.
    pub fn start(filter: &str, format: LogFormat) -> Result<Logs, FilterError> {
        let (filter_layer, handle) = reload::Layer::new(parse(filter)?);
        let lines = fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let started = tracing_subscriber::registry()
            .with(filter_layer)
            .with(lines)
            .try_init();
        Ok(Logs {
            filter: Arc::new(Mutex::new(filter.to_owned())),
            reload: started.is_ok().then_some(handle),
        })
    }

    /// The filter in force.
    pub fn filter(&self) -> String {
        self.filter.lock().clone()
    }

    /// Puts another filter in force at once, for all tasks.
    pub fn set_filter(&self, filter: &str) -> Result<(), FilterError> {
        let parsed = parse(filter)?;
        let mut current = self.filter.lock();
        let handle = self.reload.as_ref().ok_or(FilterError::NotSetUp)?;
        handle.reload(parsed).map_err(|_| FilterError::NotSetUp)?;
        *current = filter.to_owned();
        Ok(())
    }
}

fn parse(filter: &str) -> Result<EnvFilter, FilterError> {
    let malformed = |source| FilterError::Malformed {
        filter: filter.to_owned(),
        source,
    };
    EnvFilter::builder().parse(filter).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // One test: a process has one set of logs.
    #[test]
    fn the_filter_changes_while_the_process_runs() {
        let logs = Logs::start("warn", LogFormat::Text).unwrap();
        assert!(!tracing::enabled!(tracing::Level::INFO));
        logs.set_filter("sluice=debug,info").unwrap();
        assert!(tracing::enabled!(tracing::Level::INFO));
        assert!(!tracing::enabled!(tracing::Level::TRACE));
        let error = logs.set_filter("sluice=loud").unwrap_err();
        assert!(error.to_string().contains("sluice=loud"));
        assert_eq!(logs.filter(), "sluice=debug,info");
        let second = Logs::start("info", LogFormat::Json).unwrap();
        assert!(matches!(
            second.set_filter("debug"),
            Err(FilterError::NotSetUp)
        ));
        assert_eq!(second.filter(), "info");
    }
}
