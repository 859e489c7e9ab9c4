//! Following something that changes over there: one stream at a time, a new one when it ends.

use super::ClientSettings;
use super::call::{answered, within};
use super::pause::Pause;
use crate::wire::{Gather, from_status};
use crate::{Error, Result};
use std::future::Future;
use tonic::{Response, Status, Streaming};

/// One stream of states in parts.
pub(super) struct States<G: Gather> {
    parts: Streaming<G::Part>,
    gathered: G,
}

impl<G: Gather> States<G> {
    /// The next state; `None` when the far side ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<G::Whole>> {
        while let Some(part) = self.parts.message().await.map_err(from_status)? {
            if let Some(whole) = answered(self.gathered.take(part))? {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }
}

/// What is followed, and how a stream of it is opened.
pub(super) struct Following<G: Gather, O> {
    /// In words, for the log.
    what: &'static str,
    settings: ClientSettings,
    open: O,
    opened: Option<States<G>>,
}

/// For what is followed whatever happens.
pub(super) fn never(_: &Error) -> bool {
    false
}

impl<G, O, F> Following<G, O>
where
    G: Gather,
    O: FnMut() -> F,
    F: Future<Output = Result<Response<Streaming<G::Part>>, Status>>,
{
    pub(super) fn new(what: &'static str, settings: ClientSettings, open: O) -> Self {
        Following {
            what,
            settings,
            open,
            opened: None,
        }
    }

    /// Opens the first stream and waits for its first state. There is no second try.
    pub(super) async fn first(&mut self) -> Result<G::Whole> {
        within(self.settings.deadlines.look)
            .in_time(async {
                let mut states = self.states().await?;
                let first = states.next().await?;
                self.opened = Some(states);
                first.ok_or_else(|| from_status(Status::unavailable("the watch ended at once")))
            })
            .await
    }

    /// Hands every state to `take` as long as that succeeds on one stream, then on the next, until an error says that it `is_over`.
    pub(super) async fn run(
        mut self,
        mut take: impl FnMut(G::Whole) -> Result<()>,
        is_over: impl Fn(&Error) -> bool,
    ) {
        let mut pause = Pause::new(&self.settings);
        loop {
            let end = self.read(&mut take, &mut pause).await;
            let what = self.what;
            let wait = pause.take();
            match end {
                Ok(()) => tracing::info!(what, "a watch was ended by the other side"),
                Err(error) if is_over(&error) => {
                    tracing::debug!(what, reason = &*error.reason, "a watch is over");
                    return;
                }
                Err(error) => tracing::warn!(
                    what,
                    reason = &*error.reason,
                    pause = ?wait,
                    "cannot watch, trying again: {error}"
                ),
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads one stream to its end.
    async fn read(
        &mut self,
        take: &mut impl FnMut(G::Whole) -> Result<()>,
        pause: &mut Pause,
    ) -> Result<()> {
        let mut states = match self.opened.take() {
            Some(states) => states,
            None => self.states().await?,
        };
        while let Some(state) = states.next().await? {
            take(state)?;
            pause.reset();
        }
        Ok(())
    }

    async fn states(&mut self) -> Result<States<G>> {
        let parts = within(self.settings.deadlines.look)
            .answer((self.open)())
            .await?;
        Ok(States {
            parts,
            gathered: G::default(),
        })
    }
}
