//! Certificates of the right authority that are not a role's: each use is checked, not only the chain.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

const URI: &str = "spiffe://hub/worker/w";

fn uri(text: &str) -> SanType {
    SanType::URI(text.to_owned().try_into().unwrap())
}

/// What a role's certificate has.
fn ordinary(hub: &Hub) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.subject_alt_names = vec![uri(URI)];
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let now = hub.clock.now();
    super::super::validity::set(&mut parameters, now, now + hours(1));
    parameters
}

/// A worker of the hub that shows this certificate instead of its own.
fn showing(hub: &Hub, chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> RoleCertificate {
    let worker = hub.role(Role::Worker, "w");
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = super::super::provider();
    let mut credential = worker.credential();
    credential.certified = Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap());
    worker.current.replace_for_test(credential);
    worker
}

/// What the server, and a client of the same certificate as a server, say to a changed certificate.
fn both(change: impl Fn(&mut CertificateParams)) -> [Result<Met, String>; 2] {
    let hub = Hub::new("hub", &Clock::new());
    let authority = KeyPair::from_pem(&hub.files.key).unwrap();
    let above = CertificateDer::from_pem_slice(hub.files.certificate.as_bytes()).unwrap();
    let issuer = Issuer::from_ca_cert_der(&above, authority).unwrap();
    let mut parameters = ordinary(&hub);
    change(&mut parameters);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    let odd = showing(&hub, vec![certificate.der().clone(), above], &key);
    let plain = hub.role(Role::Worker, "w-2");
    [
        meet(&odd, &hub.role(Role::StorageNode, "s")),
        meet(&plain, &odd),
    ]
}

#[test]
fn what_the_other_tests_change_is_accepted_unchanged() {
    for outcome in both(|_| {}) {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[test]
fn certificate_without_exactly_one_identity_is_refused() {
    let odd: [fn(&mut CertificateParams); 4] = [
        |parameters| parameters.subject_alt_names.clear(),
        |parameters| parameters.subject_alt_names = vec![uri("https://hub/worker/w")],
        |parameters| {
            parameters
                .subject_alt_names
                .push(uri("spiffe://hub/operator/o"))
        },
        |parameters| {
            let name = "w.example".to_owned().try_into().unwrap();
            parameters.subject_alt_names = vec![SanType::DnsName(name)];
        },
    ];
    for change in odd {
        for outcome in both(change) {
            assert_refused(outcome, &["does not carry one identity"]);
        }
    }
}

#[test]
fn certificate_made_for_something_else_is_refused() {
    for outcome in both(|parameters| parameters.key_usages = vec![KeyUsagePurpose::KeyAgreement]) {
        assert_refused(outcome, &["digital signature is missing"]);
    }
    for outcome in both(|parameters| parameters.key_usages.clear()) {
        assert_refused(outcome, &["digital signature is missing"]);
    }
    let none = both(|parameters| parameters.extended_key_usages.clear());
    assert_refused(none[0].as_ref(), &["client authentication is missing"]);
    assert_refused(none[1].as_ref(), &["server authentication is missing"]);
    let server_only = both(|parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_refused(server_only[0].as_ref(), &["server:"]);
    assert!(server_only[1].is_ok());
    let client_only = both(|parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert!(client_only[0].is_ok());
    assert_refused(client_only[1].as_ref(), &["client:"]);
}

#[test]
fn authority_is_no_role() {
    let outcomes = both(|parameters| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages.push(KeyUsagePurpose::KeyCertSign);
    });
    for outcome in outcomes {
        assert_refused(outcome, &["CaUsedAsEndEntity"]);
    }
}

#[test]
fn role_signs_nobody() {
    let hub = Hub::new("hub", &Clock::new());
    let worker = hub.credential(Role::Worker, "w");
    let chain = worker.certified.cert.clone();
    // A worker signs a certificate in another's name with its own key.
    let key = KeyPair::from_pem(&worker.key).unwrap();
    let mut named = CertificateParams::default();
    named.distinguished_name = DistinguishedName::new();
    named.distinguished_name.push(DnType::CommonName, "worker");
    let issuer = Issuer::new(named, key);
    let mut parameters = ordinary(&hub);
    parameters.subject_alt_names = vec![uri("spiffe://hub/aggregator/a")];
    let forged_key = KeyPair::generate().unwrap();
    let forged = parameters.signed_by(&forged_key, &issuer).unwrap();
    let mut forged_chain = vec![forged.der().clone()];
    forged_chain.extend(chain);
    let odd = showing(&hub, forged_chain, &forged_key);
    let node = hub.role(Role::StorageNode, "s");
    assert_refused(meet(&odd, &node), &["server:", "invalid peer certificate"]);
}
