//! Whether the lease may be taken, judged by a clock of our own: those of other machines are not trusted.

use super::LeaseSettings;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// What the Lease looked like, and since when.
#[derive(Default)]
pub(super) struct Seen {
    renewal: Option<Timestamp>,
    holder: Option<String>,
    since: Option<Instant>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// It is free.
    Take,
    /// It is not; look again after this time.
    Wait(Duration),
}

/// Judges what was read. A lease is over when it was not renewed for its whole length before our eyes.
pub(super) fn decide(
    present: Option<&Lease>,
    seen: &mut Seen,
    settings: &LeaseSettings,
    now: Instant,
) -> Decision {
    let Some(spec) = present.and_then(|lease| lease.spec.as_ref()) else {
        return Decision::Take;
    };
    // A holder of our own name is our own process of before: names are those of pods.
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder.is_empty() || holder == settings.holder {
        return Decision::Take;
    }
    let renewal = spec.renew_time.as_ref().map(|time| time.0);
    if seen.since.is_none() || seen.renewal != renewal || seen.holder.as_deref() != Some(holder) {
        *seen = Seen {
            renewal,
            holder: Some(holder.to_owned()),
            since: Some(now),
        };
    }
    let length = spec
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok());
    let length = length.map_or(settings.length, Duration::from_secs);
    let end = seen.since.unwrap_or(now) + length;
    if now >= end {
        return Decision::Take;
    }
    Decision::Wait((end - now).min(settings.renew_every))
}

/// Now, or just after what was before where that is later.
pub(super) fn later(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let next = before.and_then(|before| before.checked_add(SignedDuration::from_micros(1)).ok());
    next.map_or(now, |next| next.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    fn settings() -> LeaseSettings {
        LeaseSettings {
            namespace: "n".into(),
            name: "l".into(),
            holder: "me".into(),
            deployment: None,
            length: Duration::from_secs(15),
            renew_every: Duration::from_secs(2),
        }
    }

    fn held(holder: &str, renewed: i64) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        Lease {
            spec: Some(spec),
            ..Lease::default()
        }
    }

    #[test]
    fn lease_of_another_is_taken_only_after_its_length_without_renewal() {
        let (settings, start, mut seen) = (settings(), Instant::now(), Seen::default());
        let mut at = |lease: &Lease, second| {
            decide(
                Some(lease),
                &mut seen,
                &settings,
                start + Duration::from_secs(second),
            )
        };
        // A renewal time long past means nothing: the other clock may be wrong.
        assert_eq!(
            at(&held("other", 5), 0),
            Decision::Wait(Duration::from_secs(2))
        );
        assert_eq!(
            at(&held("other", 5), 14),
            Decision::Wait(Duration::from_secs(1))
        );
        assert_eq!(
            at(&held("other", 6), 14),
            Decision::Wait(Duration::from_secs(2))
        );
        assert_eq!(
            at(&held("other", 6), 28),
            Decision::Wait(Duration::from_secs(1))
        );
        assert_eq!(at(&held("other", 6), 29), Decision::Take);
    }

    #[test]
    fn free_lease_and_our_own_of_before_are_taken_at_once() {
        let (settings, now) = (settings(), Instant::now());
        for lease in [None, Some(held("", 5)), Some(held("me", 5))] {
            let decision = decide(lease.as_ref(), &mut Seen::default(), &settings, now);
            assert_eq!(decision, Decision::Take);
        }
    }

    #[test]
    fn epochs_grow_also_where_clocks_go_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(later(None, at(5)), at(5));
        assert_eq!(later(Some(at(4)), at(5)), at(5));
        assert!(later(Some(at(9)), at(5)) > at(9));
    }
}
