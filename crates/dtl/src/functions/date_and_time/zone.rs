//! Time zones from the table that is compiled in: the same everywhere, with no files to read.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// UTC, for which nothing has to be looked up, or any other zone.
pub(crate) enum Zone {
    Utc,
    Other(TimeZone),
}

impl Zone {
    /// By IANA name, such as `Europe/Oslo`.
    pub(crate) fn named(name: &str) -> Option<Zone> {
        if name == "UTC" {
            return Some(Zone::Utc);
        }
        ZONES.get(name).ok().map(Zone::Other)
    }

    /// The offset from UTC, in seconds, at an instant (seconds since 1970).
    pub(crate) fn offset_at(&self, seconds: i64) -> i32 {
        match self {
            Zone::Utc => 0,
            Zone::Other(zone) => Timestamp::from_second(seconds)
                .map_or(0, |instant| zone.to_offset(instant).seconds()),
        }
    }

    /// The instant at which a clock in this zone shows the time that a clock in UTC shows at `seconds`. In a
    /// gap the later one, in a fold the earlier one.
    pub(crate) fn to_utc(&self, seconds: i64) -> Option<i64> {
        let Zone::Other(zone) = self else {
            return Some(seconds);
        };
        let clock: DateTime =
            jiff::tz::Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
        Some(
            zone.to_ambiguous_timestamp(clock)
                .compatible()
                .ok()?
                .as_second(),
        )
    }
}
