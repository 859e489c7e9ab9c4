//! Holding a lease: what to do next, and what an answer means. Pure; `keeper` does the talking.

use sluice_protocol::{Incarnation, Moment, Session, SessionId};
use std::time::Duration;

/// How long to wait before a storage node that did not answer is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Open a session.
    Open,
    /// Renew it.
    Renew(SessionId),
    /// Nothing before this.
    Wait(Moment),
}

/// The storage node is older than one that was seen: what it says must not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the storage node is incarnation {offered}, but {seen} was seen before")]
pub(super) struct LowerIncarnation {
    offered: Incarnation,
    seen: Incarnation,
}

/// A worker's side of its session.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    session: Option<Session>,
    seen: Incarnation,
    /// When the lease ends; zero before the first.
    deadline: Moment,
    /// When to ask again.
    next: Moment,
}

impl Holder {
    /// Before the first session of a disk that has seen this incarnation.
    pub(super) fn new(seen: Incarnation) -> Self {
        Holder {
            session: None,
            seen,
            deadline: Moment::ZERO,
            next: Moment::ZERO,
        }
    }

    pub(super) fn session(&self) -> Option<Session> {
        self.session
    }

    pub(super) fn seen(&self) -> Incarnation {
        self.seen
    }

    pub(super) fn deadline(&self) -> Moment {
        self.deadline
    }

    /// The lease is over: nothing that was held before is any more, whatever is answered from here on.
    pub(super) fn has_lapsed(&self, now: Moment) -> bool {
        now >= self.deadline
    }

    /// How long to wait for an answer: as long as it would be worth something.
    pub(super) fn patience(&self) -> Duration {
        self.session
            .map_or(Duration::from_secs(10), |session| session.renew_every)
    }

    pub(super) fn next(&self, now: Moment) -> Next {
        if now < self.next {
            return Next::Wait(self.next);
        }
        match self.session {
            Some(session) => Next::Renew(session.id),
            None => Next::Open,
        }
    }

    /// A session was opened by a request sent then.
    pub(super) fn opened(
        &mut self,
        session: Session,
        sent: Moment,
    ) -> Result<(), LowerIncarnation> {
        if session.incarnation < self.seen {
            self.next = sent + PAUSE;
            return Err(LowerIncarnation {
                offered: session.incarnation,
                seen: self.seen,
            });
        }
        self.seen = session.incarnation;
        self.session = Some(session);
        self.held(session, sent);
        Ok(())
    }

    /// A renewal sent then was answered.
    pub(super) fn renewed(&mut self, id: SessionId, sent: Moment) {
        if let Some(session) = self.session.filter(|session| session.id == id) {
            self.held(session, sent);
        }
    }

    fn held(&mut self, session: Session, sent: Moment) {
        self.deadline = self.deadline.max(sent + session.lease);
        self.next = sent + session.renew_every;
    }

    /// The session is over; the lease goes on to its end all the same.
    pub(super) fn refused(&mut self) {
        self.session = None;
        self.next = Moment::ZERO;
    }

    /// No answer, or one that says to come back.
    pub(super) fn failed(&mut self, now: Moment) {
        self.next = now + PAUSE;
    }

    /// Everything that was held has been let go.
    pub(super) fn lapsed(&mut self) {
        self.session = None;
        self.next = Moment::ZERO;
    }
}

#[cfg(test)]
pub(crate) mod tests;
