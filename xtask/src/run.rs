//! `cargo xtask run`: a hub on this machine with the sample of examples/countries, until it is stopped.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value};

use crate::hub::Hub;
use crate::sample;
use crate::setup::{self, Choice, Prepared, Purpose};
use crate::steps::step;
use crate::stop_signal::StopSignal;

#[derive(Args)]
pub(crate) struct Options {
    /// The hub's data folder; in the cache folder if not given
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the hub listens
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: String,
    /// The port on 127.0.0.1 where the sample's tables are served
    #[arg(long, default_value_t = sample::DEFAULT_PORT)]
    tables_port: u16,
}

const SAMPLE: &str = "examples/countries";

pub(crate) fn run(options: &Options, choice: Choice) -> Result<()> {
    let mut stop = StopSignal::catch()?;
    let prepared = setup::prepare(choice, Purpose::Sample)?;
    let binary = prepared.hub_binary()?;
    let data = match &options.data {
        Some(folder) => std::path::absolute(folder)
            .with_context(|| format!("could not resolve {}", folder.display()))?,
        None => prepared.cache.sample_data(),
    };
    let tables = step("start the sample's tables", || {
        sample::start(options.tables_port, &|absolute| {
            prepared.package_file(absolute)
        })
    })?;
    let mut hub = step(&format!("start the hub on {}", data.display()), || {
        Hub::start(&binary, &data, &options.listen, &mut stop)
    })?;
    step("upload the sample's configuration", || {
        upload(&hub, &prepared, tables)
    })?;
    step("wait until the countries are joined", || {
        hub.wait_until_populated(&prepared, "country-profile", &mut stop)
    })?;
    print_invitation(&hub, tables);
    hub.wait(&mut stop)?;
    step("stop the hub", || {
        drop(hub);
        Ok(())
    })
}

/// Variables first: the configuration refers to them.
fn upload(hub: &Hub, prepared: &Prepared, tables: SocketAddr) -> Result<()> {
    let sample = prepared.root.join(SAMPLE);
    hub.put(prepared, "env", &environment(&sample, tables)?)?;
    hub.put(prepared, "config?force=false", &configuration(&sample)?)
}

/// The sample's variables for real data, with the address where the tables are.
fn environment(sample: &Path, tables: SocketAddr) -> Result<Value> {
    let mut variables: Map<String, Value> = read(&sample.join("live-env.json"))?;
    variables.insert("tables".to_owned(), format!("http://{tables}").into());
    Ok(Value::Object(variables))
}

/// All components of the sample as one list.
fn configuration(sample: &Path) -> Result<Value> {
    let mut files = vec![sample.join("node-metadata.conf.json")];
    for folder in ["systems", "pipes"] {
        let folder = sample.join(folder);
        let mut found = Vec::new();
        for entry in
            fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?
        {
            found.push(
                entry
                    .with_context(|| format!("could not list {}", folder.display()))?
                    .path(),
            );
        }
        found.sort();
        files.extend(found);
    }
    files.iter().map(|file| read::<Value>(file)).collect()
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text =
        fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("could not understand {}", file.display()))
}

fn print_invitation(hub: &Hub, tables: SocketAddr) {
    let (url, ca, token, log) = (
        hub.url().replace("//127.0.0.1:", "//localhost:"),
        hub.ca().display(),
        hub.token(),
        hub.log().display(),
    );
    println!(
        r#"
The hub is at {url} and the sample's tables at http://{tables}/. Its log is {log}.
Paste this into another terminal:

  export HUB={url}/api TABLES=http://{tables} CURL_CA_BUNDLE={ca}
  export TOKEN={token}
  hub() {{ curl --silent --show-error --header "Authorization: Bearer $TOKEN" "${{@:2}}" "$HUB/$1"; }}

Three things to try there; README.md goes on from here:

  1. What is known of Norway, joined from five tables
     hub 'datasets/country-profile/entity?entity_id=NO'
  2. The same for every country, as a file for a spreadsheet
     hub 'publishers/country-csv/csv'
  3. Rename a country at its source, and see the profile follow within seconds
     curl -X PATCH $TABLES/countries/NO -d '{{"name": "Noreg"}}'

Ctrl-C stops everything.
"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PathBuf {
        crate::workspace::root().unwrap().join(SAMPLE)
    }

    #[test]
    fn every_component_of_the_sample_is_uploaded_under_the_name_of_its_file() {
        let configuration = configuration(&sample()).unwrap();
        let ids: Vec<&str> = configuration
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids[0], "node");
        for folder in ["systems", "pipes"] {
            for entry in fs::read_dir(sample().join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let id = name
                    .strip_suffix(".conf.json")
                    .unwrap_or_else(|| panic!("{name} is no configuration"));
                assert!(ids.contains(&id), "{name} has another _id");
            }
        }
    }

    #[test]
    fn both_profiles_of_the_sample_give_the_same_variables() {
        let test: Map<String, Value> = read(&sample().join("test-env.json")).unwrap();
        let live = environment(&sample(), SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
        assert!(live.as_object().unwrap().keys().eq(test.keys()));
        assert_eq!(live["tables"], "http://127.0.0.1:1");
    }
}
