//! Cron expressions (PU2, U6): UTC, the minute first, an optional sixth field for the year; `?` for any, `0/5`, `L`, `W`, `#`.

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};

/// Reads a cron expression. The one reading there is: configuration is checked with it and pumps are scheduled with it.
///
/// # Errors
/// What the expression lacks.
pub fn parse_cron(expression: &str) -> Result<Cron, CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .sloppy_ranges(true)
        .dom_and_dow(false)
        .build();
    match expression.split_whitespace().count() {
        // A nickname such as @daily.
        1 => parser.parse(expression),
        // The parser would take the first of six fields for seconds; ours is the minute, and the last one the year.
        5 | 6 => parser.parse(&format!("0 {}", expression.trim())),
        fields => Err(CronError::InvalidPattern(format!(
            "{fields} fields instead of five, or six with a year"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expressions_of_the_reference_and_of_real_files_are_read() {
        let expressions = [
            "0 12 * * ?",
            "15 10 ? * *",
            "15 10 * * ? *",
            "15 10 * * ? 2016",
            "0/5 14,18 * * ?",
            "0-5 14 * * ?",
            "10,44 14 ? 3 WED",
            "15 10 ? * MON-FRI",
            "15 10 L * ?",
            "15 10 ? * 6L",
            "15 10 ? * 6L 2002-2005",
            "15 10 ? * 6#3",
            "0 12 1/5 * ?",
            "*/5 * * * *",
            "0 12 15W * ?",
            "@daily",
        ];
        for expression in expressions {
            assert!(
                parse_cron(expression).is_ok(),
                "{expression}: {:?}",
                parse_cron(expression).err()
            );
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in [
            "",
            "*",
            "every day",
            "60 * * * *",
            "* * * *",
            "0 0 0 0 0 0 0",
            "* * * * * * *",
            "* 25 * * *",
        ] {
            assert!(parse_cron(expression).is_err(), "{expression}");
        }
    }
}
