//! A hub's keys and certificates: what is made once and never replaced, what is renewed, what follows from them.

use super::dereference::{Found, Texts};
use super::validate::ValidatedHub;
use crate::objects::{HUB, Kind, Namespace, Wanted};
use crate::{Error, Result, names};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sluice_identity::{
    ApiAuthority, Bootstrap, CertificateIssuer, IntermediateFiles, Role, RootAuthority,
    TokenAuthority,
};
use zeroize::Zeroizing;

/// An intermediate authority is replaced when it has less than this left of its 30 days.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(10 * 24);
/// Roles that get a first certificate by a secret.
const ROLES: [(Role, &str); 2] = [(Role::Worker, "worker"), (Role::Aggregator, "aggregator")];

/// What follows from the keys and is no secret, or not kept by itself.
pub(super) struct Made {
    /// The root's certificate, PEM.
    pub trust: String,
    /// A line for each bootstrap secret.
    pub bootstraps: String,
    /// Names the storage node's authority: pods need not restart for another one.
    pub api_certificate: String,
}

/// Makes what is missing, renews what is near its end.
pub(super) async fn run(hub: &ValidatedHub, found: &Found, namespace: &Namespace) -> Result<Made> {
    let now = Timestamp::now();
    let keys = Keys {
        hub,
        found,
        namespace,
    };
    let root = keys.once(names::root(&hub.name), true, || {
        let root = RootAuthority::create(&hub.name, now)?;
        Ok(json!({"tls.crt": root.certificate_pem(), "tls.key": *root.key_pem()}))
    });
    let root = root.await?;
    keys.once(names::keys(&hub.name), true, || {
        Ok(json!({"hash.key": *random_key(), "secrets.key": *random_key()}))
    })
    .await?;
    keys.once(names::token_key(&hub.name), true, || {
        Ok(json!({"token-signing.pem": *TokenAuthority::new_key()?}))
    })
    .await?;
    let mut bootstraps = String::new();
    for (role, word) in ROLES {
        let name = names::bootstrap(&hub.name, word);
        let secret = keys.once(name, false, || {
            Ok(json!({"secret": *Bootstrap::generate(role, "*")?.1}))
        });
        let known =
            Bootstrap::of(role, "*", text(&secret.await?, "secret")).map_err(Error::Keys)?;
        bootstraps.push_str(&json!(known).to_string());
        bootstraps.push('\n');
    }
    keys.authority(&root, now).await?;
    let api_certificate = match &hub.spec.aggregator.tls_secret_name {
        Some(given) => given.clone(),
        None => keys.api(now).await?,
    };
    Ok(Made {
        trust: text(&root, "tls.crt").to_owned(),
        bootstraps,
        api_certificate,
    })
}

struct Keys<'a> {
    hub: &'a ValidatedHub,
    found: &'a Found,
    namespace: &'a Namespace,
}

impl Keys<'_> {
    /// The Secret of this name; made if it is not there. Of two operators that make it at once one is first, and both take its.
    async fn once(
        &self,
        name: String,
        stays: bool,
        make: impl FnOnce() -> Result<Value, sluice_identity::Error>,
    ) -> Result<Texts> {
        if let Some(texts) = self.found.secrets.get(&name) {
            return Ok(texts.clone());
        }
        let wanted = self.secret(&name, stays, make().map_err(Error::Keys)?);
        self.namespace.create(&wanted).await?;
        let read = self.namespace.secret(&name).await?;
        read.ok_or_else(|| Error::Gone {
            kind: "Secret",
            name,
        })
    }

    /// What stays has no owner: it outlives the hub unless it says otherwise.
    fn secret(&self, name: &str, stays: bool, data: Value) -> Wanted {
        let mut labels = names::labels(&self.hub.name, "keys");
        labels[HUB] = self.hub.name.clone().into();
        let mut body =
            json!({"metadata": {"labels": labels}, "type": "Opaque", "stringData": data});
        if !stays {
            body["metadata"]["ownerReferences"] = self.hub.owner.clone();
        }
        Wanted::new(Kind::Secret, name, body)
    }

    /// The storage node's authority of 30 days.
    async fn authority(&self, root: &Texts, now: Timestamp) -> Result<()> {
        let name = names::authority(&self.hub.name);
        let present = self.found.secrets.get(&name);
        if present.is_some_and(|texts| !is_due(&self.hub.name, texts, root, now)) {
            return Ok(());
        }
        let root = RootAuthority::from_pem(
            &self.hub.name,
            text(root, "tls.crt"),
            text(root, "tls.key"),
            now,
        );
        let files = root
            .and_then(|root| root.intermediate(now))
            .map_err(Error::Keys)?;
        let data =
            json!({"tls.crt": files.certificate, "tls.key": *files.key, "ca.crt": files.trust});
        self.namespace
            .apply(&self.secret(&name, false, data))
            .await?;
        Ok(())
    }

    /// The API's certificate of 90 days, of an authority that is made once.
    async fn api(&self, now: Timestamp) -> Result<String> {
        let authority = self.once(names::api_root(&self.hub.name), true, || {
            let (certificate, key) = ApiAuthority::create(now)?;
            Ok(json!({"tls.crt": certificate, "tls.key": *key}))
        });
        let authority = authority.await?;
        let name = names::api_certificate(&self.hub.name);
        let present = self.found.secrets.get(&name);
        let serves = |texts: &Texts| {
            text(texts, "ca.crt") == text(&authority, "tls.crt")
                && ApiAuthority::serves(text(texts, "tls.crt"), &self.hub.api_names, now)
        };
        if present.is_some_and(serves) {
            return Ok(name);
        }
        let signs =
            ApiAuthority::from_pem(text(&authority, "tls.crt"), text(&authority, "tls.key"));
        let issued = signs
            .and_then(|signs| signs.issue(&self.hub.api_names, now))
            .map_err(Error::Keys)?;
        let data = json!({"tls.crt": issued.certificate, "tls.key": *issued.key, "ca.crt": text(&authority, "tls.crt")});
        self.namespace
            .apply(&self.secret(&name, false, data))
            .await?;
        Ok(name)
    }
}

fn text<'a>(texts: &'a Texts, key: &str) -> &'a str {
    texts.get(key).map_or("", String::as_str)
}

/// Whether the authority is to be replaced: near its end, of another root, or damaged.
fn is_due(hub: &str, texts: &Texts, root: &Texts, now: Timestamp) -> bool {
    let issuer = open(hub, texts);
    let end = issuer.map(|issuer| issuer.end());
    text(texts, "ca.crt") != text(root, "tls.crt")
        || end.map_or(true, |end| end.duration_since(now) < RENEW_BEFORE)
}

/// The authority in the Secret of a hub, as one that signs.
pub(crate) fn open(hub: &str, texts: &Texts) -> Result<CertificateIssuer, sluice_identity::Error> {
    let files = IntermediateFiles {
        certificate: text(texts, "tls.crt").to_owned(),
        key: Zeroizing::new(text(texts, "tls.key").to_owned()),
        trust: text(texts, "ca.crt").to_owned(),
    };
    CertificateIssuer::new(hub, &files, None, CertificateIssuer::LIFETIME)
}

/// 32 random bytes in base64.
fn random_key() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    // The system's generator does not fail once the process has started.
    aws_lc_rs::rand::fill(bytes.as_mut()).expect("the system gives random bytes");
    Zeroizing::new(STANDARD.encode(bytes.as_ref()))
}
