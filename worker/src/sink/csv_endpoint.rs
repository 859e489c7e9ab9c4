//! Sink kind `csv_endpoint`: renders a publisher's entities as CSV (SK7, PB3).

use super::{Render, WriteError};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use encoding_rs::{EncoderResult, Encoding, UTF_8};
use sluice_config::{CsvEndpointSink as Settings, Quoting};
use sluice_entity::{Arena, Entity, Kind, Style, Value};

/// Renders rows; one per publisher request.
pub(super) struct CsvEndpoint {
    settings: Settings,
    encoding: &'static Encoding,
}

impl CsvEndpoint {
    /// From the pipe's settings, which are valid. An encoding nobody knows falls back to UTF-8; validation has warned.
    pub(super) fn new(settings: &Settings) -> Self {
        let encoding = Encoding::for_label(settings.encoding.as_bytes()).unwrap_or(UTF_8);
        CsvEndpoint {
            settings: settings.clone(),
            encoding,
        }
    }

    fn writer(&self) -> csv::Writer<Vec<u8>> {
        let settings = &self.settings;
        let style = match settings.quoting {
            Quoting::All => QuoteStyle::Always,
            Quoting::Minimal => QuoteStyle::Necessary,
            Quoting::NonNumeric => QuoteStyle::NonNumeric,
            Quoting::None => QuoteStyle::Never,
        };
        // The crate knows line ends of one byte; ours are put in place of it.
        WriterBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(byte(&settings.delimiter).unwrap_or(b','))
            .quote(byte(&settings.quotechar).unwrap_or(b'"'))
            .escape(
                settings
                    .escapechar
                    .as_deref()
                    .and_then(byte)
                    .unwrap_or(b'\\'),
            )
            .double_quote(settings.doublequote)
            .quote_style(style)
            .terminator(Terminator::Any(b'\n'))
            .from_writer(Vec::new())
    }

    fn row(&self, cells: &[String], out: &mut Vec<u8>) -> Result<(), WriteError> {
        let bad = |source: csv::Error| {
            WriteError::entity("invalid-csv", "a row cannot be rendered", None).caused_by(source)
        };
        let mut writer = self.writer();
        match self.settings.quoting {
            Quoting::None => writer
                .write_record(cells.iter().map(|cell| self.escaped(cell)))
                .map_err(bad)?,
            _ => writer.write_record(cells).map_err(bad)?,
        }
        let mut line = writer
            .into_inner()
            .map_err(|stopped| bad(stopped.into_error().into()))?;
        line.pop();
        line.extend_from_slice(self.settings.lineterminator.as_bytes());
        let line = String::from_utf8_lossy(&line);
        self.encode(&line, out);
        Ok(())
    }

    /// Without quotes the escape character, where there is one, keeps a delimiter inside its cell.
    fn escaped(&self, cell: &str) -> String {
        let Some(escape) = self
            .settings
            .escapechar
            .as_ref()
            .and_then(|text| text.chars().next())
        else {
            return cell.to_owned();
        };
        let is_special = |character: char| {
            let mut texts = [&self.settings.delimiter, &self.settings.quotechar].into_iter();
            character == escape
                || matches!(character, '\r' | '\n')
                || texts.any(|text| text.contains(character))
        };
        let mut out = String::with_capacity(cell.len());
        for character in cell.chars() {
            if is_special(character) {
                out.push(escape);
            }
            out.push(character);
        }
        out
    }

    fn encode(&self, text: &str, out: &mut Vec<u8>) {
        if self.encoding == UTF_8 {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        let mut encoder = self.encoding.new_encoder();
        let mut rest = text;
        let mut buffer = [0; 1024];
        loop {
            let (result, read, written) =
                encoder.encode_from_utf8_without_replacement(rest, &mut buffer, true);
            out.extend_from_slice(&buffer[..written]);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(character) => {
                    out.extend_from_slice(
                        replacement(&self.settings.encode_error_strategy, character).as_bytes(),
                    );
                }
            }
        }
    }
}

/// The one character the reference allows; validation has refused others.
fn byte(text: &str) -> Option<u8> {
    text.bytes().next().filter(u8::is_ascii)
}

/// What stands for a character that the encoding does not have.
fn replacement(strategy: &str, character: char) -> String {
    let code = u32::from(character);
    match strategy {
        "ignore" => String::new(),
        "replace" => "?".to_owned(),
        "xmlcharrefreplace" => format!("&#{code};"),
        _ if code < 0x100 => format!("\\x{code:02x}"),
        _ if code < 0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

impl Render for CsvEndpoint {
    fn content_type(&self) -> String {
        format!(
            "text/csv; charset={}",
            self.encoding.name().to_ascii_lowercase()
        )
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.settings.byte_order_mark && self.encoding == UTF_8 {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        if self.settings.include_header {
            self.row(&self.settings.columns, out)?;
        }
        Ok(())
    }

    fn entities(&mut self, entities: &[Entity], out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut arena = Arena::new();
        for entity in entities {
            if self.settings.skip_deleted_entities && entity.is_deleted() {
                continue;
            }
            let cell = |column: &String| {
                entity
                    .get(column, &arena)
                    .map_or_else(String::new, cell_text)
            };
            let cells: Vec<String> = self.settings.columns.iter().map(cell).collect();
            self.row(&cells, out)?;
            arena.reset();
        }
        Ok(())
    }
}

/// A value as a cell: text bare, other scalars as JSON prints them without tags, lists and dicts as JSON.
fn cell_text(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => String::new(),
        Kind::String => value.as_str().unwrap_or_default().to_owned(),
        Kind::Ni => value.as_ni().unwrap_or_default().to_owned(),
        Kind::Uri => value.as_uri().unwrap_or_default().to_owned(),
        kind => {
            let mut out = Vec::new();
            let style = Style {
                transit: matches!(kind, Kind::List | Kind::Dict),
                ..Style::default()
            };
            value.write_json(&mut out, &style);
            let text = String::from_utf8_lossy(&out);
            text.strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .unwrap_or(&text)
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::{Limits, Numbers, Reader};

    fn settings(columns: &[&str]) -> Settings {
        Settings {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            quoting: Quoting::Minimal,
            delimiter: ",".to_owned(),
            doublequote: true,
            include_header: true,
            escapechar: None,
            lineterminator: "\r\n".to_owned(),
            quotechar: "\"".to_owned(),
            byte_order_mark: false,
            encoding: "utf-8".to_owned(),
            encode_error_strategy: "backslashreplace".to_owned(),
            skip_deleted_entities: true,
            filename: None,
            content_disposition: "attachment".to_owned(),
        }
    }

    fn rendered(settings: &Settings, entities: &[&str]) -> Vec<u8> {
        let mut reader = Reader::new(Limits::default(), Numbers::default());
        let entities: Vec<Entity> = entities
            .iter()
            .map(|text| reader.read_entity(text.as_bytes()).unwrap())
            .collect();
        let (mut endpoint, mut out) = (CsvEndpoint::new(settings), Vec::new());
        endpoint.begin(&mut out).unwrap();
        endpoint.entities(&entities, &mut out).unwrap();
        endpoint.end(&mut out).unwrap();
        out
    }

    fn text(settings: &Settings, entities: &[&str]) -> String {
        String::from_utf8(rendered(settings, entities)).unwrap()
    }

    #[test]
    fn rows_end_in_crlf_after_a_header() {
        let settings = settings(&["_id", "name"]);
        let entities = [
            r#"{"_id":"a","name":"A"}"#,
            r#"{"_id":"b"}"#,
            r#"{"_id":"gone","_deleted":true}"#,
        ];
        assert_eq!(text(&settings, &entities), "_id,name\r\na,A\r\nb,\r\n");
    }

    #[test]
    fn cells_that_need_quotes_get_them() {
        let settings = settings(&["a", "b", "c"]);
        let entity = r#"{"_id":"x","a":"one, \"two\"","b":"line\nbreak","c":[1,"~t2020-01-01"]}"#;
        assert_eq!(
            text(&settings, &[entity]),
            "a,b,c\r\n\"one, \"\"two\"\"\",\"line\nbreak\",\"[1,\"\"~t2020-01-01\"\"]\"\r\n"
        );
    }

    #[test]
    fn scalars_are_written_without_tags() {
        let settings = settings(&["a", "b", "c", "d", "e"]);
        let entity =
            r#"{"_id":"x","a":1.50,"b":"~t2020-01-01T00:00:00Z","c":true,"d":"~:ns:id","e":null}"#;
        assert_eq!(
            text(&settings, &[entity]),
            "a,b,c,d,e\r\n1.50,2020-01-01T00:00:00Z,true,ns:id,\r\n"
        );
    }

    #[test]
    fn quoting_delimiter_and_line_end_can_be_chosen() {
        let all = Settings {
            quoting: Quoting::All,
            delimiter: ";".to_owned(),
            lineterminator: "\n\n".to_owned(),
            ..settings(&["a"])
        };
        assert_eq!(text(&all, &[r#"{"_id":"x","a":1}"#]), "\"a\"\n\n\"1\"\n\n");
        let numeric = Settings {
            quoting: Quoting::NonNumeric,
            include_header: false,
            ..settings(&["a", "b"])
        };
        assert_eq!(
            text(&numeric, &[r#"{"_id":"x","a":1,"b":"y"}"#]),
            "1,\"y\"\r\n"
        );
        let none = Settings {
            quoting: Quoting::None,
            escapechar: Some("\\".to_owned()),
            include_header: false,
            ..settings(&["a", "b"])
        };
        assert_eq!(
            text(&none, &[r#"{"_id":"x","a":"1,2","b":"y"}"#]),
            "1\\,2,y\r\n"
        );
    }

    #[test]
    fn characters_outside_the_encoding_follow_the_strategy() {
        let latin = Settings {
            encoding: "iso-8859-1".to_owned(),
            include_header: false,
            ..settings(&["a"])
        };
        assert_eq!(
            rendered(&latin, &[r#"{"_id":"x","a":"øę"}"#]),
            b"\xf8\\u0119\r\n"
        );
        let xml = Settings {
            encode_error_strategy: "xmlcharrefreplace".to_owned(),
            ..latin
        };
        assert_eq!(rendered(&xml, &[r#"{"_id":"x","a":"ę"}"#]), b"&#281;\r\n");
    }
}
