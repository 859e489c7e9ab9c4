//! The certificate of the hub's port: of its own authority or from files, exchanged while it serves.

mod authority;
mod issued;
mod leaf;
mod server;

#[cfg(test)]
mod tests;

pub use issued::{ApiAuthority, ApiCertificate};
pub use server::ServerCertificate;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::date_time_ymd;

/// Days of a certificate: valid from the day before `now` (clocks differ), for `days` days from it.
fn validity(parameters: &mut rcgen::CertificateParams, now: Timestamp, days: i64) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8)
    };
    parameters.not_before = day(today.saturating_sub(1.day()));
    parameters.not_after = day(today.saturating_add(days.days()));
}

/// The instant a certificate ends.
pub(crate) fn end_of(certificate: &[u8]) -> Result<Timestamp, String> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    Timestamp::from_second(certificate.validity().not_after.timestamp())
        .map_err(|error| error.to_string())
}
