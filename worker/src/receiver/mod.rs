//! Pushed data on its way into a dataset or out of a sink (SR6, JP3-JP5, R62, R63, R73, PB2).
//!
//! The answer comes when everything in the request is durable. Waiting requests share a sync.

mod body;
mod intake;
mod sequence;
mod taking;

pub(crate) use sequence::is_contained;

/// What a receiver has of sequences, as the state was restored.
pub(crate) struct Sequences(Active);

impl Sequences {
    /// Whether there was any so far.
    pub(crate) fn have_begun(&self) -> bool {
        self.0.begun > 0
    }

    /// Whether a request out of the push log ended one that is over: the state has what was logged before it.
    pub(crate) fn have_ended(&self, request: &PushRequest, number: Option<u64>) -> bool {
        self.0.has_ended(request, number)
    }
}

/// Reads it.
pub(crate) async fn sequences(shared: &Arc<Shared>, pipe: &str) -> Result<Sequences> {
    let (store, owner) = (shared.store.clone(), pipe.to_owned());
    let active = blocking::run(move || Active::load(&store, &owner)).await;
    Ok(Sequences(active.map_err(answer::dataset)?))
}

use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::{self, Subject, push_log::Recording};
use crate::pipe::plan::Plan;
use crate::pipe::state::Record;
use crate::shared::Shared;
use crate::sink::{DatasetSink, Target};
use intake::{Destination, Intake};
use sequence::Active;
use sluice_config::{SetInitialOffset, Sink as SinkSettings, Source as SourceSettings};
use sluice_entity::{Limits, Numbers};
use sluice_protocol::{ByteStream, Code, Error, PushReply, PushRequest, Result};
use std::sync::Arc;
use taking::{Origin, Receiver};

/// Bounds of a push.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// A body up to this size is checked whole before anything is written (R73).
    pub whole: usize,
    /// Of one entity.
    pub limits: Limits,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            whole: 16 << 20,
            limits: Limits::default(),
        }
    }
}

/// Pushes into a receiver.
pub(crate) async fn push(
    shared: &Arc<Shared>,
    deployed: &Arc<Deployed>,
    bounds: &Bounds,
    request: PushRequest,
    body: ByteStream,
) -> Result<PushReply> {
    let settings = deployed.settings();
    let SourceSettings::HttpEndpoint(_) = &settings.source else {
        let message = format!(
            "pipe \"{}\" is no receiver: its source is not \"http_endpoint\"",
            deployed.id
        );
        return Err(Error::new(Code::NotFound, "unknown-receiver", message));
    };
    if let Err(reason) = deployed.check_runnable() {
        let message = format!("pipe \"{}\" takes no pushes: {reason}", deployed.id);
        return Err(Error::new(
            Code::FailedPrecondition,
            "pipe-not-runnable",
            message,
        ));
    }
    if let Some(reason) = deployed.waiting_for(shared) {
        let message = format!("pipe \"{}\" takes no pushes now: {reason}", deployed.id);
        return Err(Error::new(Code::Unavailable, "pipe-waits", message));
    }
    let result = take(shared, deployed, bounds, request, body, Origin::Client).await;
    shared
        .metrics
        .push_ended(result.as_ref().ok().map(|reply| reply.received));
    result
}

/// Takes a push from the push log, which was taken once as a part of the sequence of this number, while the receiver takes no
/// others.
pub(crate) async fn take_again(
    shared: &Arc<Shared>,
    deployed: &Arc<Deployed>,
    bounds: &Bounds,
    request: PushRequest,
    body: ByteStream,
    sequence: Option<u64>,
) -> Result<PushReply> {
    let origin = Origin::Log { sequence };
    take(shared, deployed, bounds, request, body, origin).await
}

async fn take(
    shared: &Arc<Shared>,
    deployed: &Arc<Deployed>,
    bounds: &Bounds,
    request: PushRequest,
    body: ByteStream,
    origin: Origin,
) -> Result<PushReply> {
    let settings = deployed.settings();
    let SourceSettings::HttpEndpoint(source) = &settings.source else {
        let message = format!("pipe \"{}\" is no receiver any more", deployed.id);
        return Err(Error::new(Code::NotFound, "unknown-receiver", message));
    };
    if source.validation_expression.is_some() {
        // Taking what nobody validated would be worse than taking nothing.
        let message = "this version cannot evaluate \"validation_expression\", so the receiver takes no pushes";
        return Err(Error::new(
            Code::NotInThisVersion,
            "not-in-this-version",
            message,
        ));
    }
    let numbers = Numbers {
        float_as_decimal: source.do_float_as_decimal,
        float_as_int: source.do_float_as_int,
    };
    let plan = Plan::new(&settings);
    let populated = match &settings.sink {
        SinkSettings::Dataset(sink) => sink.set_initial_offset,
        _ => SetInitialOffset::Never,
    };
    let destination = match plan.connect_target(shared).map_err(answer::write)? {
        Some(Target::Dataset(sink)) => {
            let dataset = shared.dataset(&sink.dataset).await?;
            Destination::Dataset { sink, dataset }
        }
        Some(Target::Outside(sink)) => {
            Destination::Outside(Arc::new(tokio::sync::Mutex::new(sink)))
        }
        None => {
            let message = format!("pipe \"{}\" has no sink that can be written", deployed.id);
            return Err(Error::new(
                Code::FailedPrecondition,
                "pipe-not-runnable",
                message,
            ));
        }
    };
    let intake = Intake {
        shared: shared.clone(),
        plan: Some(Arc::new(plan)),
        destination,
        force: false,
    };
    let receiver = Receiver {
        intake,
        owner: deployed.id.clone(),
        pipe: Some(&**deployed),
        bounds,
        numbers,
        populated,
        habit: Some(&deployed.habit),
        origin,
    };
    let durability = shared.durability.as_ref();
    let durability = durability.filter(|_| origin == Origin::Client && receiver.is_kept());
    let Some(durability) = durability else {
        let taken = receiver.take(&deployed.push_lock, request, body).await?;
        return Ok(taken.reply);
    };
    // Committed here first, then in the log, then answered.
    let subject = Subject::of(deployed);
    let log = durability.push_log(&subject).await;
    let log = log.map_err(durability::Error::answer)?;
    let (recording, body) = Recording::begin(log, &request, body);
    let taken = receiver.take(&deployed.push_lock, request, body).await?;
    recording.finish(taken.sequence).await?;
    let ensured = durability.ensure_checkpoint(shared, &subject).await;
    ensured.map_err(durability::Error::answer)?;
    Ok(taken.reply)
}

/// Writes straight into a dataset, made if there is none (AP8).
pub(crate) async fn write_dataset(
    shared: &Arc<Shared>,
    lock: &tokio::sync::RwLock<()>,
    bounds: &Bounds,
    name: &str,
    request: PushRequest,
    body: ByteStream,
) -> Result<PushReply> {
    let dataset = shared.dataset(name).await?;
    let destination = Destination::Dataset {
        sink: DatasetSink::plain(name),
        dataset,
    };
    let intake = Intake {
        shared: shared.clone(),
        plan: None,
        destination,
        force: request
            .parameters
            .get("force")
            .is_some_and(|force| force == "true"),
    };
    // No pipe has an id with a slash, so the sequences of datasets cannot meet those of pipes.
    let owner = format!("dataset/{name}");
    let populated = SetInitialOffset::IfSourcePopulated;
    let receiver = Receiver {
        intake,
        owner,
        pipe: None,
        bounds,
        numbers: Numbers::default(),
        populated,
        habit: None,
        origin: Origin::Client,
    };
    let taken = receiver.take(lock, request, body).await?;
    Ok(taken.reply)
}
