//! Files: what is kept over a restart, and for whose eyes.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn certificate_is_kept_with_its_key_for_its_owner_only() {
    let hub = Hub::new("hub", &Clock::new());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tls/roles");
    assert!(Credential::load(&folder).unwrap().is_none());
    let credential = hub.credential(Role::Worker, "w");
    credential.save(&folder, &hub.trust()).unwrap();
    for name in ["role.pem", "trust.pem"] {
        let mode = fs::metadata(folder.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let (loaded, trust) = Credential::load(&folder).unwrap().unwrap();
    assert_eq!(loaded.certified.cert, credential.certified.cert);
    assert_eq!(trust, hub.trust());
    let again = RoleCertificate::new(loaded, trust, Arc::new(hub.clock.clone())).unwrap();
    assert!(meet(&again, &hub.role(Role::StorageNode, "s")).is_ok());
    fs::write(folder.join("role.pem"), "damaged").unwrap();
    assert_refused(Credential::load(&folder), &["role.pem does not hold"]);
}

#[test]
fn root_is_made_once_for_its_owner_only() {
    let clock = Clock::new();
    let folder = tempfile::tempdir().unwrap();
    let open = || RootAuthority::open_or_create(folder.path(), "hub", clock.now());
    let first = open().unwrap();
    assert_eq!(first.certificate_pem(), open().unwrap().certificate_pem());
    let path = folder.path().join("root.pem");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What the second made is good under the first.
    let files = open().unwrap().intermediate(clock.now()).unwrap();
    let issuer = CertificateIssuer::new("hub", &files, None, CertificateIssuer::LIFETIME).unwrap();
    assert_eq!(*issuer.trust(), first.bundle().unwrap());
    clock.advance(hours(11 * 365 * 24));
    assert_refused(open().map(|_| ()), &["root.pem", "it ended on"]);
}

#[test]
fn intermediate_authority_is_kept_for_its_owner_only() {
    let hub = Hub::new("hub", &Clock::new());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("ca");
    assert_refused(
        IntermediateFiles::load(&folder).map(|_| ()),
        &["tls.crt", "not there"],
    );
    hub.files.save(&folder).unwrap();
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        let mode = fs::metadata(folder.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let files = IntermediateFiles::load(&folder).unwrap();
    let life = CertificateIssuer::LIFETIME;
    let again = CertificateIssuer::new("hub", &files, None, life).unwrap();
    assert_eq!(again.end(), hub.issuer.end());
    assert_eq!(*again.trust(), hub.trust());
}

#[test]
fn issuer_wants_an_authority_with_its_own_key() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let other = hub.root.intermediate(clock.now()).unwrap();
    let issuer = |certificate: &str, key: &str| {
        let files = IntermediateFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned().into(),
            trust: hub.root.certificate_pem(),
        };
        CertificateIssuer::new("hub", &files, None, CertificateIssuer::LIFETIME).map(|_| ())
    };
    issuer(&other.certificate, &other.key).unwrap();
    assert_refused(
        issuer(&other.certificate, &hub.files.key),
        &["not the key of the certificate"],
    );
    assert_refused(issuer("", &other.key), &["it is empty"]);
    let role = hub.credential(Role::Worker, "w");
    let leaf = super::super::pem("CERTIFICATE", &role.certified.cert[0]);
    assert_refused(issuer(&leaf, &role.key), &["no authority"]);
}

#[test]
fn bundle_holds_authorities_each_once() {
    let clock = Clock::new();
    let (one, two) = (Hub::new("hub", &clock), Hub::new("hub", &clock));
    let both = one.trust().with(&two.trust()).unwrap();
    assert_eq!(both.certificates().len(), 2);
    assert_eq!(both.with(&one.trust()).unwrap(), both);
    assert_eq!(
        TrustBundle::from_pem(both.to_pem().as_bytes()).unwrap(),
        both
    );
    let leaf = one.credential(Role::Worker, "w").certified.cert[0].clone();
    assert_refused(TrustBundle::new([leaf]), &["no authority"]);
    assert_refused(TrustBundle::from_pem(b""), &["empty"]);
    let many = (0..17).map(|_| {
        let root = RootAuthority::create("hub", clock.now()).unwrap();
        root.bundle().unwrap().certificates()[0].clone()
    });
    assert_refused(TrustBundle::new(many), &["more than 16"]);
}
