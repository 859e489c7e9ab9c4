//! Instants in answers: microseconds since 1970 UTC as RFC 3339 text, and back.

use jiff::Timestamp;

/// `2026-01-31T12:00:00.000001Z`; empty for an instant beyond the calendar.
pub(crate) fn text(micros: u64) -> String {
    let instant = i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    instant
        .map(|instant| format!("{instant:.6}"))
        .unwrap_or_default()
}

/// Reads what [`text`] printed, or bare microseconds.
pub(crate) fn parse(text: &str) -> Option<u64> {
    if let Ok(micros) = text.parse() {
        return Some(micros);
    }
    let instant: Timestamp = text.parse().ok()?;
    u64::try_from(instant.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_printing() {
        assert_eq!(text(1_700_000_000_000_001), "2023-11-14T22:13:20.000001Z");
        assert_eq!(
            parse("2023-11-14T22:13:20.000001Z"),
            Some(1_700_000_000_000_001)
        );
        assert_eq!(parse("17"), Some(17));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(text(u64::MAX), "");
    }
}
