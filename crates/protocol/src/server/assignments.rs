//! The assignments of a storage node as a service.

use super::ServerSettings;
use super::call::{Answer, Parts, asked, open, tell};
use super::watch::{end, states};
use crate::wire::proto::{self, assignments_server};
use crate::wire::{assigned_parts, report, topology_parts};
use crate::{Assignments, Code, Error, OpenSession, Renewal, SessionId};
use futures::{StreamExt, stream};
use std::sync::Arc;
use tonic::{Request, Response};

pub(super) struct Service<A: ?Sized> {
    assignments: Arc<A>,
    settings: ServerSettings,
}

impl<A: ?Sized> Service<A> {
    pub(super) fn new(assignments: Arc<A>, settings: ServerSettings) -> Self {
        Service {
            assignments,
            settings,
        }
    }
}

/// What a watch says at its end, so that its reader does not take an interruption for it.
fn session_ended(session: SessionId) -> Error {
    let message = format!("session {session} has ended: open another");
    Error::new(Code::FailedPrecondition, "session-ended", message)
}

#[tonic::async_trait]
impl<A: Assignments + ?Sized + 'static> assignments_server::Assignments for Service<A> {
    type WatchAssignedStream = Parts<proto::AssignedPart>;
    type WatchTopologyStream = Parts<proto::TopologyPart>;

    async fn open_session(
        &self,
        request: Request<proto::OpenSessionRequest>,
    ) -> Answer<proto::Session> {
        let (call, opening) = open(request);
        call.answer(async {
            let opening = asked(OpenSession::try_from(opening))?;
            let session = self.assignments.open_session(opening).await?;
            Ok(session.into())
        })
        .await
    }

    async fn renew(&self, request: Request<proto::RenewRequest>) -> Answer<proto::Renewed> {
        let (call, renewal) = open(request);
        call.answer(async {
            let renewal = asked(Renewal::try_from(renewal))?;
            self.assignments.renew(renewal).await?;
            Ok(proto::Renewed {})
        })
        .await
    }

    async fn watch_assigned(
        &self,
        request: Request<proto::WatchAssignedRequest>,
    ) -> Answer<Self::WatchAssignedStream> {
        let end = end(&request, &self.settings);
        let page_bytes = self.settings.bounds.page_bytes;
        let (call, wanted) = open(request);
        call.answer(async {
            let session = SessionId(wanted.session);
            let assigned = self.assignments.watch_assigned(session).await?;
            let assigned = states(assigned, move |assigned| {
                assigned_parts(assigned, page_bytes)
            });
            let ended = stream::once(async move { Err(tell(&session_ended(session))) });
            Ok(assigned.chain(ended).take_until(end).boxed())
        })
        .await
    }

    async fn report(&self, request: Request<proto::ReportRequest>) -> Answer<proto::Reported> {
        let (call, said) = open(request);
        call.answer(async {
            let (session, report) = asked(report(said))?;
            self.assignments.report(session, report).await?;
            Ok(proto::Reported {})
        })
        .await
    }

    async fn close_session(
        &self,
        request: Request<proto::CloseSessionRequest>,
    ) -> Answer<proto::SessionClosed> {
        let (call, closing) = open(request);
        call.answer(async {
            let session = SessionId(closing.session);
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
