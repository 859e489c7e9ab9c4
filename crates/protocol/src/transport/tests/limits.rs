//! What strangers, and too many friends, cannot take.

use super::echo::who;
use super::*;
use crate::transport::certificates::service;
use rustls::pki_types::ServerName;
use sluice_identity::enrolment_client_settings;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn silent_connections_are_closed_and_keep_nobody_out() {
    let hub = Arc::new(Hub::day("hub"));
    let limits = Limits {
        handshakes: 2,
        handshake_time: Duration::from_secs(1),
        ..Limits::default()
    };
    let node = hub.role(Role::StorageNode, "s");
    let running = Running::node(&hub, &node, limits).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(&running.address).await.unwrap());
    }
    let channel = running.channel(&hub.role(Role::Worker, "w"));
    assert!(timeout(LONG, who(&channel)).await.unwrap().is_ok());
    for mut stream in silent {
        let mut byte = [0];
        let read = timeout(LONG, stream.read(&mut byte)).await.unwrap();
        assert_eq!(read.unwrap_or(0), 0);
    }
    running.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_there_is_room() {
    let hub = Arc::new(Hub::day("hub"));
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let node = hub.role(Role::StorageNode, "s");
    let running = Running::node(&hub, &node, limits).await;
    let first = running.channel(&hub.role(Role::Worker, "w-1"));
    assert!(who(&first).await.is_ok());
    let second = running.channel(&hub.role(Role::Worker, "w-2"));
    assert!(who(&second).await.is_err());
    drop(first);
    let room = async {
        while who(&second).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, room).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn connection_for_first_certificates_is_short() {
    let hub = Arc::new(Hub::day("hub"));
    let limits = Limits {
        enrolment: Duration::from_millis(50),
        ..Limits::default()
    };
    let port = Port::enrolment(&hub.role(Role::StorageNode, "s"), limits).unwrap();
    let running = Running::start(port, Routes::new(service(hub.clone()))).await;
    let clock = Arc::new(DefaultTimeProvider);
    let settings = enrolment_client_settings("hub", &hub.trust(), clock).unwrap();
    let stream = TcpStream::connect(&running.address).await.unwrap();
    let name = ServerName::try_from("s").unwrap();
    let mut stream = TlsConnector::from(settings)
        .connect(name, stream)
        .await
        .unwrap();
    let mut bytes = Vec::new();
    // However it is closed, it is.
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.unwrap();
    running.stop().await;
}
