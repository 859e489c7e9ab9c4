//! The health of a role, as a probe sees it.

use super::line::{Line, bounds, soon};
use crate::server::{self, Health, ServerSettings};
use tokio::sync::oneshot;
use tonic::Code;
use tonic::service::RoutesBuilder;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

fn line() -> (Line, Health) {
    let (told, mut health) = oneshot::channel();
    let line = Line::to(|routes: &mut RoutesBuilder, settings: ServerSettings| {
        assert_eq!(settings.bounds, bounds());
        told.send(server::add_health(routes, settings)).unwrap();
    });
    (line, health.try_recv().unwrap())
}

fn asked(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn check(client: &mut HealthClient<Channel>) -> ServingStatus {
    let answer = soon(client.check(asked(""))).await.unwrap();
    answer.into_inner().status()
}

#[tokio::test]
async fn a_probe_hears_what_the_role_says() {
    let (line, health) = line();
    let mut client = HealthClient::new(line.channel.clone());
    assert_eq!(check(&mut client).await, ServingStatus::NotServing);
    let mut watch = soon(client.watch(asked(""))).await.unwrap().into_inner();
    let mut next = async || soon(watch.message()).await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::NotServing);
    for (is_serving, expected) in [
        (true, ServingStatus::Serving),
        (false, ServingStatus::NotServing),
        (true, ServingStatus::Serving),
    ] {
        // Said twice, it is told once.
        health.set_serving(is_serving);
        health.set_serving(is_serving);
        assert_eq!(check(&mut client).await, expected);
        assert_eq!(next().await, expected);
    }
}

#[tokio::test]
async fn a_server_that_ends_serves_no_more_and_does_not_wait_for_watchers() {
    let (mut line, health) = line();
    health.set_serving(true);
    let mut client = HealthClient::new(line.channel.clone());
    let mut watch = soon(client.watch(asked(""))).await.unwrap().into_inner();
    let first = soon(watch.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let other = soon(client.watch(asked("other"))).await.unwrap();
    soon(line.drain()).await;
    let last = soon(watch.message()).await.unwrap().unwrap();
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert!(soon(watch.message()).await.unwrap().is_none());
    drop(other);
}

#[tokio::test]
async fn a_service_by_name_is_not_known() {
    let (line, _health) = line();
    let mut client = HealthClient::new(line.channel.clone());
    let refused = soon(client.check(asked("sluice.v1.Worker"))).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    let watch = soon(client.watch(asked("sluice.v1.Worker"))).await;
    let mut watch = watch.unwrap().into_inner();
    let first = soon(watch.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
}
