//! Real handshakes in memory between the hub's settings and a client that trusts its authority.

use crate::ServerCertificate;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn now() -> Timestamp {
    Timestamp::now()
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

fn own(data: &Path, now: Timestamp) -> ServerCertificate {
    ServerCertificate::own(data, ["example-host".to_owned()], now).unwrap()
}

/// A handshake as the client sees it: the certificate it got and the protocol agreed on.
fn handshake(
    server: &ServerCertificate,
    authority: &Path,
    name: &str,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    settings.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(settings), name).unwrap();
    let mut server = ServerConnection::new(server.tls_settings().unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        let mut from_client: &[u8] = &bytes;
        while !from_client.is_empty() {
            server.read_tls(&mut from_client).unwrap();
        }
        server
            .process_new_packets()
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        let mut from_server: &[u8] = &bytes;
        while !from_server.is_empty() {
            client.read_tls(&mut from_server).unwrap();
        }
        client
            .process_new_packets()
            .map_err(|error| error.to_string())?;
    }
    assert_eq!(
        client.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    let certificate = client.peer_certificates().unwrap()[0].to_vec();
    Ok((certificate, client.alpn_protocol().unwrap().to_vec()))
}

#[test]
fn a_client_that_trusts_the_authority_is_served_under_every_name_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let server = own(folder.path(), now());
    let authority = server.authority().unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "example-host"] {
        assert_eq!(
            handshake(&server, &authority, name).unwrap().1,
            b"h2",
            "{name}"
        );
    }
    assert!(handshake(&server, &authority, "elsewhere").is_err());
}

#[test]
fn a_client_that_trusts_another_hub_is_not_served() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = own(one.path(), now());
    let authority = own(other.path(), now()).authority().unwrap();
    assert!(handshake(&server, &authority, "localhost").is_err());
}

#[test]
fn a_restart_keeps_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = own(folder.path(), now());
    let authority = first.authority().unwrap();
    let again = own(folder.path(), now());
    assert_eq!(
        handshake(&first, &authority, "localhost"),
        handshake(&again, &authority, "localhost")
    );
}

#[test]
fn the_certificate_is_renewed_before_it_ends_and_new_handshakes_see_it() {
    let folder = tempfile::tempdir().unwrap();
    // Issued long ago: still valid today, with less than thirty days left.
    let server = own(folder.path(), now() - days(70));
    let authority = server.authority().unwrap();
    let before = handshake(&server, &authority, "localhost").unwrap().0;
    assert!(!server.renew(now() - days(69)).unwrap());
    assert!(server.renew(now()).unwrap());
    let after = handshake(&server, &authority, "localhost").unwrap().0;
    assert_ne!(before, after);
    assert!(server.end() > now() + days(80));
    assert!(!server.renew(now()).unwrap());
}

#[test]
fn another_host_name_or_a_damaged_file_gets_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    own(folder.path(), now());
    let renamed = ServerCertificate::own(
        folder.path(),
        ["new-name".to_owned(), "not a name".to_owned()],
        now(),
    )
    .unwrap();
    let authority = renamed.authority().unwrap();
    assert!(handshake(&renamed, &authority, "new-name").is_ok());
    std::fs::write(folder.path().join("tls/server.pem"), "damaged").unwrap();
    assert!(handshake(&own(folder.path(), now()), &authority, "example-host").is_ok());
}

#[test]
fn keys_are_private_and_the_authority_is_readable() {
    let folder = tempfile::tempdir().unwrap();
    own(folder.path(), now());
    for (name, mode) in [
        ("ca.pem", 0o644),
        ("ca-key.pem", 0o600),
        ("server.pem", 0o600),
    ] {
        let metadata = std::fs::metadata(folder.path().join("tls").join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn given_files_are_used_and_followed() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    own(folder.path(), now() - days(70));
    let authority = folder.path().join("tls/ca.pem");
    let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let copy = || {
        std::fs::copy(folder.path().join("tls/server.pem"), &certificate).unwrap();
        std::fs::copy(folder.path().join("tls/server.pem"), &key).unwrap();
    };
    copy();
    let given = ServerCertificate::given(&certificate, &key, now()).unwrap();
    assert!(given.authority().is_none());
    let before = handshake(&given, &authority, "localhost").unwrap().0;
    assert!(!given.renew(now()).unwrap());
    own(folder.path(), now());
    copy();
    assert!(given.renew(now()).unwrap());
    assert_ne!(
        before,
        handshake(&given, &authority, "localhost").unwrap().0
    );
    std::fs::write(&key, "damaged").unwrap();
    assert!(given.renew(now()).is_err());
    assert!(handshake(&given, &authority, "localhost").is_ok());
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    own(one.path(), now());
    own(other.path(), now());
    let error = ServerCertificate::given(
        &one.path().join("tls/server.pem"),
        &other.path().join("tls/server.pem"),
        now(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("the key of the certificate")
    );
}
