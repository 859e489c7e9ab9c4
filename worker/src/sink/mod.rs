//! Where a pipe's entities go: the trait for targets outside, the sink into a dataset, and the table of kinds.
//!
//! A dataset is written in the transaction that also moves the pipe's offset, so it is not a [`Sink`] but a case of its own in
//! [`Target`]. To add an outside kind: its settings in `sluice-config`, a file here that implements [`Sink`], a line in
//! [`connect`].

mod csv_endpoint;
mod dataset;
mod error;
mod json;
mod null;

pub(crate) use dataset::DatasetSink;
pub(crate) use error::WriteError;

use crate::source::Surroundings;
use async_trait::async_trait;
use sluice_config::Sink as Settings;
use sluice_entity::Entity;

/// Where the output of a run goes.
pub(crate) enum Target {
    /// A dataset of this worker.
    Dataset(DatasetSink),
    /// Anything else. Filtered entities (EM8) never get here.
    Outside(Box<dyn Sink>),
}

/// A connected target outside of the hub, for one run.
///
/// Entities come as the transforms made them, without namespaces. What was delivered is delivered: a batch that fails is
/// delivered again, whole or one by one (R31), so a target has to bear repetition.
#[async_trait]
pub(crate) trait Sink: Send {
    /// Before the first batch.
    async fn begin(&mut self, _run: &RunFacts) -> Result<(), WriteError> {
        Ok(())
    }

    /// Delivers a batch, all or none as far as the target can.
    async fn deliver(&mut self, entities: &[Entity]) -> Result<(), WriteError>;

    /// After the last batch of a run that read its source to the end. Unless all of it was delivered, nothing may be concluded
    /// from what the target did not get (R27).
    async fn finish(&mut self, _all_delivered: bool) -> Result<(), WriteError> {
        Ok(())
    }
}

/// What a sink is told about the run.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts {
    /// Unique per run; the sequence of a push (JP3).
    pub sequence: String,
    /// Everything is sent again; what is not in it is gone.
    pub is_full: bool,
}

/// Turns a publisher's entities into a document other than JSON (PB3).
pub(crate) trait Render: Send {
    /// e.g. `text/csv; charset=utf-8`
    fn content_type(&self) -> String;

    /// Appends what stands before the first entity.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError>;

    /// Appends a page of entities.
    fn entities(&mut self, entities: &[Entity], out: &mut Vec<u8>) -> Result<(), WriteError>;

    /// Appends what stands after the last entity.
    fn end(&mut self, _out: &mut Vec<u8>) -> Result<(), WriteError> {
        Ok(())
    }
}

/// The table of kinds: settings to connected target. `None` for publishers and for kinds that this version cannot run.
pub(crate) fn connect(
    settings: &Settings,
    surroundings: &Surroundings<'_>,
) -> Result<Option<Target>, WriteError> {
    Ok(Some(match settings {
        Settings::Dataset(settings) => Target::Dataset(DatasetSink::new(settings)),
        Settings::Json(settings) => {
            let unusable = |why| WriteError::communication("unusable-system", why);
            let system = surroundings
                .systems
                .http(&settings.system)
                .map_err(unusable)?;
            Target::Outside(Box::new(json::JsonSink::new(settings, system)))
        }
        Settings::Null => Target::Outside(Box::new(null::NullSink)),
        Settings::HttpEndpoint(_)
        | Settings::CsvEndpoint(_)
        | Settings::NotInThisVersion { .. } => return Ok(None),
    }))
}

/// The table of renderers of publishers; `None` where the entities themselves are the answer.
pub(crate) fn renderer(settings: &Settings) -> Option<Box<dyn Render>> {
    match settings {
        Settings::CsvEndpoint(settings) => Some(Box::new(csv_endpoint::CsvEndpoint::new(settings))),
        _ => None,
    }
}
