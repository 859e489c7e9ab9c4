//! What the operator asks of a storage node, as a service.

use super::call::{Answer, asked, open};
use super::caller::Caller;
use crate::wire::proto::{self, placement_control_server};
use crate::wire::{isolation, name, standing};
use crate::{PermitRequest, PlacementControl, WorkerId};
use std::sync::Arc;
use tonic::Request;

pub(super) struct Service<C: ?Sized> {
    pub(super) control: Arc<C>,
}

#[tonic::async_trait]
impl<C: PlacementControl + ?Sized + 'static> placement_control_server::PlacementControl
    for Service<C>
{
    async fn set_standing(
        &self,
        request: Request<proto::SetStandingRequest>,
    ) -> Answer<proto::PlacementChanged> {
        let caller = Caller::of(&request);
        let (call, set) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let worker = WorkerId(asked(name(set.worker, "worker"))?);
            let standing = asked(standing(set.standing))?;
            self.control.set_standing(&worker, standing).await?;
            Ok(proto::PlacementChanged {})
        })
        .await
    }

    async fn set_isolation(
        &self,
        request: Request<proto::SetIsolationRequest>,
    ) -> Answer<proto::PlacementChanged> {
        let caller = Caller::of(&request);
        let (call, set) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let pipe = asked(name(set.pipe, "pipe"))?;
            let isolation = asked(isolation(set.isolation))?;
            self.control.set_isolation(&pipe, isolation).await?;
            Ok(proto::PlacementChanged {})
        })
        .await
    }

    async fn permit(&self, request: Request<proto::PermitRequest>) -> Answer<proto::Permit> {
        let caller = Caller::of(&request);
        let (call, wanted) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let wanted = asked(PermitRequest::try_from(wanted))?;
            Ok(self.control.permit(wanted).await?.into())
        })
        .await
    }

    async fn start_over_pipe(
        &self,
        request: Request<proto::StartOverPipeRequest>,
    ) -> Answer<proto::PlacementChanged> {
        let caller = Caller::of(&request);
        let (call, wanted) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            let pipe = asked(name(wanted.pipe, "pipe"))?;
            self.control.start_over(&pipe).await?;
            Ok(proto::PlacementChanged {})
        })
        .await
    }

    async fn filled(
        &self,
        request: Request<proto::FilledRequest>,
    ) -> Answer<proto::PlacementChanged> {
        let caller = Caller::of(&request);
        let (call, proto::FilledRequest {}) = open(request);
        call.answer(async {
            caller.must_be_operator()?;
            self.control.filled().await?;
            Ok(proto::PlacementChanged {})
        })
        .await
    }
}
