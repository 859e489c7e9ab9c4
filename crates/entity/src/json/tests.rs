//! The configuration tree.

use super::Json;
use crate::{Limits, Numbers, ReadCode};

fn parse(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn number_text_and_name_order_are_kept() {
    let text = "{\"b\":1.10,\"a\":[1e3,-0.0,123456789012345678901234567890],\"c\":\"~:x\\n\"}";
    assert_eq!(parse(text).to_string(), text);
    assert_eq!(parse(&parse(text).to_pretty()), parse(text));
    assert_eq!(parse("\u{feff}{}"), Json::object());
}

#[test]
fn pretty_text_is_indented_by_two() {
    let json = parse("{\"a\":[1,{\"b\":[]}],\"c\":{}}");
    assert_eq!(
        json.to_pretty(),
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}"
    );
}

#[test]
fn what_is_wrong_is_located() {
    let error = Json::parse(
        b"{\n  \"a\": {\"x\": 1, \"y\": 2, \"x\": 3}\n}",
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(error.code, ReadCode::DuplicateKey("x".into()));
    assert_eq!(
        (error.path.as_str(), error.line, error.column),
        ("a", 2, 25)
    );
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(
        Json::parse(deep.as_bytes(), &Limits::default())
            .unwrap_err()
            .code,
        ReadCode::TooDeep(100)
    );
    for (text, code) in [
        (&b"[1,]"[..], ReadCode::Expected("a value")),
        (b"", ReadCode::UnexpectedEnd),
        (b"[1e9999]", ReadCode::ExponentTooLarge(4096)),
        (b"\"\xff\"", ReadCode::Utf8),
        (b"{} {}", ReadCode::Trailing),
        (b"\"\\ud800\"", ReadCode::LoneSurrogate),
    ] {
        assert_eq!(
            Json::parse(text, &Limits::default()).unwrap_err().code,
            code
        );
    }
}

#[test]
fn fields_can_be_read_set_and_removed() {
    let mut json = parse("{\"a\":1,\"b\":true}");
    assert_eq!(json.get("a").and_then(Json::as_i64), Some(1));
    json.set("a", Json::from("x"));
    json.set("c", Json::from(vec![Json::from(2i64)]));
    assert_eq!(json.to_string(), "{\"a\":\"x\",\"b\":true,\"c\":[2]}");
    *json.get_mut("b").unwrap() = Json::Null;
    assert!(json.remove("a").is_some() && json.remove("a").is_none());
    assert_eq!(json.to_string(), "{\"b\":null,\"c\":[2]}");
    let mut scalar = Json::Null;
    scalar.set("a", Json::from(false));
    assert_eq!(scalar.to_string(), "{\"a\":false}");
}

#[test]
fn meaning_does_not_depend_on_order_or_number_text() {
    assert!(
        parse("{\"a\":1.0,\"b\":[{\"x\":1,\"y\":2}]}")
            .same_meaning(&parse("{\"b\":[{\"y\":2,\"x\":1e0}],\"a\":1}"))
    );
    for (a, b) in [
        ("[1,2]", "[2,1]"),
        ("{\"a\":1}", "{\"b\":1}"),
        ("{\"a\":1}", "{\"a\":1,\"b\":2}"),
        ("1", "\"1\""),
    ] {
        assert!(!parse(a).same_meaning(&parse(b)), "{a} {b}");
    }
}

#[test]
fn values_come_back_as_they_went() {
    let text = "{\"b\":\"~f1.10\",\"a\":[1,null,true,\"~:x:y\",\"~t2020-01-01\",\"~bYWJj\",\"~~:plain\"],\"c\":123456789012345678901}";
    let json = parse(text);
    let value = json.to_value(&Numbers::default());
    assert_eq!(
        value
            .value()
            .get("a")
            .unwrap()
            .as_list()
            .unwrap()
            .get(3)
            .unwrap()
            .as_ni(),
        Some("x:y")
    );
    assert_eq!(Json::from_value(value.value()), json);
}
