//! One table as a feed: every row has a number, a changed row gets the next one and moves to the end.
//! So a reader that remembers the last number it saw gets exactly what changed.

use serde_json::{Map, Value};

/// A row's properties without the bookkeeping ones.
pub(super) type Row = Map<String, Value>;

pub(super) struct Feed {
    /// In the order of their numbers.
    rows: Vec<NumberedRow>,
    next: u64,
}

struct NumberedRow {
    number: u64,
    id: String,
    row: Row,
}

impl Feed {
    /// Numbers the rows from `first` on. A server that starts anew must begin above every number it ever gave out,
    /// or readers would not see that its changes are gone.
    pub(super) fn new(rows: impl IntoIterator<Item = (String, Row)>, first: u64) -> Self {
        let mut feed = Self {
            rows: Vec::new(),
            next: first,
        };
        for (id, row) in rows {
            feed.append(id, row);
        }
        feed
    }

    /// The entities numbered above `since`, at most `limit`.
    pub(super) fn entities(&self, since: Option<u64>, limit: Option<usize>) -> Vec<Value> {
        let first = since.map_or(0, |since| {
            self.rows.partition_point(|row| row.number <= since)
        });
        let rows = self.rows[first..].iter().take(limit.unwrap_or(usize::MAX));
        rows.map(NumberedRow::entity).collect()
    }

    /// The rows in the order of their ids, which a file of the table would have.
    pub(super) fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<&NumberedRow> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.into_iter().map(|row| &row.row).collect()
    }

    /// Lays `changes` over the row: null removes a property. Gives back the entity as it is now; None for an unknown id.
    pub(super) fn change(&mut self, id: &str, changes: Row) -> Option<Value> {
        let at = self.rows.iter().position(|row| row.id == id)?;
        let mut changed = self.rows.remove(at);
        for (property, value) in changes
            .into_iter()
            .filter(|(property, _)| !property.starts_with('_'))
        {
            if value.is_null() {
                changed.row.remove(&property);
            } else {
                changed.row.insert(property, value);
            }
        }
        self.append(changed.id, changed.row);
        self.rows.last().map(NumberedRow::entity)
    }

    fn append(&mut self, id: String, row: Row) {
        self.rows.push(NumberedRow {
            number: self.next,
            id,
            row,
        });
        self.next += 1;
    }
}

impl NumberedRow {
    fn entity(&self) -> Value {
        let mut entity = self.row.clone();
        entity.insert("_id".to_owned(), self.id.clone().into());
        entity.insert("_updated".to_owned(), self.number.into());
        Value::Object(entity)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str) -> Row {
        Row::from_iter([("name".to_owned(), json!(name))])
    }

    fn three() -> Feed {
        Feed::new(["NO", "SE", "DK"].map(|id| (id.to_owned(), row(id))), 100)
    }

    #[test]
    fn reader_with_a_since_value_gets_only_what_came_after_it() {
        let ids = |since, limit| -> Vec<String> {
            let entities = three().entities(since, limit);
            entities
                .iter()
                .map(|entity| entity["_id"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(ids(None, None), ["NO", "SE", "DK"]);
        assert_eq!(ids(Some(100), None), ["SE", "DK"]);
        assert_eq!(ids(Some(100), Some(1)), ["SE"]);
        assert!(ids(Some(102), None).is_empty());
    }

    #[test]
    fn changed_row_moves_to_the_end_and_keeps_its_other_properties() {
        let mut feed = three();
        let changes = Row::from_iter([
            ("capital".to_owned(), json!("Oslo")),
            ("_id".to_owned(), json!("XX")),
        ]);
        let changed = feed.change("NO", changes).unwrap();
        assert_eq!(
            changed,
            json!({"_id": "NO", "_updated": 103, "name": "NO", "capital": "Oslo"})
        );
        assert_eq!(feed.entities(Some(102), None), [changed]);
        assert_eq!(feed.entities(None, None).len(), 3);
        assert!(feed.change("XX", Row::new()).is_none());
    }

    #[test]
    fn null_removes_a_property() {
        let mut feed = three();
        let changed = feed
            .change("SE", Row::from_iter([("name".to_owned(), Value::Null)]))
            .unwrap();
        assert_eq!(changed, json!({"_id": "SE", "_updated": 103}));
    }
}
