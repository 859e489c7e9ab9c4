//! A channel whose answers are looked at before the gRPC library reads them: it panics on details of a status that are no base64.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

const DETAILS: &str = "grpc-status-details-bin";

/// Accepts what the gRPC library accepts: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// See the head of the file.
#[derive(Clone, Debug)]
pub(super) struct Guarded(pub(super) Channel);

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
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
