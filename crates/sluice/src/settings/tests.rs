//! The layers together, as a user meets them.

use super::table::{of, variable};
use super::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

fn flags(given: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    given
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = file(
        "data = \"from-file\"\nlisten = \"127.0.0.1:1\"\nlog = \"warn\"\ndeveloper-mode = true\ntls-names = [\"a\", \"b\"]",
    );
    let environment = environment(&[
        ("SLUICE_LISTEN", "127.0.0.1:2"),
        ("SLUICE_LOG", "error"),
        ("PATH", "/bin"),
    ]);
    let layered = load(
        Program::Standalone,
        Some(file.path()),
        &environment,
        &flags(&[("listen", "127.0.0.1:3")]),
    )
    .unwrap();
    let settings = &layered.settings;
    assert_eq!(settings.data, Path::new("from-file"));
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.log, "error");
    assert!(settings.developer_mode);
    assert_eq!(settings.tls_names, ["a", "b"]);
    let printed = layered.to_file();
    assert!(
        printed.contains("(--listen)\nlisten = \"127.0.0.1:3\""),
        "{printed}"
    );
    assert!(printed.contains("(SLUICE_LOG)"), "{printed}");
    assert!(
        printed.contains("(default)\nlog-format = \"text\""),
        "{printed}"
    );
}

#[test]
fn what_is_printed_gives_the_same_settings_again() {
    let given = flags(&[
        ("data", "/d"),
        ("ready-file", "/r"),
        ("tls-names", "a,b"),
        ("log-format", "json"),
        ("stop-timeout", "1500ms"),
        ("store-cache", "3GiB"),
        ("connections", "17"),
        ("developer-mode", "true"),
        ("secrets-key-file", "/k"),
    ]);
    let first = load(Program::Standalone, None, &[], &given).unwrap();
    let file = file(&first.to_file());
    assert_eq!(
        load(
            Program::Standalone,
            Some(file.path()),
            &[],
            &BTreeMap::new()
        )
        .unwrap()
        .settings,
        first.settings
    );
}

#[test]
fn every_problem_is_named_at_once_with_its_place() {
    let file = file("colour = \"red\"\nlisten = \"here\"\nlog = 1.5");
    let environment = environment(&[("SLUICE_STOP_TIMEOUT", "soon")]);
    let given = flags(&[
        ("connections", "0"),
        ("tls-key", "/k"),
        ("store-cache", "10 parrots"),
    ]);
    let problems = load(Program::Standalone, Some(file.path()), &environment, &given)
        .unwrap_err()
        .0;
    for part in [
        "colour",
        "listen",
        "log",
        "SLUICE_STOP_TIMEOUT",
        "connections",
        "tls-key",
        "--store-cache",
        "--data",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part} in {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 8, "{problems:#?}");
}

#[test]
fn a_missing_or_broken_file_is_a_problem_and_its_name_may_come_from_the_environment() {
    let named = environment(&[
        ("SLUICE_CONFIG", "/nowhere/sluice.toml"),
        ("SLUICE_DATA", "d"),
    ]);
    let problems = load(Program::Standalone, None, &named, &BTreeMap::new())
        .unwrap_err()
        .0;
    assert!(problems[0].contains("/nowhere/sluice.toml"), "{problems:?}");
    let broken = file("data = ");
    assert!(
        load(
            Program::Standalone,
            Some(broken.path()),
            &[],
            &BTreeMap::new()
        )
        .is_err()
    );
}

#[test]
fn variables_of_others_are_reported_and_do_no_harm() {
    let environment = environment(&[("SLUICE_DATA", "d"), ("SLUICE_SERVICE_HOST", "10.0.0.1")]);
    let layered = load(Program::Standalone, None, &environment, &BTreeMap::new()).unwrap();
    assert_eq!(layered.unknown_variables, ["SLUICE_SERVICE_HOST"]);
}

#[test]
fn the_next_format_is_for_tests_and_no_setting() {
    let with = |next: &str| {
        let environment = environment(&[("SLUICE_DATA", "d"), ("SLUICE_TEST_NEXT_FORMAT", next)]);
        load(Program::Standalone, None, &environment, &BTreeMap::new())
    };
    let next = Formats::RELEASE.newest() + 1;
    let layered = with(&next.to_string()).unwrap();
    assert_eq!(layered.settings.formats.newest(), next);
    assert_eq!(layered.unknown_variables, Vec::<String>::new());
    assert!(!layered.to_file().to_lowercase().contains("next"));
    for other in ["", "1", "true", &(next + 1).to_string()] {
        let problems = with(other).unwrap_err().0;
        assert!(
            problems[0].contains("tests of upgrades only"),
            "{problems:?}"
        );
    }
    let flag = flags(&[("data", "d"), ("test-next-format", "2")]);
    assert!(load(Program::Standalone, None, &[], &flag).is_err());
}

#[test]
fn every_setting_has_a_name_of_its_own_and_a_default_that_reads_back() {
    let defaults = Settings::new("d");
    for program in [
        Program::Standalone,
        Program::StorageNode,
        Program::Worker,
        Program::Aggregator,
        Program::Operator,
    ] {
        let mut names: Vec<String> = of(program).map(|setting| variable(setting.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), of(program).count());
        for setting in of(program) {
            if let Some(text) = (setting.get)(&defaults) {
                let mut again = Settings::new("other");
                (setting.set)(&mut again, &text).unwrap();
                assert_eq!((setting.get)(&again), Some(text), "{}", setting.name);
            }
        }
    }
}

#[test]
fn a_role_takes_its_own_settings_and_says_which_it_cannot_do_without() {
    let given = flags(&[("data", "d"), ("developer-mode", "true")]);
    let problems = load(Program::Worker, None, &[], &given).unwrap_err();
    let expected = [
        "--developer-mode: there is no such setting",
        "hub: the hub has no name: give --hub",
        "id: this instance has no id: give --id",
        "storage-node: the way to the storage node is missing: give --storage-node",
    ];
    assert_eq!(problems.0, expected);
    let given = flags(&[
        ("data", "d"),
        ("hub", "h"),
        ("id", "0"),
        ("authority", "a"),
        ("lease", "3s"),
    ]);
    let layered = load(Program::StorageNode, None, &[], &given).unwrap();
    assert_eq!(layered.settings.lease, std::time::Duration::from_secs(3));
    assert!(!layered.to_file().contains("developer-mode"));
}
