//! Followers: other workers that keep replicas of datasets of this one. Each gets the log from where it stands, and then what comes.

use crate::answer;
use crate::blocking;
use crate::deployment::Deployment;
use crate::execution_log;
use crate::shared::Shared;
use futures::stream::{self, StreamExt};
use sluice_dataset::{DEFAULT_PAGE_BYTES, Dataset as _, Error, Offset, ReadOptions, SinceToken};
use sluice_protocol::{Code, FollowStream, Followed, OwnerFacts, Result};
use sluice_store::Position;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// Everything of a dataset behind a position, and what comes, until this worker may not answer for it any more.
pub(crate) fn follow(
    shared: &Arc<Shared>,
    deployment: &Arc<Deployment>,
    name: &str,
    position: Option<SinceToken>,
) -> Result<FollowStream> {
    let name = execution_log::stored_name(name);
    shared.assignment.check_here(&name)?;
    let following = Following {
        news: shared.signals.watch(&name),
        shared: shared.clone(),
        deployment: deployment.clone(),
        look: Look {
            name,
            position,
            told: Told::Nothing,
            from: None,
            level: None,
        },
        to_say: VecDeque::new(),
    };
    let followed = stream::unfold(Some(following), |following| async {
        let mut following = following?;
        match following.next().await {
            Ok(Some(next)) => Some((Ok(next), Some(following))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(followed.boxed())
}

struct Following {
    shared: Arc<Shared>,
    deployment: Arc<Deployment>,
    news: watch::Receiver<()>,
    look: Look,
    to_say: VecDeque<Followed>,
}

impl Following {
    async fn next(&mut self) -> Result<Option<Followed>> {
        loop {
            // Before each item: what is said may be another owner's to say by now.
            self.shared.assignment.check_here(&self.look.name)?;
            if let Some(next) = self.to_say.pop_front() {
                return Ok(Some(next));
            }
            // Seen before the look: what changes during it is looked at again.
            self.news.borrow_and_update();
            let (shared, deployment) = (self.shared.clone(), self.deployment.clone());
            let mut look = self.look.clone();
            let looked = blocking::run(move || {
                let said = look.look(&shared).map_err(answer::dataset)?;
                let is_absent = matches!(said.front(), Some(Followed::Absent));
                // Of a pipe that is not open here yet: its state may be on its way.
                if is_absent && !is_written_here(&deployment, &look.name) {
                    return Err(not_here(&look.name));
                }
                Ok((look, said))
            });
            (self.look, self.to_say) = looked.await?;
            if self.to_say.is_empty() && self.news.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}

fn not_here(dataset: &str) -> sluice_protocol::Error {
    let message = format!("dataset \"{dataset}\" is not on this worker yet; try again");
    sluice_protocol::Error::new(Code::Unavailable, "not-here", message)
}

fn is_written_here(deployment: &Deployment, dataset: &str) -> bool {
    let log_of = execution_log::pipe_of(dataset).and_then(|pipe| deployment.get(pipe));
    log_of.is_some() || deployment.writer_of(dataset).is_some()
}

/// What the follower was told of the dataset as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Absent,
    Facts(OwnerFacts),
}

/// Where a follower stands.
#[derive(Clone)]
struct Look {
    /// As it is called in the store.
    name: String,
    /// Where it stood when it came, until that was looked at.
    position: Option<SinceToken>,
    told: Told,
    from: Option<Offset>,
    /// The newest offset that it was told to be level at.
    level: Option<Option<Offset>>,
}

impl Look {
    /// What is to be said now; nothing if nothing has changed. For blocking threads.
    fn look(&mut self, shared: &Shared) -> sluice_dataset::Result<VecDeque<Followed>> {
        let mut said = VecDeque::new();
        let Some(dataset) = shared.existing(&self.name) else {
            return Ok(self.absent());
        };
        let status = match dataset.status() {
            Err(Error::Deleted { .. }) => return Ok(self.absent()),
            status => status?,
        };
        let facts = OwnerFacts {
            number: status.number,
            generation: status.generation,
            epoch: status.epoch,
            populated: status.populated,
        };
        let is_same = |told: &OwnerFacts| told.generation == facts.generation;
        if !matches!(&self.told, Told::Facts(told) if is_same(told)) {
            self.from = None;
            self.level = None;
            said.push_back(Followed::Facts(facts));
            let stood = self.position.take();
            let stood = stood.filter(|token| token.generation == facts.generation);
            if let Some(SinceToken { epoch, offset, .. }) = stood {
                self.from = Some(offset);
                if let Some(kept) = dataset.kept_of(Position { epoch, offset }) {
                    said.push_back(Followed::Rewind(kept));
                    self.from = kept;
                }
            }
        } else if self.told != Told::Facts(facts) {
            said.push_back(Followed::Facts(facts));
        }
        self.told = Told::Facts(facts);
        let options = ReadOptions::default().after(self.from);
        let page = match dataset.read(&options, DEFAULT_PAGE_BYTES) {
            Err(Error::Deleted { .. }) => return Ok(self.absent()),
            page => page?,
        };
        self.from = page.resume().or(self.from);
        let is_level = page.at_end();
        if !page.is_empty() {
            said.push_back(Followed::Versions(page));
        }
        let level = status.max_offset.max(self.from);
        if is_level && self.level != Some(level) {
            said.push_back(Followed::Level(level));
            self.level = Some(level);
        }
        Ok(said)
    }

    fn absent(&mut self) -> VecDeque<Followed> {
        let is_news = self.told != Told::Absent;
        self.told = Told::Absent;
        self.from = None;
        self.level = None;
        VecDeque::from_iter(is_news.then_some(Followed::Absent))
    }
}
