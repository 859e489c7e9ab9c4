//! What a run needs of its pipe's configuration, looked up once: transforms, namespaces, source, target.

use crate::assignment::FencedSink;
use crate::environment::DtlEnvironment;
use crate::lookup::LocalLookup;
use crate::pipe::step::Evaluation;
use crate::shared::Shared;
use crate::sink::{self, Target, WriteError};
use crate::slice::Slice;
use crate::source::{self, ReadError, Source, Surroundings};
use sluice_config::{
    Namespaces, Pipe, PreventMultipleVersions, Sink as SinkSettings, Source as Settings, Transform,
};
use sluice_dataset::Dataset as _;
use sluice_dtl::Program;
use sluice_entity::{Entity, ValueBuf};
use sluice_store::Dataset;
use std::sync::Arc;

/// The part of a pipe between source and sink. Cheap to make, never changes.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The configuration it was made from.
    pub pipe: Arc<Pipe>,
    /// Transforms, in order.
    pub programs: Vec<Arc<Program>>,
    /// What is added before the first and removed after the last transform (R66).
    pub namespaces: Namespaces,
    /// The pipe hops into the dataset it writes: each batch has to be written before the next is transformed (R47).
    pub is_lockstep: bool,
}

impl Plan {
    /// From a valid, runnable configuration.
    pub(crate) fn new(pipe: &Arc<Pipe>) -> Self {
        let programs = pipe
            .transforms
            .iter()
            .filter_map(|transform| match transform {
                Transform::Dtl(dtl) => Some(dtl.program.clone()),
                Transform::NotInThisVersion { .. } => None,
            });
        let programs: Vec<Arc<Program>> = programs.collect();
        let reads_sink = |program: &Arc<Program>| {
            pipe.sink_dataset
                .as_ref()
                .is_some_and(|sink| program.datasets().contains(sink))
        };
        let is_lockstep = programs.iter().any(reads_sink);
        Plan {
            pipe: pipe.clone(),
            namespaces: pipe.namespaces.clone(),
            programs,
            is_lockstep,
        }
    }

    /// Source entities per batch.
    pub(crate) fn batch_size(&self) -> usize {
        usize::try_from(self.pipe.batch_size)
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Nothing but a [`Recipe`](crate::pass_over::Recipe) decides what becomes of received bytes: no transforms, and no say in
    /// how many versions there may be.
    pub(crate) fn passes_over(&self) -> bool {
        let SinkSettings::Dataset(sink) = &self.pipe.sink else {
            return false;
        };
        self.pipe.transforms.is_empty()
            && sink.prevent_multiple_versions == PreventMultipleVersions::Off
    }

    /// The source, connected. `None` for receivers.
    pub(crate) fn connect_source(
        &self,
        shared: &Shared,
    ) -> Result<Option<Box<dyn Source>>, ReadError> {
        source::connect(
            &self.pipe.source,
            &Surroundings {
                systems: &shared.systems,
            },
        )
    }

    /// The target, connected. `None` for publishers.
    pub(crate) fn connect_target(&self, shared: &Shared) -> Result<Option<Target>, WriteError> {
        let surroundings = Surroundings {
            systems: &shared.systems,
        };
        let target = sink::connect(&self.pipe.sink, &surroundings)?;
        Ok(target.map(|target| match target {
            Target::Outside(sink) => {
                let lease = shared.assignment.lease.clone();
                Target::Outside(Box::new(FencedSink::new(sink, lease)))
            }
            dataset => dataset,
        }))
    }

    /// Calls `work` with everything an evaluation reaches. For blocking threads.
    pub(crate) fn evaluating<T>(
        &self,
        shared: &Shared,
        slice: &Slice,
        own_sink: Option<&Dataset>,
        parameters: Option<&ValueBuf>,
        work: impl FnOnce(&Evaluation<'_>) -> T,
    ) -> T {
        let environment = DtlEnvironment::new(shared);
        let own_sink = own_sink
            .zip(self.pipe.sink_dataset.as_deref())
            .map(|(dataset, name)| (name, dataset));
        let lookup = LocalLookup::new(slice, own_sink);
        let previous = |entity: &Entity| self.previous(slice, entity);
        // Only what is not deterministic can ask for it (`is-changed`), and looking it up for all would cost a read each.
        let is_wanted = self
            .programs
            .first()
            .is_some_and(|program| !program.deterministic());
        work(&Evaluation {
            environment: &environment,
            lookup: &lookup,
            parameters,
            previous: is_wanted.then_some(&previous),
        })
    }

    /// The version of a source entity before this one; `None` where there is none or the source is no dataset.
    fn previous(&self, slice: &Slice, entity: &Entity) -> sluice_dataset::Result<Option<Entity>> {
        let (Settings::Dataset(source), Some(generated)) = (&self.pipe.source, entity.generated())
        else {
            return Ok(None);
        };
        let Some(dataset) = slice.dataset(&source.dataset)? else {
            return Ok(None);
        };
        let before = dataset.before(entity.id().unwrap_or_default(), generated.updated)?;
        Ok(before.map(|version| version.to_entity()))
    }
}
