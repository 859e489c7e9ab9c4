//! The assignments of a storage node as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, asked, open, tell};
use super::caller::Caller;
use super::sessions::{Sessions, session_ended};
use super::watch::{end, states};
use crate::wire::proto::{self, assignments_server};
use crate::wire::{assigned_parts, report, topology_parts};
use crate::{Assignments, OpenSession, Renewal, SessionId};
use futures::{StreamExt, stream};
use std::sync::Arc;
use tonic::{Request, Response};

pub(super) struct Service<A: ?Sized> {
    assignments: Arc<A>,
    settings: ServerSettings,
    sessions: Sessions,
}

impl<A: ?Sized> Service<A> {
    pub(super) fn new(assignments: Arc<A>, settings: ServerSettings) -> Self {
        Service {
            assignments,
            settings,
            sessions: Sessions::default(),
        }
    }
}

#[tonic::async_trait]
impl<A: Assignments + ?Sized + 'static> assignments_server::Assignments for Service<A> {
    type WatchAssignedStream = Parts<proto::AssignedPart>;
    type WatchTopologyStream = Parts<proto::TopologyPart>;

    async fn open_session(
        &self,
        request: Request<proto::OpenSessionRequest>,
    ) -> Answer<proto::Session> {
        let caller = Caller::of(&request);
        let (call, opening) = open(request);
        call.answer(async {
            let opening = asked(OpenSession::try_from(opening))?;
            caller.must_be_worker(&opening.worker.0)?;
            let session = self.assignments.open_session(opening).await?;
            self.sessions.opened(&caller, session.id)?;
            Ok(session.into())
        })
        .await
    }

    async fn renew(&self, request: Request<proto::RenewRequest>) -> Answer<proto::Renewed> {
        let caller = Caller::of(&request);
        let (call, renewal) = open(request);
        call.answer(async {
            let renewal = asked(Renewal::try_from(renewal))?;
            self.sessions.check(&caller, renewal.session)?;
            self.assignments.renew(renewal).await?;
            Ok(proto::Renewed {})
        })
        .await
    }

    async fn watch_assigned(
        &self,
        request: Request<proto::WatchAssignedRequest>,
    ) -> Answer<Self::WatchAssignedStream> {
        let (caller, end) = (Caller::of(&request), end(&request, &self.settings));
        let page_bytes = self.settings.bounds.page_bytes;
        let (call, wanted) = open(request);
        call.answer(async {
            let session = SessionId(wanted.session);
            self.sessions.check(&caller, session)?;
            let assigned = self.assignments.watch_assigned(session).await?;
            let assigned = states(assigned, move |assigned| {
                assigned_parts(assigned, page_bytes)
            });
            // Said, so that nobody takes an interruption for it.
            let ended = stream::once(async move { Err(tell(&session_ended(session))) });
            Ok(assigned.chain(ended).take_until(end).boxed())
        })
        .await
    }

    async fn report(&self, request: Request<proto::ReportRequest>) -> Answer<proto::Reported> {
        let caller = Caller::of(&request);
        let (call, said) = open(request);
        call.answer(async {
            let (session, report) = asked(report(said))?;
            self.sessions.check(&caller, session)?;
            self.assignments.report(session, report).await?;
            Ok(proto::Reported {})
        })
        .await
    }

    async fn leave(&self, request: Request<proto::LeaveRequest>) -> Answer<proto::Departure> {
        let caller = Caller::of(&request);
        let (call, leaving) = open(request);
        call.answer(async {
            let session = SessionId(leaving.session);
            self.sessions.check(&caller, session)?;
            Ok(self.assignments.leave(session).await?.into())
        })
        .await
    }

    async fn close_session(
        &self,
        request: Request<proto::CloseSessionRequest>,
    ) -> Answer<proto::SessionClosed> {
        let caller = Caller::of(&request);
        let (call, closing) = open(request);
        call.answer(async {
            let session = SessionId(closing.session);
            self.sessions.check(&caller, session)?;
            self.assignments.close_session(session).await?;
            Ok(proto::SessionClosed {})
        })
        .await
    }

    async fn watch_topology(
        &self,
        request: Request<proto::WatchTopologyRequest>,
    ) -> Answer<Self::WatchTopologyStream> {
        let page_bytes = self.settings.bounds.page_bytes;
        let topologies = states(self.assignments.watch_topology(), move |topology| {
            topology_parts(topology, page_bytes)
        });
        let end = end(&request, &self.settings);
        Ok(Response::new(topologies.take_until(end).boxed()))
    }
}
