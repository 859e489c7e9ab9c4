//! `retry_strategy` of a URL system: retry settings by HTTP status (SY2).

use crate::fields::Fields;
use sluice_entity::Json;
use std::ops::RangeInclusive;

/// Retry settings by status. Properties that a pump sets itself win over these.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryStrategy {
    rows: Vec<(Vec<RangeInclusive<u16>>, RetrySettings)>,
    default: Option<RetrySettings>,
}

/// The settings of one row; absent ones fall back to the pump's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetrySettings {
    /// PU11.
    pub max_read_retries: Option<u64>,
    /// PU11, seconds.
    pub read_retry_delay: Option<f64>,
    /// PU12, seconds.
    pub write_retry_delay: Option<f64>,
    /// PU13.
    pub max_retries_per_entity: Option<u64>,
    /// PU12.
    pub max_consecutive_write_errors: Option<u64>,
    /// PU13.
    pub max_write_errors_in_retry_dataset: Option<u64>,
    /// PU12.
    pub batch_retries: Option<u64>,
}

impl RetryStrategy {
    /// The first row that names the status, else the default.
    pub fn for_status(&self, status: u16) -> Option<&RetrySettings> {
        let row = self
            .rows
            .iter()
            .find(|(ranges, _)| ranges.iter().any(|range| range.contains(&status)));
        row.map(|(_, settings)| settings).or(self.default.as_ref())
    }

    pub(crate) fn read(effective: Option<&Json>) -> Self {
        let mut strategy = RetryStrategy::default();
        for (statuses, settings) in effective.and_then(Json::as_object).unwrap_or_default() {
            let settings = RetrySettings::read(&Fields::of(Some(settings)));
            if statuses == "default" {
                strategy.default = Some(settings);
            } else if let Some(ranges) = parse_statuses(statuses) {
                strategy.rows.push((ranges, settings));
            }
        }
        strategy
    }
}

impl RetrySettings {
    fn read(fields: &Fields<'_>) -> Self {
        RetrySettings {
            max_read_retries: fields.optional_count("max_read_retries"),
            read_retry_delay: fields.optional_number("read_retry_delay"),
            write_retry_delay: fields.optional_number("write_retry_delay"),
            max_retries_per_entity: fields.optional_count("max_retries_per_entity"),
            max_consecutive_write_errors: fields.optional_count("max_consecutive_write_errors"),
            max_write_errors_in_retry_dataset: fields
                .optional_count("max_write_errors_in_retry_dataset"),
            batch_retries: fields.optional_count("batch_retries"),
        }
    }
}

/// `500,502-504`: values and ranges. `None` unless all of it can be read.
pub(crate) fn parse_statuses(text: &str) -> Option<Vec<RangeInclusive<u16>>> {
    let status = |text: &str| {
        text.trim()
            .parse::<u16>()
            .ok()
            .filter(|status| (100..=599).contains(status))
    };
    text.split(',')
        .map(|part| match part.split_once('-') {
            Some((first, last)) => {
                Some(status(first)?..=status(last)?).filter(|range| !range.is_empty())
            }
            None => status(part).map(|single| single..=single),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Limits;

    #[test]
    fn a_status_takes_the_row_that_names_it_or_the_default() {
        let text = br#"{"400-428": {"max_retries_per_entity": 0}, "500,502": {"batch_retries": 7}, "default": {"batch_retries": 1}}"#;
        let strategy = RetryStrategy::read(Some(
            &Json::parse(text, &Limits::default()).expect("test input is JSON"),
        ));
        assert_eq!(
            strategy
                .for_status(404)
                .and_then(|row| row.max_retries_per_entity),
            Some(0)
        );
        assert_eq!(
            strategy.for_status(502).and_then(|row| row.batch_retries),
            Some(7)
        );
        assert_eq!(
            strategy.for_status(501).and_then(|row| row.batch_retries),
            Some(1)
        );
    }

    #[test]
    fn statuses_are_values_and_ranges() {
        assert_eq!(parse_statuses("429"), Some(vec![429..=429]));
        assert_eq!(
            parse_statuses("500, 502-504"),
            Some(vec![500..=500, 502..=504])
        );
        for text in ["", "abc", "504-500", "200-", "99", "600"] {
            assert_eq!(parse_statuses(text), None, "{text}");
        }
    }
}
