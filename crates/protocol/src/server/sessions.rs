//! Which worker opened which session, by its certificate: nobody else may use it.

use super::caller::Caller;
use crate::{Code, Error, Result, SessionId};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Sessions remembered of one worker. It has one; a few more are there while it opens others in quick succession.
const REMEMBERED: usize = 4;

/// The sessions that were opened here, by worker. There are as many workers as the storage node knows: each has opened a session.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, VecDeque<SessionId>>>);

impl Sessions {
    /// Remembers whose session it is.
    pub(super) fn opened(&self, caller: &Caller, session: SessionId) -> Result<()> {
        if let Some(worker) = caller.worker()? {
            let mut all = self.0.lock();
            let own = all.entry(worker.to_owned()).or_default();
            own.push_back(session);
            if own.len() > REMEMBERED {
                own.pop_front();
            }
        }
        Ok(())
    }

    /// Refuses a worker the session of another one. One that was not opened here has ended: it is of an earlier life of the
    /// storage node.
    pub(super) fn check(&self, caller: &Caller, session: SessionId) -> Result<()> {
        let Some(worker) = caller.worker()? else {
            return Ok(());
        };
        let all = self.0.lock();
        let is_of = |worker: &str| all.get(worker).is_some_and(|own| own.contains(&session));
        if is_of(worker) {
            return Ok(());
        }
        match all.keys().any(|other| is_of(other)) {
            true => Err(caller.foreign(&format!("the worker of session {session}"))),
            false => Err(session_ended(session)),
        }
    }
}

/// The session is over.
pub(super) fn session_ended(session: SessionId) -> Error {
    let message = format!("session {session} has ended: open another");
    Error::new(Code::FailedPrecondition, "session-ended", message)
}
