//! Sink kind `csv_endpoint`: renders a publisher's entities as CSV (SK7, PB3).

mod encode;

use super::{Render, WriteError};
use csv::{QuoteStyle, Terminator, WriterBuilder};
use sluice_config::{CsvEndpointSink as Settings, Quoting, TextEncoding};
use sluice_entity::{Arena, Entity, Kind, Style, Value};

/// Renders rows; one per publisher request.
pub(super) struct CsvEndpoint {
    settings: Settings,
}

impl CsvEndpoint {
    /// From the pipe's settings, which are valid.
    pub(super) fn new(settings: &Settings) -> Self {
        CsvEndpoint {
            settings: settings.clone(),
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
        let settings = &self.settings;
        encode::encode(
            settings.encoding,
            &settings.encode_error_strategy,
            text,
            out,
        );
    }

    /// Whether the document begins with U+FEFF: always in some sets, never where the set does not have it.
    fn is_marked(&self) -> bool {
        match self.settings.encoding {
            TextEncoding::Utf8 { marked } | TextEncoding::Utf16 { marked, .. } => {
                marked || self.settings.byte_order_mark
            }
            TextEncoding::Latin1 | TextEncoding::Ascii | TextEncoding::Legacy(_) => false,
        }
    }
}

/// The one character the reference allows; validation has refused others.
fn byte(text: &str) -> Option<u8> {
    text.bytes().next().filter(u8::is_ascii)
}

impl Render for CsvEndpoint {
    fn content_type(&self) -> String {
        format!("text/csv; charset={}", self.settings.encoding.charset())
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if self.is_marked() {
            self.encode("\u{feff}", out);
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
            encoding: TextEncoding::default(),
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
            encoding: TextEncoding::named("iso-8859-1").unwrap(),
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

    #[test]
    fn a_document_begins_with_a_mark_where_its_encoding_asks_for_one() {
        let of = |name: &str, byte_order_mark| {
            let settings = Settings {
                encoding: TextEncoding::named(name).unwrap(),
                byte_order_mark,
                ..settings(&["a"])
            };
            let endpoint = CsvEndpoint::new(&settings);
            (endpoint.content_type(), rendered(&settings, &[]))
        };
        let text = |charset: &str| format!("text/csv; charset={charset}");
        assert_eq!(
            of("utf-16", false),
            (text("utf-16"), b"\xff\xfea\0\r\0\n\0".to_vec())
        );
        assert_eq!(
            of("utf-16-be", false),
            (text("utf-16be"), b"\0a\0\r\0\n".to_vec())
        );
        assert_eq!(
            of("utf-8", true),
            (text("utf-8"), b"\xef\xbb\xbfa\r\n".to_vec())
        );
        assert_eq!(of("latin-1", true), (text("iso-8859-1"), b"a\r\n".to_vec()));
    }
}
