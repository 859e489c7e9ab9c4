//! From when to when certificates are valid.

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, SerialNumber, date_time_ymd};
use std::time::Duration;

/// A certificate is valid from before it was made: clocks of machines differ.
pub(super) const BACKDATED: SignedDuration = SignedDuration::from_mins(5);
/// The hub's root. To replace it, both are trusted for a while.
pub(super) const ROOT: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// The storage node's authority.
pub(super) const INTERMEDIATE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Sets the validity, in whole seconds, and a serial number of its own.
pub(super) fn set(parameters: &mut CertificateParams, now: Timestamp, end: Timestamp) {
    let from = now.checked_sub(BACKDATED).unwrap_or(Timestamp::UNIX_EPOCH);
    let since_1970 = |instant: Timestamp| {
        Duration::from_secs(u64::try_from(instant.as_second()).unwrap_or_default())
    };
    parameters.not_before = date_time_ymd(1970, 1, 1) + since_1970(from);
    parameters.not_after = date_time_ymd(1970, 1, 1) + since_1970(end);
    // Renewed for the same key it is still another certificate. The first bit is clear: a serial number is positive.
    let mut serial = uuid::Uuid::new_v4().into_bytes();
    serial[0] &= 0x7f;
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
}
