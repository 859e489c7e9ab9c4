//! The walk-through of README.md on the real tables: every country is joined rightly, and a change goes no further than it must.

use crate::countries::{Countries, document};
use serde_json::{Value, json};
use sluice_tests::tables::Tables;
use std::collections::BTreeMap;

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn start() -> (Tables, Countries) {
    let tables = Tables::start().unwrap();
    let mut variables = document("live-env.json");
    variables["tables"] = json!(tables.url);
    let countries = Countries::start(&variables).await;
    (tables, countries)
}

/// What the feed of profiles has after an offset: id, name, currency.
async fn feed(countries: &Countries, since: u64) -> Vec<(String, String, String)> {
    let path = format!("/publishers/country-feed/entities?since={since}");
    let rows = countries.entities(&path).await;
    let shown = |row: &Value| {
        let currency = row["currency"]["name"].as_str().unwrap_or_default();
        let [id, name] = ["_id", "name"].map(|property| text(&row[property]).to_owned());
        (id, name, currency.to_owned())
    };
    rows.iter().map(shown).collect()
}

async fn end_of_feed(countries: &Countries) -> u64 {
    let rows = countries
        .entities("/publishers/country-feed/entities")
        .await;
    rows.last().unwrap()["_updated"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_country_has_its_subdivisions_zones_and_currency() {
    let (tables, countries) = start().await;
    let subdivisions = tables.rows("subdivisions").await.unwrap();
    let zones = tables.rows("zones").await.unwrap();
    let currencies = tables.rows("currencies").await.unwrap();
    let by_hand = document("pipes/currency-in-use.conf.json")["source"]["entities"].clone();
    let named = |row: &Value| json!({"code": row["_id"], "name": row["name"]});

    let currency_of = |country: &str| -> Option<Value> {
        let known = |id: &str| currencies.iter().find(|row| row["_id"] == *id);
        let listed = by_hand.as_array().unwrap().iter().filter(|entry| {
            entry["countries"]
                .as_array()
                .unwrap()
                .iter()
                .any(|listed| listed == country)
        });
        let mut listed: Vec<&Value> = listed
            .filter_map(|entry| known(text(&entry["_id"])))
            .collect();
        if listed.is_empty() {
            listed = currencies
                .iter()
                .filter(|row| text(&row["_id"]).starts_with(country))
                .collect();
        }
        assert!(
            listed.len() < 2,
            "{country} has more than one currency: {listed:?}"
        );
        listed.first().map(|row| named(row))
    };

    let mut expected = BTreeMap::new();
    for country in tables.rows("countries").await.unwrap() {
        let id = text(&country["_id"]).to_owned();
        let mut inside: Vec<Value> = subdivisions
            .iter()
            .filter(|row| text(&row["_id"]).split('-').next() == Some(&id))
            .map(named)
            .collect();
        inside.sort_by(|one, other| text(&one["code"]).cmp(text(&other["code"])));
        let mut hours: Vec<&str> = zones
            .iter()
            .filter(|row| row["country"] == *id)
            .map(|row| text(&row["_id"]))
            .collect();
        hours.sort_unstable();
        let joined = json!([country["name"], inside, hours, currency_of(&id)]);
        expected.insert(id, joined);
    }
    assert!(expected.len() > 200);

    let profiles = countries
        .entities("/datasets/country-profile/entities")
        .await;
    let found: BTreeMap<String, Value> = profiles
        .iter()
        .map(|profile| {
            let parts = ["name", "subdivisions", "zones", "currency"].map(|name| &profile[name]);
            (text(&profile["_id"]).to_owned(), json!(parts))
        })
        .collect();
    for (id, joined) in &expected {
        assert_eq!(found.get(id), Some(joined), "{id}");
    }
    assert_eq!(found.len(), expected.len());

    let csv = String::from_utf8(countries.bytes("/publishers/country-csv/csv").await).unwrap();
    assert_eq!(csv.lines().count(), expected.len() + 1);
    assert!(csv.contains("\r\nNO,Norway,NOK,"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_country_makes_one_version_one_row_and_nothing_else() {
    let (tables, countries) = start().await;
    countries.another_round().await;
    let (before, since) = (countries.versions().await, end_of_feed(&countries).await);
    tables
        .change("countries", "NO", &json!({"name": "Noreg"}))
        .await
        .unwrap();
    let path = format!("/datasets/country-profile/entities?since={since}");
    let arrived = countries.until(&path, |rows| rows != &json!([])).await;
    countries.another_round().await;

    let expected = [(
        "NO".to_owned(),
        "Noreg".to_owned(),
        "Norwegian Krone".to_owned(),
    )];
    assert_eq!(feed(&countries, since).await, expected);
    let previous = arrived[0]["_previous"].as_u64().unwrap();
    assert!(
        previous <= since,
        "the version before it is one of those before"
    );
    let mut after = countries.versions().await;
    for changed in ["country", "country-profile"] {
        *after.get_mut(changed).unwrap() -= 1;
    }
    assert_eq!(
        after, before,
        "one version more in these two, none anywhere else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescan_after_a_changed_currency_reaches_only_the_countries_that_use_it() {
    let (tables, countries) = start().await;
    countries.another_round().await;
    let (before, since) = (countries.versions().await, end_of_feed(&countries).await);
    tables
        .change("currencies", "NOK", &json!({"name": "Krone"}))
        .await
        .unwrap();
    countries
        .until("/datasets/currency/entity?entity_id=NOK", |currency| {
            currency["name"] == "Krone"
        })
        .await;
    countries
        .post(
            "/pipes/country-profile/pump",
            &[("operation", "start-rescan")],
        )
        .await;
    let all = before["country"];
    let done = format!("{all} read, 3 changed");
    countries
        .until("/pipes/country-profile/pump", |pump| {
            pump["runtime"]["is-running"] == false && pump["runtime"]["last-message"] == *done
        })
        .await;

    let mut rows = feed(&countries, since).await;
    rows.sort();
    let ids: Vec<&str> = rows.iter().map(|(id, _, _)| id.as_str()).collect();
    assert_eq!(ids, ["BV", "NO", "SJ"]);
    assert!(rows.iter().all(|(_, _, currency)| currency == "Krone"));
    let mut after = countries.versions().await;
    *after.get_mut("currency").unwrap() -= 1;
    *after.get_mut("country-profile").unwrap() -= 3;
    assert_eq!(after, before);
}
