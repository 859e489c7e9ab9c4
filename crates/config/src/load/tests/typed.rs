//! Settings as the runtime gets them.

use super::{configuration, pipe};
use crate::{
    Address, Authentication, Completeness, IfEmpty, NotRunnable, SetInitialOffset, Sink, Source,
    TextEncoding,
};

#[test]
fn a_csv_source_and_a_csv_publisher() {
    let pipe = pipe(
        r#""source": {"type": "csv", "system": "s", "url": "/x", "primary_key": "id", "delimiter": ";", "if_source_empty": "fail"},
           "sink": {"type": "csv_endpoint", "columns": ["_id", "a"], "skip_deleted_entities": false, "quoting": "non-numeric"}"#,
    );
    let Source::Csv(source) = &pipe.source else {
        panic!("{:?}", pipe.source)
    };
    assert_eq!(
        (source.primary_key.as_slice(), source.delimiter.as_deref()),
        (&["id".to_owned()][..], Some(";"))
    );
    assert_eq!(
        (source.if_source_empty, source.has_header, source.encoding),
        (IfEmpty::Fail, true, TextEncoding::default())
    );
    let Sink::CsvEndpoint(sink) = &pipe.sink else {
        panic!("{:?}", pipe.sink)
    };
    assert_eq!(
        (sink.skip_deleted_entities, sink.lineterminator.as_str()),
        (false, "\r\n")
    );
    assert!(pipe.is_publisher());
}

#[test]
fn a_dataset_source_and_sink() {
    let pipe = pipe(
        r#""source": {"type": "dataset", "dataset": "p", "subset": ["eq", "_S.a", "x"], "completeness": ["u"]},
           "sink": {"set-initial-offset": "onload", "indexes": "$ids", "circuit_breaker_threshold_factor": 0.5}"#,
    );
    assert!(pipe.valid, "{:?}", pipe.diagnostics);
    let Source::Dataset(source) = &pipe.source else {
        panic!("{:?}", pipe.source)
    };
    assert_eq!(
        source.completeness,
        Completeness::Datasets(vec!["u".to_owned()])
    );
    assert_eq!(
        source
            .subset
            .as_ref()
            .and_then(|subset| subset.value.as_str()),
        Some("x")
    );
    assert!(source.include_replaced && source.supports_signalling);
    let Sink::Dataset(sink) = &pipe.sink else {
        panic!("{:?}", pipe.sink)
    };
    assert_eq!(
        (sink.set_initial_offset, sink.indexes.len()),
        (SetInitialOffset::Onload, 1)
    );
    assert_eq!(
        (
            sink.circuit_breaker_threshold_factor,
            sink.max_entity_bytes_size
        ),
        (Some(0.5), 104_857_600)
    );
    assert_eq!(pipe.inputs, ["p"]);
}

#[test]
fn what_this_version_cannot_run_is_loaded_with_its_reason() {
    let text = r#"[{"_id": "s", "type": "system:mysql", "username": "u", "password": "$SECRET(own)", "host": "h", "database": "d"},
        {"_id": "in", "type": "pipe", "source": {"type": "sql", "system": "s", "table": "t", "updated_column": "u"}},
        {"_id": "out", "type": "pipe", "source": {"type": "dataset", "dataset": "in"}, "sink": {"type": "sql", "system": "s", "table": "t"}}]"#;
    let loaded = configuration(text);
    let refused = |part, kind: &str| {
        Err(NotRunnable::NotInThisVersion {
            part,
            kind: kind.to_owned(),
        })
    };
    assert_eq!(loaded.pipes["in"].runnable, refused("source", "sql"));
    assert_eq!(loaded.pipes["out"].runnable, refused("sink", "sql"));
    assert_eq!(
        loaded.systems["s"].runnable,
        refused("system", "system:mysql")
    );
    assert!(loaded.pipes.values().all(|pipe| pipe.valid));
    let source = loaded.pipes["in"]
        .effective
        .get("source")
        .expect("a source");
    assert_eq!(
        source
            .get("is_chronological")
            .and_then(|flag| flag.as_bool()),
        Some(true)
    );
}

#[test]
fn a_microservice() {
    let loaded = configuration(
        r#"[{"_id": "s", "type": "system:microservice", "authentication": "basic", "username": "u", "password": "$SECRET(own)",
              "read_timeout": 5, "use_https": true, "eager_load": false,
              "docker": {"image": "i:1", "port": "$ENV(port)", "cpu_quota": 50, "username": "r", "password": "$SECRET(own)",
                "hosts": {"h": "10.0.0.1"}, "skip_pull": true, "run_as_user": 0,
                "environment": {"A": "x$ENV(environment)", "B-C": {"k": [1]}, "D": 1.0, "E": "$SECRET(own)"}}},
            {"_id": "reader", "type": "pipe", "source": {"type": "json", "system": "s", "url": "/x"}}]"#,
    );
    let system = &loaded.systems["s"];
    assert_eq!(system.diagnostics, []);
    assert!(system.runnable.is_ok() && loaded.pipes["reader"].runnable.is_ok());
    let url = system.url.as_ref().expect("spoken to like a URL system");
    assert_eq!(url.address, Address::Microservice);
    assert_eq!(url.read_timeout, 5.0);
    assert!(
        matches!(&url.authentication, Authentication::Basic { username, .. } if username == "u")
    );
    let container = system.microservice.as_ref().expect("a container");
    assert_eq!(
        crate::Microservice::of(&system.effective).as_ref(),
        Some(container)
    );
    assert_eq!((container.image.as_str(), container.port), ("i:1", 8080));
    assert_eq!(
        (container.memory, container.cpu_quota, container.run_as_user),
        (128, 50, 0)
    );
    assert!(container.use_https && container.skip_pull && !container.eager_load);
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(
        container.environment,
        [
            pair("A", "xtest"),
            pair("B-C", r#"{"k":[1]}"#),
            pair("D", "1.0"),
            pair("E", "$SECRET(own)"),
        ]
    );
    assert_eq!(container.login, Some(pair("r", "$SECRET(own)")));
    assert_eq!(container.hosts, [pair("h", "10.0.0.1")]);
    assert!(!format!("{container:?}").contains("xtest"));
}

#[test]
fn a_url_system() {
    let loaded = configuration(
        r#"[{"_id": "s", "type": "system:url", "url_pattern": "https://h/%s", "authentication": "basic", "username": "u",
              "password": "$SECRET(own)", "retry_strategy": {"429": {"write_retry_delay": 30}, "default": {}}, "minimum_tls_version": "1.2"},
            {"_id": "jwt", "type": "system:url", "base_url": "https://h/", "authentication": "jwt", "jwt_token": "t"},
            {"_id": "incomplete", "type": "system:url", "url_pattern": "x", "authentication": "basic", "username": "u"},
            {"_id": "later", "type": "system:url", "url_pattern": "x", "authentication": "ntlm", "username": "u", "password": "p"},
            {"_id": "reader", "type": "pipe", "source": {"type": "json", "system": "later", "url": "x"}}]"#,
    );
    let url = loaded.systems["s"].url.as_ref().expect("a URL system");
    assert_eq!(url.address, Address::Pattern("https://h/%s".to_owned()));
    assert!(url.verify_ssl && url.allow_tls_1_2);
    assert!(
        matches!(&url.authentication, Authentication::Basic { password, .. } if password == "$SECRET(own)")
    );
    assert_eq!(
        url.retry_strategy
            .for_status(429)
            .and_then(|row| row.write_retry_delay),
        Some(30.0)
    );
    assert!((url.connect_timeout, url.read_timeout) == (60.0, 1800.0));
    let url = loaded.systems["jwt"].url.as_ref().expect("a URL system");
    assert_eq!(url.address, Address::Base("https://h/".to_owned()));
    assert!(!loaded.systems["incomplete"].valid);
    assert!(loaded.systems["later"].valid && loaded.systems["later"].runnable.is_err());
    assert!(loaded.pipes["reader"].valid && loaded.pipes["reader"].runnable.is_err());
}

#[test]
fn rules_are_compiled_with_variables_filled_in_and_problems_are_found_in_the_component() {
    let pipe = pipe(
        r#""source": {"type": "embedded", "entities": []}, "transform": [{"type": "dtl", "rules": {"default": [
            ["copy", "*"], ["add", "port", "$ENV(port)"],
            ["add", "x", ["no-such-function", 1]],
            ["add", "y", ["first", ["hops", {"datasets": ["elsewhere e"], "where": ["eq", "_S.a", "e.b"]}]]]]}}]"#,
    );
    let shown: Vec<String> = pipe.diagnostics.iter().map(super::shown).collect();
    assert_eq!(
        shown,
        ["error unknown-function transform/0/rules/default/2/2"]
    );
    assert!(!pipe.valid && pipe.runnable == Err(NotRunnable::Invalid));
}

#[test]
fn hops_into_a_dataset_that_nothing_writes_are_warned_about() {
    let pipe = pipe(
        r#""source": {"type": "dataset", "dataset": "p"}, "transform": {"type": "dtl", "rules": {"default": [
            ["add", "y", ["hops", {"datasets": ["elsewhere e"], "where": ["eq", "_S.a", "e.b"]}]]]}}"#,
    );
    assert_eq!(pipe.hop_datasets, ["elsewhere"]);
    let shown: Vec<String> = pipe.diagnostics.iter().map(super::shown).collect();
    assert_eq!(
        shown,
        ["warning unknown-dataset transform/rules/default/0/2/1/datasets/0"]
    );
}

#[test]
fn secrets_in_rules_are_for_functions_that_encrypt_and_decrypt() {
    let problems = |expression: &str| {
        let members = format!(
            r#""source": {{"type": "dataset", "dataset": "p"}}, "transform": {{"type": "dtl", "rules": {{"default": [["add", "y", {expression}]]}}}}"#
        );
        let codes = pipe(&members)
            .diagnostics
            .into_iter()
            .map(|problem| problem.code);
        codes
            .filter(|code| code.contains("secret"))
            .collect::<Vec<_>>()
    };
    assert!(problems(r#"["decrypt", "$SECRET(password)", "_S.a"]"#).is_empty());
    assert_eq!(
        problems(r#"["decrypt", "$SECRET(no)", "_S.a"]"#),
        ["unknown-secret"]
    );
    assert_eq!(
        problems(r#"["concat", "$SECRET(password)", "_S.a"]"#),
        ["secret-not-allowed"]
    );
}

#[test]
fn embedded_entities_may_get_their_id_from_a_transform() {
    let pipe = pipe(
        r#""source": {"type": "embedded", "entities": [{"a": 1}]},
           "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "_id", ["string", "_S.a"]]]}}"#,
    );
    assert!(
        pipe.valid && pipe.runnable.is_ok(),
        "{:?}",
        pipe.diagnostics
    );
    assert_eq!(pipe.transforms.len(), 1);
}
