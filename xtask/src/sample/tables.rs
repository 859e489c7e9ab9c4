//! Reads the tables where Debian's packages iso-codes and tzdata put them. Nothing of them is kept in this tree.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Feeds;
use super::feed::{Feed, Row};

/// A table of iso-codes: the name it is served under, its standard, and the property that is the id.
const ISO_TABLES: &[(&str, &str, &str)] = &[
    ("countries", "3166-1", "alpha_2"),
    ("subdivisions", "3166-2", "code"),
    ("currencies", "4217", "alpha_3"),
    ("languages", "639-3", "alpha_3"),
    ("scripts", "15924", "alpha_4"),
];

const ZONE_TABLE: &str = "/usr/share/zoneinfo/zone.tab";

pub(super) fn read(package_file: &dyn Fn(&str) -> PathBuf) -> Result<Feeds> {
    let first = first_number();
    let mut feeds = Feeds::new();
    for (name, standard, id) in ISO_TABLES {
        let path = package_file(&format!("/usr/share/iso-codes/json/iso_{standard}.json"));
        let text = fs::read_to_string(&path)
            .with_context(|| format!("could not read {}", path.display()))?;
        let rows = iso_rows(&text, standard, id)
            .with_context(|| format!("could not understand {}", path.display()))?;
        feeds.insert(name, Feed::new(rows, first));
    }
    let path = package_file(ZONE_TABLE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let rows =
        zone_rows(&text).with_context(|| format!("could not understand {}", path.display()))?;
    feeds.insert("zones", Feed::new(rows, first));
    Ok(feeds)
}

/// The time in microseconds: above everything that an earlier server, with fewer changes than that, gave out.
fn first_number() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or_default()
}

/// The rows of `{STANDARD: [{…}, …]}`.
fn iso_rows(text: &str, standard: &str, id: &str) -> Result<Vec<(String, Row)>> {
    let table: Value = serde_json::from_str(text)?;
    let rows = table
        .get(standard)
        .and_then(Value::as_array)
        .with_context(|| format!("no list {standard}"))?;
    let numbered = rows.iter().map(|row| {
        let row = row.as_object().context("a row is no object")?;
        let id = row
            .get(id)
            .and_then(Value::as_str)
            .with_context(|| format!("a row has no {id}"))?;
        Ok((id.to_owned(), row.clone()))
    });
    numbered.collect()
}

/// The rows of lines `COUNTRY<tab>COORDINATES<tab>ZONE[<tab>COMMENTS]`.
fn zone_rows(text: &str) -> Result<Vec<(String, Row)>> {
    let mut rows = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let columns: Vec<&str> = line.split('\t').collect();
        let [country, coordinates, zone, comments @ ..] = &columns[..] else {
            bail!("`{line}` has fewer than three columns");
        };
        let mut row = Row::new();
        row.insert("country".to_owned(), (*country).into());
        row.insert("coordinates".to_owned(), (*coordinates).into());
        if let Some(comments) = comments.first() {
            row.insert("comments".to_owned(), (*comments).into());
        }
        rows.push(((*zone).to_owned(), row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_of_an_iso_table_have_their_code_as_id() {
        let text = r#"{"3166-1": [{"alpha_2": "NO", "name": "Norway"}]}"#;
        let rows = iso_rows(text, "3166-1", "alpha_2").unwrap();
        assert_eq!(rows[0].0, "NO");
        assert_eq!(
            Value::Object(rows[0].1.clone()),
            json!({"alpha_2": "NO", "name": "Norway"})
        );
        assert!(iso_rows(text, "3166-1", "alpha_9").is_err());
    }

    #[test]
    fn zones_know_their_country() {
        let rows = zone_rows(
            "# head\nAQ\t-6617+11031\tAntarctica/Casey\tCasey\nNO\t+5955+01045\tEurope/Oslo\n",
        )
        .unwrap();
        assert_eq!(rows[1].0, "Europe/Oslo");
        assert_eq!(
            Value::Object(rows[1].1.clone()),
            json!({"country": "NO", "coordinates": "+5955+01045"})
        );
        assert!(zone_rows("NO +5955+01045 Europe/Oslo\n").is_err());
    }

    #[test]
    fn installed_tables_are_read_with_ids_that_occur_once() {
        let prefix = "/usr/share/iso-codes/json/iso_3166-1.json";
        if !std::path::Path::new(prefix).exists() {
            println!("iso-codes is not installed here: its tables are not read");
            assert!(
                std::env::var_os("CI").is_none(),
                "continuous integration has the tables"
            );
            return;
        }
        let feeds = read(&|absolute| absolute.into()).unwrap();
        assert_eq!(feeds.len(), ISO_TABLES.len() + 1);
        for (name, feed) in feeds {
            let mut ids: Vec<String> = feed
                .entities(None, None)
                .iter()
                .map(|entity| entity["_id"].to_string())
                .collect();
            let rows = ids.len();
            ids.sort();
            ids.dedup();
            assert!(rows > 100, "{name} has {rows} rows");
            assert_eq!(ids.len(), rows, "{name} has an id twice");
        }
    }
}
