//! The way to another role. What comes along it is looked at before the gRPC library reads it: that panics on details of a status
//! that are no base64.

use crate::transport::PeerChannel;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use futures::{FutureExt, TryFutureExt};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::transport::Channel;
use tower::Service;

const DETAILS: &str = "grpc-status-details-bin";

/// Accepts what the gRPC library accepts: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The way to another role: over mutual TLS ([`PeerChannel`]), or a plain channel of the gRPC library.
#[derive(Clone, Debug)]
pub struct Way(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Peer(PeerChannel),
    Plain(Channel),
}

impl Way {
    /// The same way over another connection, where there can be several.
    pub(super) fn another(&self) -> Way {
        match &self.0 {
            Kind::Peer(channel) => Way(Kind::Peer(channel.another())),
            Kind::Plain(channel) => Way(Kind::Plain(channel.clone())),
        }
    }
}

impl From<PeerChannel> for Way {
    fn from(channel: PeerChannel) -> Self {
        Way(Kind::Peer(channel))
    }
}

impl From<Channel> for Way {
    fn from(channel: Channel) -> Self {
        Way(Kind::Plain(channel))
    }
}

impl Service<Request<Body>> for Way {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, StdError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        match &mut self.0 {
            Kind::Peer(channel) => channel.poll_ready(context).map_err(Into::into),
            Kind::Plain(channel) => channel.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = match &mut self.0 {
            Kind::Peer(channel) => channel.call(request).map_err(StdError::from).boxed(),
            Kind::Plain(channel) => channel.call(request).map_err(StdError::from).boxed(),
        };
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            drop_nonsense(&mut head.headers);
            let body = body.map_frame(|mut frame| {
                if let Some(trailers) = frame.trailers_mut() {
                    drop_nonsense(trailers);
                }
                frame
            });
            Ok(Response::from_parts(head, Body::new(body)))
        })
    }
}

/// Without its details a status is still a status.
fn drop_nonsense(headers: &mut HeaderMap) {
    let nonsense = headers
        .get(DETAILS)
        .is_some_and(|details| BASE64.decode(details).is_err());
    if nonsense {
        headers.remove(DETAILS);
    }
}
