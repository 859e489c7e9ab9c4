//! Source kind `csv`: the rows of a CSV document behind a URL (SR10).

mod decode;
mod dialect;

use super::{Continuation, Item, PAGE_BYTES, Page, ReadError, SinceValue, Source};
use crate::slice::Slice;
use crate::system::{HttpSystem, RequestFailure};
use async_trait::async_trait;
use csv_async::{AsyncReader, AsyncReaderBuilder, StringRecord};
use decode::TextStream;
use dialect::Dialect;
use reqwest::Method;
use sluice_config::CsvSource as Settings;
use sluice_entity::{Builder, Entity};
use std::sync::Arc;

/// Rows become entities with text properties; read as they arrive.
pub(super) struct CsvSource {
    document: Arc<Document>,
    rows: Option<Rows>,
}

/// Where the document is and what its columns mean.
struct Document {
    system: Arc<HttpSystem>,
    settings: Settings,
}

struct Rows {
    reader: AsyncReader<TextStream>,
    columns: Vec<String>,
    /// Positions of the primary key's columns.
    key: Vec<usize>,
    /// Whether the column of that position becomes a property.
    shown: Vec<bool>,
    row: u64,
}

impl CsvSource {
    /// From the pipe's settings and its system's connection.
    pub(super) fn new(settings: &Settings, system: Arc<HttpSystem>) -> Self {
        CsvSource {
            document: Arc::new(Document {
                system,
                settings: settings.clone(),
            }),
            rows: None,
        }
    }
}

impl Document {
    async fn ask(&self) -> Result<Rows, ReadError> {
        let request = self
            .system
            .request(Method::GET, &self.settings.url)
            .map_err(RequestFailure::into_read_error)?;
        let answer = self
            .system
            .send(request)
            .await
            .map_err(RequestFailure::into_read_error)?;
        let mut text = TextStream::new(answer, &self.settings);
        let beginning = text.peek().await.map_err(|source| self.broken(0, source))?;
        let dialect = Dialect::choose(&self.settings, beginning);
        let mut reader = AsyncReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter)
            .quote(dialect.quote)
            .create_reader(text);
        let mut header = StringRecord::new();
        if self.settings.has_header {
            reader
                .read_record(&mut header)
                .await
                .map_err(|source| self.broken(0, source))?;
        }
        let columns = match &self.settings.field_names {
            Some(names) => names.clone(),
            None => header.iter().map(str::to_owned).collect(),
        };
        let key = self.key_positions(&columns)?;
        let shown = columns.iter().map(|column| self.is_shown(column)).collect();
        Ok(Rows {
            reader,
            columns,
            key,
            shown,
            row: 0,
        })
    }

    fn key_positions(&self, columns: &[String]) -> Result<Vec<usize>, ReadError> {
        // An empty document has no columns and no rows.
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let position = |name: &String| {
            columns
                .iter()
                .position(|column| column == name)
                .ok_or_else(|| {
                    ReadError::entity(
                        "missing-column",
                        format!("the CSV document has no column \"{name}\" of the primary key"),
                    )
                })
        };
        self.settings.primary_key.iter().map(position).collect()
    }

    fn is_shown(&self, column: &String) -> bool {
        let listed = self
            .settings
            .whitelist
            .as_ref()
            .is_none_or(|list| list.contains(column));
        listed
            && !self
                .settings
                .blacklist
                .as_ref()
                .is_some_and(|list| list.contains(column))
    }

    fn broken(
        &self,
        row: u64,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> ReadError {
        let message = format!(
            "the CSV document of system \"{}\" cannot be read at row {row}: {source}",
            self.settings.system
        );
        ReadError {
            index: Some(row),
            ..ReadError::entity("invalid-csv", message).caused_by(source)
        }
    }

    fn entity(&self, rows: &Rows, record: &StringRecord) -> Result<Entity, ReadError> {
        let mut id = String::new();
        for (number, &position) in rows.key.iter().enumerate() {
            let part = record
                .get(position)
                .filter(|part| !part.is_empty())
                .ok_or_else(|| {
                    let message = format!(
                        "row {} has no value for the primary key column \"{}\"",
                        rows.row, rows.columns[position]
                    );
                    ReadError {
                        index: Some(rows.row),
                        ..ReadError::entity("missing-id", message)
                    }
                })?;
            if number > 0 {
                id.push(':');
            }
            id.push_str(part);
        }
        let mut builder = Builder::new();
        builder.begin_dict();
        builder.name("_id");
        builder.str(&id);
        for ((column, cell), shown) in rows.columns.iter().zip(record.iter()).zip(&rows.shown) {
            if *shown && (self.settings.preserve_empty_strings || !cell.is_empty()) {
                builder.name(column);
                builder.str(cell);
            }
        }
        builder.end();
        Entity::new(builder.finish()).ok_or_else(|| {
            ReadError::entity("invalid-csv", format!("row {} makes no entity", rows.row))
        })
    }
}

#[async_trait]
impl Source for CsvSource {
    fn continuation(&self) -> Continuation {
        self.document.settings.continuation.clone().into()
    }

    async fn open(
        &mut self,
        _since: Option<&SinceValue>,
        _slice: &Arc<Slice>,
    ) -> Result<(), ReadError> {
        let document = self.document.clone();
        self.rows = Some(document.ask().await?);
        Ok(())
    }

    async fn next(&mut self, _slice: &Arc<Slice>) -> Result<Option<Page>, ReadError> {
        let Some(mut rows) = self.rows.take() else {
            return Ok(None);
        };
        let document = self.document.clone();
        let (mut items, mut bytes) = (Vec::new(), 0);
        let mut record = StringRecord::new();
        while bytes < PAGE_BYTES {
            let read = rows.reader.read_record(&mut record).await;
            if !read.map_err(|source| document.broken(rows.row, source))? {
                return Ok(Some(Page {
                    items,
                    ..Page::default()
                }));
            }
            rows.reader.get_ref().begin_row();
            let entity = document.entity(&rows, &record)?;
            rows.row += 1;
            bytes += entity.encoded_len();
            items.push(Item {
                entity,
                since: None,
            });
        }
        self.rows = Some(rows);
        Ok(Some(Page {
            items,
            ..Page::default()
        }))
    }
}
