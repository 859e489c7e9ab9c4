//! Tokens from the command line's side and from the hub's side together.

use super::*;
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn hub() -> (tempfile::TempDir, TokenAuthority, TokenVerifier) {
    let folder = tempfile::tempdir().unwrap();
    let verifier = TokenVerifier::open(folder.path()).unwrap();
    let authority = TokenAuthority::new(folder.path());
    (folder, authority, verifier)
}

fn create(authority: &TokenAuthority) -> String {
    authority
        .create("ann", "1h".parse().unwrap(), at(NOW))
        .unwrap()
}

fn payload(token: &str) -> serde_json::Value {
    use base64::Engine;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(part)
            .unwrap(),
    )
    .unwrap()
}

#[test]
fn a_token_made_beside_a_running_hub_is_accepted_until_it_ends() {
    let (_folder, authority, verifier) = hub();
    let token = create(&authority);
    let claims = verifier.verify(&token, at(NOW)).unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.iss.as_str(), claims.exp),
        ("ann", "sluice", NOW + 3600)
    );
    assert!(verifier.verify(&token, at(NOW + 3599)).is_ok());
    assert!(matches!(
        verifier.verify(&token, at(NOW + 3600)),
        Err(TokenError::Expired)
    ));
    assert_eq!(verifier.remembered_count(), 0);
}

#[test]
fn a_token_holds_exactly_five_claims() {
    let (_folder, authority, _) = hub();
    let claims = payload(&create(&authority));
    let mut names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["exp", "iat", "iss", "jti", "sub"]);
}

#[test]
fn the_key_survives_a_restart() {
    let (folder, authority, _) = hub();
    let token = create(&authority);
    let again = TokenVerifier::open(folder.path()).unwrap();
    assert!(again.verify(&token, at(NOW)).is_ok());
}

#[test]
fn another_hubs_token_a_changed_token_and_another_algorithm_are_refused() {
    let (folder, authority, verifier) = hub();
    let (_other, foreign, _) = hub();
    let good = create(&authority);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let other_claims = create(&authority);
    let swapped = format!(
        "{header}.{}.{signature}",
        other_claims.split('.').nth(1).unwrap()
    );
    let claims: Claims = serde_json::from_value(payload(&good)).unwrap();
    let public = std::fs::read(folder.path().join("keys/token-signing.pem")).unwrap();
    let hmac = jsonwebtoken::EncodingKey::from_secret(&public);
    let confused = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &hmac).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let long = "a".repeat(100_000);
    for token in [
        create(&foreign),
        swapped,
        confused,
        unsigned,
        long,
        String::new(),
        "a.b.c".into(),
        message.into(),
    ] {
        assert!(
            matches!(verifier.verify(&token, at(NOW)), Err(TokenError::Invalid)),
            "{token:.40}"
        );
    }
    assert!(verifier.verify(&good, at(NOW)).is_ok());
}

#[test]
fn a_token_of_ours_with_another_issuer_is_refused() {
    let (folder, authority, verifier) = hub();
    let mut claims: Claims = serde_json::from_value(payload(&create(&authority))).unwrap();
    claims.iss = "somebody".into();
    let key = signing_key::open(folder.path()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    let token = jsonwebtoken::encode(&header, &claims, &key.private).unwrap();
    assert!(matches!(
        verifier.verify(&token, at(NOW)),
        Err(TokenError::Invalid)
    ));
}

#[test]
fn a_revoked_token_stops_working_within_a_second_and_stays_revoked() {
    let (folder, authority, verifier) = hub();
    let (token, kept) = (create(&authority), create(&authority));
    let jti = verifier.verify(&token, at(NOW)).unwrap().jti.clone();
    verifier.verify(&kept, at(NOW)).unwrap();
    for _ in 0..2 {
        assert_eq!(authority.revoke(&jti, at(NOW)).unwrap(), Revoked::OnRecord);
    }
    let started = Instant::now();
    while verifier.verify(&token, at(NOW)).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(1), "still accepted");
        std::thread::yield_now();
    }
    assert!(matches!(
        verifier.verify(&token, at(NOW)),
        Err(TokenError::Revoked)
    ));
    assert!(verifier.verify(&kept, at(NOW)).is_ok());
    let restarted = TokenVerifier::open(folder.path()).unwrap();
    assert!(matches!(
        restarted.verify(&token, at(NOW)),
        Err(TokenError::Revoked)
    ));
    let revoked: Vec<bool> = authority
        .list()
        .unwrap()
        .iter()
        .map(|token| token.revoked)
        .collect();
    assert_eq!(revoked, [true, false]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (_folder, authority, verifier) = hub();
    let key = signing_key::open(_folder.path()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    let mut claims: Claims = serde_json::from_value(payload(&create(&authority))).unwrap();
    for number in 0..9_000 {
        claims.jti = number.to_string();
        let token = jsonwebtoken::encode(&header, &claims, &key.private).unwrap();
        verifier.verify(&token, at(NOW)).unwrap();
    }
    assert!(verifier.remembered_count() <= 8192);
}

#[test]
fn no_token_is_made_where_no_hub_ever_was() {
    let folder = tempfile::tempdir().unwrap();
    let authority = TokenAuthority::new(folder.path());
    let error = authority
        .create("ann", Lifetime::DEFAULT, at(NOW))
        .unwrap_err();
    assert!(error.to_string().contains("token-signing.pem"), "{error}");
    assert!(!folder.path().join("keys").exists());
}

#[test]
fn a_token_made_elsewhere_with_the_hubs_key_can_be_revoked_too() {
    let (folder, _, verifier) = hub();
    let elsewhere = tempfile::tempdir().unwrap();
    let key = "keys/token-signing.pem";
    std::fs::create_dir(elsewhere.path().join("keys")).unwrap();
    std::fs::copy(folder.path().join(key), elsewhere.path().join(key)).unwrap();
    let token = create(&TokenAuthority::new(elsewhere.path()));
    let jti = verifier.verify(&token, at(NOW)).unwrap().jti.clone();
    let authority = TokenAuthority::new(folder.path());
    let revoked = authority.revoke(&jti, at(NOW)).unwrap();
    assert_eq!(revoked, Revoked::NotOnRecord);
    let again = TokenVerifier::open(folder.path()).unwrap();
    assert!(matches!(
        again.verify(&token, at(NOW)),
        Err(TokenError::Revoked)
    ));
}

#[test]
fn names_and_ids_that_make_no_sense_are_refused() {
    let (_folder, authority, _) = hub();
    for name in ["", "a\nb", &"x".repeat(201)] {
        assert!(authority.create(name, Lifetime::DEFAULT, at(NOW)).is_err());
    }
    assert!(authority.revoke("no-such-id", at(NOW)).is_err());
}

#[test]
fn the_record_of_issued_tokens_does_not_hold_the_token() {
    let (folder, authority, _) = hub();
    let token = create(&authority);
    let record =
        std::fs::read_to_string(Path::new(folder.path()).join("keys/issued-tokens")).unwrap();
    assert!(!record.contains(token.rsplit('.').next().unwrap()));
    assert!(record.contains("\"sub\":\"ann\""));
}
