//! A gRPC service that says who asked, and counts.

use crate::transport::{Peer, PeerChannel, in_full};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::uri::PathAndQuery;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// Between two numbers of a stream.
const PACE: Duration = Duration::from_millis(2);

#[derive(Clone, Default)]
pub(super) struct Echo {
    /// Whether its streams go on when their connection has to end.
    pub(super) stubborn: bool,
}

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let stubborn = self.stubborn;
        Box::pin(async move {
            if request.uri().path() == "/test.Echo/Say" {
                let mut grpc = Grpc::new(ProstCodec::default());
                return Ok(grpc.unary(service_fn(answer), request).await);
            }
            let mut grpc = Grpc::new(ProstCodec::default());
            let count = service_fn(move |request| count(request, stubborn));
            Ok(grpc.server_streaming(count, request).await)
        })
    }
}

/// The peer, its address and what it said.
async fn answer(request: Request<String>) -> Result<Response<String>, Status> {
    let peer = Peer::of(&request)?;
    let (identity, address) = (peer.identity(), peer.address());
    let said = request.get_ref();
    Ok(Response::new(format!("{identity} {address} {said}")))
}

/// Numbers from the given one on, until the connection has to end.
async fn count(
    request: Request<u64>,
    stubborn: bool,
) -> Result<Response<BoxStream<'static, Result<u64, Status>>>, Status> {
    let peer = Peer::of(&request)?;
    let first = *request.get_ref();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let numbers = stream::unfold((pace, first), |(mut pace, next)| async move {
        pace.tick().await;
        Some((Ok(next), (pace, next + 1)))
    });
    let leaving = async move {
        match stubborn {
            true => std::future::pending().await,
            false => peer.leaving().await,
        }
    };
    Ok(Response::new(numbers.take_until(leaving).boxed()))
}

async fn ready<T>(channel: T) -> Result<tonic::client::Grpc<T>, Status>
where
    T: GrpcService<Body>,
    T::Error: Into<tonic::codegen::StdError>,
{
    let mut client = tonic::client::Grpc::new(channel);
    let ready = client.ready().await;
    ready.map_err(|error| Status::unknown(error.into().to_string()))?;
    Ok(client)
}

/// What the server heard, with who said it.
pub(super) async fn say(channel: &PeerChannel, text: &str) -> Result<String, Status> {
    let path = PathAndQuery::from_static("/test.Echo/Say");
    let mut client = ready(channel.clone()).await?;
    let request = Request::new(text.to_owned());
    let answer = client
        .unary(request, path, ProstCodec::<String, String>::default())
        .await?;
    Ok(answer.into_inner())
}

/// The peer that the server saw.
pub(super) async fn who(channel: &PeerChannel) -> Result<String, Status> {
    let said = say(channel, "hello").await?;
    Ok(said.split(' ').next().unwrap_or_default().to_owned())
}

/// A stream of numbers from `first` on.
pub(super) async fn numbers(channel: &PeerChannel, first: u64) -> Result<Streaming<u64>, Status> {
    let path = PathAndQuery::from_static("/test.Echo/Count");
    let mut client = ready(channel.clone()).await?;
    let answer = client
        .server_streaming(Request::new(first), path, ProstCodec::<u64, u64>::default())
        .await?;
    Ok(answer.into_inner())
}

#[track_caller]
pub(super) fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Status>, part: &str) {
    let status = outcome.unwrap_err();
    let problem = format!("{:?} {}", status.code(), in_full(&status));
    assert!(problem.contains(part), "{part:?} is not in {problem:?}");
}
