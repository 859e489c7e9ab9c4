//! What is signed, for whom, and what is not.

use super::super::reading::identity_of;
use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use x509_parser::parse_x509_certificate;

/// A request with whatever somebody writes into it.
fn request(change: impl Fn(&mut CertificateParams), key: &KeyPair) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    change(&mut parameters);
    parameters.serialize_request(key).unwrap().der().to_vec()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.to_owned().try_into().unwrap())
}

#[test]
fn peer_gets_its_own_name_for_a_day() {
    let hub = Hub::new("hub", &Clock::new());
    let asker = hub.identity(Role::Worker, "w");
    let now = hub.clock.now();
    // Also where the request asks for no name at all, and for other things that are not the asker's to decide.
    let unnamed = request(
        |parameters| {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        },
        &KeyPair::generate().unwrap(),
    );
    let named = SigningRequest::new(&asker).unwrap();
    for request in [unnamed.as_slice(), named.der()] {
        let signed = hub.issuer.renew(&asker, request, now).unwrap();
        assert_eq!(signed.trust, hub.trust());
        assert_eq!(identity_of(&signed.chain[0]).unwrap(), asker);
        let (_, parsed) = parse_x509_certificate(&signed.chain[0]).unwrap();
        assert!(!parsed.is_ca());
        let usage = parsed.key_usage().unwrap().unwrap().value;
        assert!(usage.digital_signature() && !usage.key_cert_sign());
        let validity = parsed.validity();
        assert_eq!(
            validity.not_before.timestamp(),
            now.as_second() - 5 * 60,
            "backdated"
        );
        assert_eq!(
            validity.not_after.timestamp(),
            now.as_second() + 24 * 3600,
            "a day"
        );
    }
}

#[test]
fn request_in_a_foreign_name_is_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let asker = hub.identity(Role::Worker, "w");
    let key = KeyPair::generate().unwrap();
    let dns = SanType::DnsName("w.example".to_owned().try_into().unwrap());
    for names in [
        vec![uri("spiffe://hub/worker/w-2")],
        vec![uri("spiffe://hub/operator/w")],
        vec![uri("spiffe://other/worker/w")],
        vec![uri("spiffe://hub/worker/w"), uri("spiffe://hub/operator/o")],
        vec![uri("spiffe://hub/worker/w"), dns],
    ] {
        let request = request(
            |parameters| parameters.subject_alt_names = names.clone(),
            &key,
        );
        let refused = hub.issuer.renew(&asker, &request, hub.clock.now());
        assert_refused(refused, &["who asks may have only spiffe://hub/worker/w"]);
    }
}

#[test]
fn request_that_is_damaged_or_signed_by_another_key_is_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let asker = hub.identity(Role::Worker, "w");
    let now = hub.clock.now();
    let good = SigningRequest::new(&asker).unwrap().der().to_vec();
    // Another key under the same signature: both keys have the same length and place.
    let other = SigningRequest::new(&asker).unwrap().der().to_vec();
    let point = |der: &[u8]| {
        let key = [0x03, 0x42, 0x00, 0x04];
        der.windows(4).position(|bytes| bytes == key).unwrap() + 4
    };
    let mut swapped = good.clone();
    let (to, from) = (point(&good), point(&other));
    swapped[to..to + 64].copy_from_slice(&other[from..from + 64]);
    assert_refused(
        hub.issuer.renew(&asker, &swapped, now),
        &["not signed with its own key"],
    );
    for odd in [&b""[..], b"nonsense", &good[..good.len() - 1]] {
        assert_refused(hub.issuer.renew(&asker, odd, now), &["cannot be used"]);
    }
    let longer = [&good[..], b"x"].concat();
    assert_refused(hub.issuer.renew(&asker, &longer, now), &["bytes behind it"]);
    let large = vec![0x30; 20_000];
    assert_refused(hub.issuer.renew(&asker, &large, now), &["too large"]);
}

#[test]
fn no_changed_bit_of_a_request_gets_another_key_signed() {
    let hub = Hub::new("hub", &Clock::new());
    let asker = hub.identity(Role::Worker, "w");
    let good = SigningRequest::new(&asker).unwrap().der().to_vec();
    let key_for = |request: &[u8]| {
        let signed = hub.issuer.renew(&asker, request, hub.clock.now()).ok()?;
        let (_, parsed) = parse_x509_certificate(&signed.chain[0]).unwrap();
        Some(parsed.public_key().raw.to_vec())
    };
    let key = key_for(&good);
    assert!(key.is_some());
    let mut signed = Vec::new();
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1 << (at % 8);
        if let Some(other) = key_for(&damaged) {
            assert_eq!(Some(other), key, "byte {at}");
            signed.push(at);
        }
    }
    // The label of the signature is not itself signed, and one bit of it is not looked at.
    assert!(signed.len() <= 2, "{signed:?}");
}

#[test]
fn request_with_a_key_of_another_kind_is_refused() {
    let hub = Hub::new("hub", &Clock::new());
    let asker = hub.identity(Role::Worker, "w");
    for kind in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let key = KeyPair::generate_for(kind).unwrap();
        let refused = hub
            .issuer
            .renew(&asker, &request(|_| {}, &key), hub.clock.now());
        assert_refused(refused, &["not ECDSA P-256"]);
    }
}

#[test]
fn peer_of_another_hub_is_not_signed_for() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let asker = Identity::new("other", Role::Worker, "w").unwrap();
    let request = SigningRequest::new(&asker).unwrap();
    let refused = hub.issuer.renew(&asker, request.der(), clock.now());
    assert_refused(refused, &["spiffe://other/worker/w", "\"hub\""]);
}

#[test]
fn bootstrap_secret_is_good_for_its_role_and_ids_only() {
    let hub = Hub::new("hub", &Clock::new());
    let (pool, pool_secret) = Bootstrap::generate(Role::Worker, "pool-a-*").unwrap();
    let (one, one_secret) = Bootstrap::generate(Role::Aggregator, "a-0").unwrap();
    let known = [pool, one];
    let enrol = |role, id: &str, secret: &str| {
        let asked = hub.identity(role, id);
        let request = SigningRequest::new(&asked).unwrap();
        let signed = hub
            .issuer
            .enrol(&known, &asked, secret, request.der(), hub.clock.now())?;
        assert_eq!(identity_of(&signed.chain[0]).unwrap(), asked);
        Ok::<(), crate::SigningRefused>(())
    };
    enrol(Role::Worker, "pool-a-7", &pool_secret).unwrap();
    enrol(Role::Aggregator, "a-0", &one_secret).unwrap();
    for secret in [
        "",
        "wrong",
        &pool_secret[1..],
        &format!("{}0", *pool_secret),
    ] {
        assert_refused(
            enrol(Role::Worker, "pool-a-7", secret),
            &["secret is not known"],
        );
    }
    for (role, id, secret) in [
        (Role::Worker, "pool-b-7", &pool_secret),
        (Role::Worker, "a-0", &one_secret),
        (Role::StorageNode, "pool-a-7", &pool_secret),
        (Role::Operator, "pool-a-7", &pool_secret),
        (Role::Aggregator, "a-01", &one_secret),
    ] {
        assert_refused(
            enrol(role, id, secret),
            &["this bootstrap secret is for the role", id],
        );
    }
}

#[test]
fn bootstrap_secret_is_kept_as_a_hash_and_must_be_long() {
    let (bootstrap, secret) = Bootstrap::generate(Role::Worker, "*").unwrap();
    let kept = serde_json::to_string(&bootstrap).unwrap();
    assert!(!kept.contains(&*secret) && !format!("{bootstrap:?}").contains(&*secret));
    assert_eq!(secret.len(), 64);
    assert_refused(
        Bootstrap::of(Role::Worker, "w", &"x".repeat(31)),
        &["fewer than 32 characters"],
    );
    assert_refused(
        Bootstrap::of(Role::Worker, "a/*", &"x".repeat(32)),
        &["the id \"a/\""],
    );
}

#[test]
fn nothing_is_valid_beyond_its_issuer() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let asker = hub.identity(Role::Worker, "w");
    let request = SigningRequest::new(&asker).unwrap();
    clock.advance(hours(30 * 24 - 1));
    let signed = hub
        .issuer
        .renew(&asker, request.der(), clock.now())
        .unwrap();
    let credential = request.with_chain(signed.chain).unwrap();
    assert_eq!(credential.end(), hub.issuer.end());
    clock.advance(hours(1));
    let request = SigningRequest::new(&asker).unwrap();
    let refused = hub.issuer.renew(&asker, request.der(), clock.now());
    assert_refused(refused, &["the issuer's certificate is not valid now"]);
}
