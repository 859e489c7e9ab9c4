//! Keeps a role's certificate and its trust fresh as long as the role runs.

use super::{Source, SourceError};
use crate::transport::in_full;
use sluice_identity::{Credential, RoleCertificate, SigningRequest, TrustBundle};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

/// Of a wait, this part is left to chance, so that many roles do not ask at once.
const JITTER: f64 = 0.1;
/// The clock on the wall can be put forward, and a machine can sleep: it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How often a renewal task asks.
#[derive(Clone, Debug)]
pub struct RenewalSettings {
    /// Between two looks at the trust bundle; this is how fast a new authority reaches everybody.
    pub trust_every: Duration,
    /// First wait after a failure; it doubles from one to the next.
    pub retry_after: Duration,
    /// Longest wait after a failure.
    pub retry_at_most: Duration,
}

impl Default for RenewalSettings {
    fn default() -> Self {
        RenewalSettings {
            trust_every: Duration::from_secs(300),
            retry_after: Duration::from_secs(1),
            retry_at_most: Duration::from_secs(60),
        }
    }
}

/// Renews a certificate at half of its life, and takes over changes of trust in between. Whatever fails, the present
/// certificate stays.
pub struct Renewal<S> {
    role: RoleCertificate,
    source: S,
    settings: RenewalSettings,
    folder: Option<PathBuf>,
    failures: Failures,
}

/// What was said last about failures: each change of state is one line.
#[derive(Default)]
struct Failures {
    count: u32,
    ended: bool,
}

impl<S: Source> Renewal<S> {
    /// A renewal of this role's certificate. New ones are kept in `folder`, if there is one, for the next start.
    pub fn new(
        role: RoleCertificate,
        source: S,
        settings: RenewalSettings,
        folder: Option<PathBuf>,
    ) -> Self {
        Renewal {
            role,
            source,
            settings,
            folder,
            failures: Failures::default(),
        }
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        // Of the life of each certificate.
        let share = chance(0.5);
        let mut trust_at = Instant::now() + spread(self.settings.trust_every);
        let mut not_before = Instant::now();
        loop {
            let wake = self.due(share).min(trust_at).max(not_before);
            tokio::select! {
                () = &mut stop => return,
                () = sleep_until(wake.min(Instant::now() + LONGEST_SLEEP)) => {}
            }
            if Instant::now() < wake {
                continue;
            }
            // A stop in the middle of a call drops it: nothing was exchanged then.
            let asked = tokio::select! {
                () = &mut stop => return,
                asked = self.ask(share) => asked,
            };
            match asked {
                Ok(()) => {
                    self.succeeded();
                    trust_at = Instant::now() + spread(self.settings.trust_every);
                }
                Err(error) => not_before = Instant::now() + self.failed(&*error),
            }
        }
    }

    /// When this share of the certificate's life is over.
    fn due(&self, share: f64) -> Instant {
        let now = self.role.now();
        let life = self.role.credential().life();
        let due = life.end - life.length().mul_f64(1.0 - share);
        let left = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        Instant::now() + left
    }

    /// Renews the certificate if it is time, or our own trust does not carry it any more; else only the trust.
    async fn ask(&self, share: f64) -> Result<(), SourceError> {
        if self.due(share) <= Instant::now() || !self.role.is_valid() {
            return self.renew().await;
        }
        let trust = self.source.trust().await?;
        if trust == self.role.trust() {
            return Ok(());
        }
        let count = trust.certificates().len();
        self.role.exchange_trust(trust)?;
        tracing::info!(authorities = count, "the trusted authorities changed");
        if !self.role.is_valid() {
            return self.renew().await;
        }
        self.keep(self.role.credential(), self.role.trust()).await
    }

    /// Gets the next certificate now.
    ///
    /// # Errors
    /// The source's, or why the certificate cannot be used. The present one stays in use.
    pub async fn renew(&self) -> Result<(), SourceError> {
        let request = SigningRequest::new(&self.role.identity())?;
        let signed = self.source.sign(request.der()).await?;
        let credential = request.with_chain(signed.chain)?;
        let end = credential.end();
        self.role
            .exchange(credential.clone(), signed.trust.clone())?;
        tracing::debug!(identity = %self.role.identity(), %end, "the certificate is renewed");
        self.keep(credential, signed.trust).await
    }

    async fn keep(&self, credential: Credential, trust: TrustBundle) -> Result<(), SourceError> {
        if let Some(folder) = self.folder.clone() {
            spawn_blocking(move || credential.save(&folder, &trust)).await??;
        }
        Ok(())
    }

    fn succeeded(&mut self) {
        if self.failures.count > 0 {
            let end = self.role.credential().end();
            tracing::info!(identity = %self.role.identity(), %end, "certificates are renewed again");
        }
        self.failures = Failures::default();
    }

    /// Notes a failure and says how long to wait.
    fn failed(&mut self, error: &(dyn std::error::Error + 'static)) -> Duration {
        let (identity, end) = (self.role.identity(), self.role.credential().end());
        let problem = in_full(error);
        if !self.failures.ended && end <= self.role.now() {
            self.failures.ended = true;
            tracing::error!(%identity, %end, problem, "the certificate ended and cannot be renewed");
        } else if self.failures.count == 0 {
            tracing::warn!(%identity, %end, problem, "the certificate cannot be renewed yet");
        }
        let doubled = 2u32.saturating_pow(self.failures.count);
        self.failures.count = self.failures.count.saturating_add(1);
        let wait = self.settings.retry_after.saturating_mul(doubled);
        spread(wait.min(self.settings.retry_at_most))
    }
}

fn spread(wait: Duration) -> Duration {
    wait.mul_f64(chance(1.0))
}

/// A number around `middle`.
fn chance(middle: f64) -> f64 {
    middle * rand::random_range(1.0 - JITTER..=1.0 + JITTER)
}
