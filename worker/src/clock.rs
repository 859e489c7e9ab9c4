//! The time of day, as far as this crate needs it; tests bring their own.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970 UTC.
pub type Micros = u64;

/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

/// Who knows what time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Micros;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock type")]
    fn now(&self) -> Micros {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

/// A moment in ISO form with microseconds, as events are written.
pub(crate) fn iso(micros: Micros) -> String {
    let moment = i64::try_from(micros)
        .ok()
        .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    moment.map_or_else(
        || micros.to_string(),
        |moment| moment.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_printed_in_utc_with_microseconds() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso(1_640_784_691_566_325), "2021-12-29T13:31:31.566325Z");
    }
}
