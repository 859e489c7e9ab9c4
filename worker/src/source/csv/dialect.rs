//! Which characters separate and quote: configured, preset, or guessed from the beginning of the document.

use sluice_config::CsvSource as Settings;

/// Candidates for a guess, in the order that wins where they are equally frequent.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What the reader has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
}

impl Dialect {
    /// An explicit delimiter wins, then the named dialect, then the guess, then a comma.
    pub(super) fn choose(settings: &Settings, beginning: &str) -> Self {
        let delimiter = match (
            settings.delimiter.as_deref().and_then(byte),
            settings.dialect.as_deref(),
        ) {
            (Some(delimiter), _) => delimiter,
            (None, Some("excel_tab" | "excel-tab")) => b'\t',
            (None, Some(_)) => b',',
            (None, None) if settings.auto_dialect => guess(beginning).unwrap_or(b','),
            (None, None) => b',',
        };
        Dialect {
            delimiter,
            quote: b'"',
        }
    }
}

fn byte(text: &str) -> Option<u8> {
    text.bytes().next().filter(u8::is_ascii)
}

/// The separator that stands most often outside quotes in the first line.
fn guess(beginning: &str) -> Option<u8> {
    let mut counts = [0usize; SEPARATORS.len()];
    let mut quoted = false;
    for byte in beginning.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(index) = SEPARATORS.iter().position(|separator| *separator == byte) {
                    counts[index] += 1;
                }
            }
        }
    }
    let most = *counts.iter().max()?;
    let index = counts.iter().position(|count| *count == most && most > 0)?;
    Some(SEPARATORS[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_config::{Continuation, DecodeErrors, IfEmpty, TextEncoding};

    fn settings() -> Settings {
        Settings {
            system: "files".to_owned(),
            url: "x.csv".to_owned(),
            has_header: true,
            field_names: None,
            auto_dialect: true,
            dialect: None,
            delimiter: None,
            encoding: TextEncoding::default(),
            decode_error_strategy: DecodeErrors::Strict,
            primary_key: vec!["id".to_owned()],
            whitelist: None,
            blacklist: None,
            preserve_empty_strings: false,
            escape_null_bytes: false,
            continuation: Continuation::default(),
            if_source_empty: IfEmpty::Accept,
        }
    }

    fn chosen(settings: &Settings, beginning: &str) -> char {
        Dialect::choose(settings, beginning).delimiter.into()
    }

    #[test]
    fn the_first_line_decides_a_guess() {
        assert_eq!(chosen(&settings(), "a;b;\"x,y,z\"\n1,2,3,4,5"), ';');
        assert_eq!(chosen(&settings(), "a\tb\r\n"), '\t');
        assert_eq!(chosen(&settings(), "single\n1;2"), ',');
    }

    #[test]
    fn what_is_said_wins_over_a_guess() {
        let tab = Settings {
            dialect: Some("excel_tab".to_owned()),
            ..settings()
        };
        assert_eq!(chosen(&tab, "a;b"), '\t');
        let bar = Settings {
            delimiter: Some("|".to_owned()),
            dialect: Some("excel".to_owned()),
            ..settings()
        };
        assert_eq!(chosen(&bar, "a;b"), '|');
        assert_eq!(
            chosen(
                &Settings {
                    auto_dialect: false,
                    ..settings()
                },
                "a;b"
            ),
            ','
        );
    }
}
