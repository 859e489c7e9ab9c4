//! Following a dataset: its versions as they come, and what else its reader has to know to keep a replica of it.

use crate::Result;
use futures::stream::BoxStream;
use sluice_dataset::{DatasetNumber, Generation, Offset, VersionBatch};

/// What a dataset says of itself beside its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerFacts {
    /// Its number in the hub.
    pub number: DatasetNumber,
    /// Which life of its name it is.
    pub generation: Generation,
    /// Present epoch of its offsets.
    pub epoch: u64,
    /// Its owner has consumed all of its source once.
    pub populated: bool,
}

/// What a follower is told, in this order: facts of the dataset; perhaps that it has to go back; versions; where the end was met.
/// Then whatever changes: again facts, if it is they that changed, versions and the end.
#[derive(Debug)]
pub enum Followed {
    /// There is no dataset of that name, or not any more.
    Absent,
    /// There is one; of another generation than before, it is read from its beginning.
    Facts(OwnerFacts),
    /// What the follower has behind this offset was lost, and is to be given up (`None`: everything). What follows comes after it.
    Rewind(Option<Offset>),
    /// Versions of the log, each exactly once, with history.
    Versions(VersionBatch),
    /// Everything up to the newest offset was sent.
    Level(Option<Offset>),
}

/// What a follower is told. An error item ends it; a consumer that stops polling stops the reading.
pub type FollowStream = BoxStream<'static, Result<Followed>>;
