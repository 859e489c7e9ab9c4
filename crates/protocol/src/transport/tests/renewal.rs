//! The renewal task with a source in memory and a clock that the test moves.

use super::*;
use crate::transport::certificates::{Renewal, RenewalSettings, Source, SourceError};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use sluice_identity::Credential;
use std::future::pending;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The runtime's clock, which stands still but for waits, as a clock on the wall.
#[derive(Clone, Debug)]
struct Clock {
    origin: Instant,
    start: i64,
}

impl Clock {
    fn new() -> Self {
        Clock {
            origin: Instant::now(),
            start: 1_800_000_000,
        }
    }

    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.origin.elapsed().as_secs()).unwrap();
        Timestamp::from_second(self.start + passed).unwrap()
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.now().as_second().unsigned_abs();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// What the task asks: it can fail, and its authority can change.
struct Signer {
    clock: Clock,
    identity: Identity,
    issuer: Mutex<Arc<CertificateIssuer>>,
    fails: AtomicBool,
    asked: AtomicUsize,
}

impl Signer {
    fn new() -> Arc<Self> {
        let clock = Clock::new();
        let root = RootAuthority::create("hub", clock.now()).unwrap();
        Arc::new(Signer {
            issuer: Mutex::new(signing(&root, &clock, None)),
            clock,
            identity: Identity::new("hub", Role::Worker, "w").unwrap(),
            fails: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        })
    }

    fn sign_now(&self, request: &[u8]) -> SignedCertificate {
        let issuer = self.issuer.lock().clone();
        let now = self.clock.now();
        issuer.renew(&self.identity, request, now).unwrap()
    }

    fn role(&self) -> RoleCertificate {
        let request = SigningRequest::new(&self.identity).unwrap();
        let signed = self.sign_now(request.der());
        let credential = request.with_chain(signed.chain).unwrap();
        RoleCertificate::new(credential, signed.trust, Arc::new(self.clock.clone())).unwrap()
    }

    fn ask(&self) -> Result<(), SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.fails.load(Ordering::SeqCst) {
            true => Err("the storage node is away".into()),
            false => Ok(()),
        }
    }
}

fn signing(
    root: &RootAuthority,
    clock: &Clock,
    trust: Option<&TrustBundle>,
) -> Arc<CertificateIssuer> {
    let files = root.intermediate(clock.now()).unwrap();
    let life = CertificateIssuer::LIFETIME;
    Arc::new(CertificateIssuer::new("hub", &files, trust, life).unwrap())
}

#[async_trait]
impl Source for Arc<Signer> {
    async fn sign(&self, request: &[u8]) -> Result<SignedCertificate, SourceError> {
        self.ask()?;
        Ok(self.sign_now(request))
    }

    async fn trust(&self) -> Result<TrustBundle, SourceError> {
        self.ask()?;
        Ok(self.issuer.lock().trust().clone())
    }
}

fn start(signer: &Arc<Signer>, role: &RoleCertificate, folder: Option<PathBuf>) {
    let settings = RenewalSettings::default();
    let renewal = Renewal::new(role.clone(), signer.clone(), settings, folder);
    tokio::spawn(renewal.run(pending()));
}

/// Lets time pass. The runtime's clock is paused: no real time goes by.
async fn hours(count: u64) {
    tokio::time::sleep(Duration::from_secs(count * 3600)).await;
}

#[tokio::test(start_paused = true)]
async fn certificate_is_renewed_at_half_of_its_life_again_and_again() {
    let signer = Signer::new();
    let role = signer.role();
    start(&signer, &role, None);
    hours(10).await;
    assert_eq!(role.changes(), 0);
    hours(4).await;
    assert_eq!(role.changes(), 1);
    hours(24 * 10).await;
    let renewals = role.changes();
    assert!((18..=24).contains(&renewals), "{renewals} in 10 days");
    assert!(role.is_valid());
}

#[tokio::test(start_paused = true)]
async fn failing_source_is_asked_less_and_less_and_the_certificate_stays() {
    let signer = Signer::new();
    let role = signer.role();
    start(&signer, &role, None);
    signer.fails.store(true, Ordering::SeqCst);
    hours(1).await;
    let asked = signer.asked.load(Ordering::SeqCst);
    // After 1, 2, 4 ... 60 seconds, then once in a minute, all give or take a tenth.
    assert!((50..=75).contains(&asked), "{asked} in an hour");
    hours(20).await;
    assert!(role.changes() == 0 && role.is_valid());
    signer.fails.store(false, Ordering::SeqCst);
    hours(1).await;
    assert!(role.changes() == 1 && role.is_valid());
}

#[tokio::test(start_paused = true)]
async fn source_that_comes_back_after_the_end_is_enough() {
    let signer = Signer::new();
    let role = signer.role();
    start(&signer, &role, None);
    signer.fails.store(true, Ordering::SeqCst);
    hours(30).await;
    assert!(!role.is_valid());
    signer.fails.store(false, Ordering::SeqCst);
    hours(1).await;
    assert!(role.is_valid());
}

#[tokio::test(start_paused = true)]
async fn change_of_authority_arrives_long_before_the_next_renewal() {
    let signer = Signer::new();
    let role = signer.role();
    start(&signer, &role, None);
    let old = role.trust();
    let next = RootAuthority::create("hub", signer.clock.now()).unwrap();
    let both = old.with(&next.bundle().unwrap()).unwrap();
    *signer.issuer.lock() = signing(&next, &signer.clock, Some(&both));
    hours(1).await;
    assert_eq!(role.trust().certificates().len(), 2);
    assert_eq!(role.changes(), 0);
    // The old one goes too early: whoever has a certificate of it gets another at once.
    *signer.issuer.lock() = signing(&next, &signer.clock, None);
    hours(1).await;
    assert_eq!(role.trust(), next.bundle().unwrap());
    assert!(role.changes() == 1 && role.is_valid());
}

#[tokio::test]
async fn renewed_certificate_is_kept_for_the_next_start() {
    let signer = Signer::new();
    let role = signer.role();
    let folder = tempfile::tempdir().unwrap();
    let settings = RenewalSettings::default();
    let kept = folder.path().join("tls");
    let renewal = Renewal::new(role.clone(), signer.clone(), settings, Some(kept.clone()));
    renewal.renew().await.unwrap();
    let (loaded, trust) = Credential::load(&kept).unwrap().unwrap();
    assert_eq!(loaded.end(), role.credential().end());
    assert_eq!(trust, role.trust());
}
