//! Reading: what is accepted, what is refused and where.

use super::{ArrayReader, Limits, Numbers, ReadCode, ReadError, Reader};
use crate::{Kind, Style, Value, ValueBuf};

const FLOATS: Numbers = Numbers {
    float_as_decimal: false,
    float_as_int: false,
};

fn read(text: &str) -> Result<ValueBuf, ReadError> {
    Reader::default().read_value(text.as_bytes())
}

fn error(text: &str) -> ReadError {
    match read(text) {
        Ok(value) => panic!("{text} was read as {value:?}"),
        Err(error) => error,
    }
}

fn print(value: Value<'_>) -> String {
    value.to_json_string()
}

#[test]
fn json_is_read_and_printed_again_as_it_was() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "127",
        "128",
        "-128",
        "-129",
        "9223372036854775807",
        "[]",
        "{}",
        "[[],{}]",
        "\"\"",
        "\"a\"",
        "\"æøå\"",
        "\"~\"",
        "\"~x\"",
        "\"\\\"\\\\\\n\\u0000\"",
        "{\"b\":1,\"a\":2}",
        "{\"\":1}",
        "{\"a\":{\"c\":[1,2,{\"b\":null}]},\"$x\":\"y\"}",
        "[1,\"two\",[3.5,null]]",
        "{\"a\\nb\":1}",
        "{\"__proto__\":{\"x\":1},\"constructor\":2,\"toString\":3}",
        "\"~:person:1\"",
        "\"~rhttp://example.com/\"",
        "\"~t2015-07-28\"",
        "\"~t2015-07-28T09:46:00.123Z\"",
        "\"~bYWJj\"",
        "\"~u9f598f65-46e7-4d09-9a2b-0f3b3b3b3b3b\"",
        "\"~f1.10\"",
        "\"~f2500.00\"",
        "\"~f1E+400\"",
        "\"~t2015-02-30\"",
        "\"~b%%\"",
        "\"~u123\"",
        "\"~fabc\"",
        "\"~q1\"",
        "\"~:a\\\"b\"",
    ] {
        let printed = print(read(text).unwrap().value());
        let expected = if text == "[1,\"two\",[3.5,null]]" {
            "[1,\"two\",[\"~f3.5\",null]]"
        } else {
            text
        };
        assert_eq!(printed, expected);
    }
}

#[test]
fn white_space_and_escapes_do_not_matter() {
    let plain = read("{\"a\":[1,\"b\"],\"é\":\"/\"}").unwrap();
    let odd = read(" \n{ \"\\u0061\" :\t[ 1 , \"\\u0062\" ] ,\r\n \"\\u00e9\":\"\\/\" } ").unwrap();
    assert_eq!(plain.encoded(), odd.encoded());
    assert_eq!(
        read("\"\\ud83d\\ude00\"").unwrap().value().as_str(),
        Some("😀")
    );
}

#[test]
fn numbers_become_what_the_settings_say() {
    let cases = [
        // text, default, as floats (EM15 off)
        ("1", "1", "1"),
        ("1.0", "1", "1.0"),
        ("-0.0", "0", "-0.0"),
        ("0", "0", "0"),
        ("-0", "0", "0"),
        ("1.5", "\"~f1.5\"", "1.5"),
        ("1.10", "\"~f1.10\"", "1.1"),
        ("1e3", "1000", "1000.0"),
        ("1.5e1", "15", "15.0"),
        ("1e-2", "\"~f0.01\"", "0.01"),
        ("100.00", "100", "100.0"),
        (
            "123456789012345678",
            "123456789012345678",
            "123456789012345678",
        ),
        (
            "1234567890123456789",
            "1234567890123456789",
            "1234567890123456789",
        ),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        (
            "123456789012345678901234567890.0",
            "123456789012345678901234567890",
            "1.2345678901234568e29",
        ),
        ("1e400", "\"~f1E+400\"", "\"~f1E+400\""),
        (
            "0.1234567890123456789",
            "\"~f0.1234567890123456789\"",
            "0.12345678901234568",
        ),
    ];
    for (text, default, floats) in cases {
        assert_eq!(print(read(text).unwrap().value()), default, "{text}");
        let value = Reader::new(Limits::default(), FLOATS)
            .read_value(text.as_bytes())
            .unwrap();
        assert_eq!(print(value.value()), floats, "{text} with floats");
    }
}

/// The table of the hub's answers to hostile JSON.
#[test]
fn hostile_json_has_one_documented_answer_per_case() {
    // A 30-digit integer is exact.
    let big = read("123456789012345678901234567890").unwrap();
    assert_eq!(
        (big.value().kind(), print(big.value()).as_str()),
        (Kind::Int, "123456789012345678901234567890")
    );
    // 1e400 is an exact decimal; exponents end at ±4096.
    assert_eq!(read("1e400").unwrap().value().kind(), Kind::Decimal);
    assert_eq!(
        read("1e400")
            .unwrap()
            .value()
            .as_number()
            .unwrap()
            .to_big_int()
            .unwrap()
            .to_string()
            .len(),
        401
    );
    assert!(read("1e4096").is_ok() && read("1e-4096").is_ok());
    assert_eq!(error("1e4097").code, ReadCode::ExponentTooLarge(4096));
    assert_eq!(error("1e-4097").code, ReadCode::ExponentTooLarge(4096));
    assert_eq!(
        error("1e99999999999999999999").code,
        ReadCode::ExponentTooLarge(4096)
    );
    // 1.10 is a decimal printed as written, equal to 1.1.
    let (long, short) = (read("1.10").unwrap(), read("1.1").unwrap());
    assert_eq!(print(long.value()), "\"~f1.10\"");
    assert!(long.value().equals(short.value()) && long.encoded() != short.encoded());
    // 1.0 is the integer 1; a float where that is switched off, equal but other content.
    assert_eq!(read("1.0").unwrap().value().as_i64(), Some(1));
    let float = Reader::new(Limits::default(), FLOATS)
        .read_value(b"1.0")
        .unwrap();
    assert_eq!(float.value().kind(), Kind::Float);
    assert!(
        float.value().equals(read("1").unwrap().value())
            && float.encoded() != read("1").unwrap().encoded()
    );
    // -0.0 is 0, or kept.
    assert_eq!(read("-0.0").unwrap().value().as_i64(), Some(0));
    assert_eq!(
        print(
            Reader::new(Limits::default(), FLOATS)
                .read_value(b"-0.0")
                .unwrap()
                .value()
        ),
        "-0.0"
    );
    // Duplicate keys are refused with their path, lone surrogates as well.
    assert_eq!(
        error("{\"a\":{\"b\":1,\"b\":2}}").to_string(),
        "duplicate key \"b\" at a (byte 12, line 1, column 13)"
    );
    for lone in [
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "{\"\\udfff\":1}",
    ] {
        assert_eq!(error(lone).code, ReadCode::LoneSurrogate, "{lone}");
    }
}

#[test]
fn a_million_floats_printed_and_read_again_do_not_change() {
    let mut state = 88172645463325252u64;
    let mut reader = Reader::new(Limits::default(), FLOATS);
    let mut text = Vec::new();
    for _ in 0..1_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let float = f64::from_bits(state);
        if !float.is_finite() {
            continue;
        }
        text.clear();
        text.extend_from_slice(format!("{float:?}").as_bytes());
        let bits = match reader.read_borrowed(&text).unwrap().as_number() {
            Some(number) => number.to_f64().to_bits(),
            None => 0,
        };
        assert_eq!(bits, float.to_bits(), "{float:?}");
    }
}

#[test]
fn nesting_is_refused_at_the_limit_whatever_comes_behind() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    assert!(read(&nested("[", "]", 100)).is_ok());
    assert!(read(&nested("{\"a\":", "}", 100)).is_ok());
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        for depth in [101, 100_000, 2_000_000 / open.len()] {
            let found = error(&nested(open, close, depth));
            assert_eq!(found.code, ReadCode::TooDeep(100));
            assert!(found.offset < 1000);
            let unclosed = error(&open.repeat(depth));
            assert_eq!(unclosed.code, ReadCode::TooDeep(100));
        }
    }
    let deep = Limits {
        depth: usize::MAX,
        ..Limits::default()
    };
    let found = Reader::new(deep, Numbers::default())
        .read_value("[".repeat(2_000_000).as_bytes())
        .unwrap_err();
    assert_eq!(found.code, ReadCode::TooDeep(1000));
}

#[test]
fn each_limit_is_refused_above_and_accepted_at_it() {
    let limits = Limits {
        depth: 3,
        entity_bytes: 50,
        digits: 10,
        exponent: 20,
    };
    let mut reader = Reader::new(limits, Numbers::default());
    let string = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let cases: [(String, String, String, ReadCode); 4] = [
        (
            string(50),
            string(51),
            string(50_000),
            ReadCode::TooLarge(50),
        ),
        (nested(3), nested(4), nested(24), ReadCode::TooDeep(3)),
        (
            "1234567890".into(),
            "12345678901".into(),
            "1".repeat(49),
            ReadCode::TooManyDigits(10),
        ),
        (
            "1e20".into(),
            "1e21".into(),
            "1e20000".into(),
            ReadCode::ExponentTooLarge(20),
        ),
    ];
    for (fits, above, far_above, code) in cases {
        assert!(reader.read_value(fits.as_bytes()).is_ok(), "{fits}");
        assert_eq!(reader.read_value(above.as_bytes()).unwrap_err().code, code);
        assert_eq!(
            reader.read_value(far_above.as_bytes()).unwrap_err().code,
            code
        );
    }
}

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("", "unexpected end of text (byte 0, line 1, column 1)"),
        (
            "{\"a\":1",
            "unexpected end of text (byte 6, line 1, column 7)",
        ),
        (
            "{\"a\":tru",
            "unexpected end of text at a (byte 8, line 1, column 9)",
        ),
        (
            "{\n \"a\": [1,\n  x]}",
            "expected a value at a[1] (byte 14, line 3, column 3)",
        ),
        ("[1 2]", "expected `,` or `]` (byte 3, line 1, column 4)"),
        ("[1,]", "expected a value at [1] (byte 3, line 1, column 4)"),
        (
            "{\"a\":1,}",
            "expected a name in quotes (byte 7, line 1, column 8)",
        ),
        (
            "{a:1}",
            "expected a name in quotes (byte 1, line 1, column 2)",
        ),
        ("{\"a\" 1}", "expected `:` (byte 5, line 1, column 6)"),
        (
            "1 2",
            "unexpected text behind the end (byte 2, line 1, column 3)",
        ),
        ("01", "invalid number (byte 1, line 1, column 2)"),
        ("[1.x]", "invalid number at [0] (byte 3, line 1, column 4)"),
        (
            "{\"a b\":[\"\\q\"]}",
            "invalid escape in a string at [\"a b\"][0] (byte 9, line 1, column 10)",
        ),
        (
            "\"\u{1}\"",
            "control character in a string (byte 1, line 1, column 2)",
        ),
        (
            "\"\\u12g4\"",
            "invalid escape in a string (byte 5, line 1, column 6)",
        ),
        ("nul1", "expected a value (byte 0, line 1, column 1)"),
        ("NaN", "expected a value (byte 0, line 1, column 1)"),
        ("+1", "expected a value (byte 0, line 1, column 1)"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text).to_string(), expected, "{text}");
    }
    let mut reader = Reader::default();
    let found = reader.read_value(b"{\"a\":\n\"x\xffy\"}").unwrap_err();
    assert_eq!(
        (found.code, found.offset, found.line, found.column),
        (ReadCode::Utf8, 8, 2, 3)
    );
    // What is wrong earlier is said first.
    assert_eq!(
        reader.read_value(b"[x,\"\xff\"]").unwrap_err().code,
        ReadCode::Expected("a value")
    );
    assert_eq!(
        reader.read_entity(b"[1]").unwrap_err().code,
        ReadCode::NotObject
    );
}

#[test]
fn duplicate_keys_are_found_in_every_shape_of_dict() {
    let mut reader = Reader::default();
    // The second time the names are guessed.
    for _ in 0..3 {
        assert!(reader.read_value(b"{\"b\":1,\"a\":2,\"c\":3}").is_ok());
        for text in [
            "{\"b\":1,\"a\":2,\"b\":3}",
            "{\"b\":1,\"b\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"b\":1,\"a\":2,\"c\":3,\"a\":4}",
        ] {
            assert!(
                matches!(
                    reader.read_value(text.as_bytes()).unwrap_err().code,
                    ReadCode::DuplicateKey(_)
                ),
                "{text}"
            );
        }
    }
    let many: String = (0..1000)
        .map(|i| format!("\"k{}\":1,", i * 7919 % 1000))
        .collect();
    let found = error(&format!("{{{many}\"k5\":2}}"));
    assert_eq!(found.code, ReadCode::DuplicateKey("k5".into()));
    assert_eq!(found.offset as usize, many.len() + 1);
}

#[test]
fn a_dict_of_a_hundred_thousand_names_is_no_burden() {
    let names: String = (0..100_000)
        .map(|i| format!("\"k{}\":{i},", (i * 7919) % 100_000))
        .collect();
    let text = format!("{{{}\"_id\":\"a\"}}", names);
    let begin = std::time::Instant::now();
    let value = read(&text).unwrap();
    let dict = value.value().as_dict().unwrap();
    assert_eq!(dict.len(), 100_001);
    for i in (0..100_000).step_by(97) {
        assert_eq!(
            dict.get(&format!("k{}", (i * 7919) % 100_000))
                .unwrap()
                .as_i64(),
            Some(i)
        );
    }
    // Quadratic work would take a hundred times as long.
    assert!(begin.elapsed().as_secs() < 5);
    let name = "n".repeat(1 << 20);
    let value = read(&format!("{{\"{name}\":1}}")).unwrap();
    assert_eq!(value.value().get(&name).unwrap().as_i64(), Some(1));
}

#[test]
fn dicts_under_the_same_name_inside_each_other_do_not_disturb_the_guesses() {
    let mut reader = Reader::default();
    for text in [
        "{\"z\":1,\"c\":{\"z\":1,\"c\":{\"z\":2,\"b\":3,\"a\":4},\"a\":5},\"a\":6}",
        "{\"z\":1,\"c\":{\"z\":1,\"c\":{\"q\":2,\"b\":3},\"a\":5,\"b\":1},\"a\":6}",
        "{\"z\":1,\"c\":[{\"z\":1,\"c\":{\"z\":2}},{\"z\":1,\"a\":{}},{\"z\":3,\"c\":{\"z\":2}}],\"a\":6}",
        "{\"z\":1}",
        "{\"z\":1,\"c\":{}}",
    ] {
        for _ in 0..3 {
            let value = reader.read_value(text.as_bytes()).unwrap();
            assert_eq!(print(value.value()), text);
            value.value().check(&Limits::default()).unwrap();
        }
    }
}

#[test]
fn transit_can_be_switched_off_and_tildes_escaped() {
    let mut plain = Reader::default().with_transit(false);
    let value = plain.read_value(b"[\"~:a\",\"~f1.5\",\"~\"]").unwrap();
    assert!(
        value
            .value()
            .as_list()
            .unwrap()
            .iter()
            .all(|item| item.kind() == Kind::String)
    );
    let escaped = read("\"~~:a\"").unwrap();
    assert_eq!(escaped.value().as_str(), Some("~:a"));
    let mut out = Vec::new();
    escaped.value().write_json(
        &mut out,
        &Style {
            escape_tilde: true,
            ..Style::default()
        },
    );
    assert_eq!(out, b"\"~~:a\"");
}

fn read_array(chunks: &[&[u8]]) -> Result<Vec<String>, ReadError> {
    let mut reader = ArrayReader::new(Reader::default());
    let mut found = Vec::new();
    for chunk in chunks {
        reader.push(chunk);
        while let Some(entity) = reader.next()? {
            found.push(print(entity.body()));
        }
    }
    reader.finish()?;
    Ok(found)
}

#[test]
fn arrays_give_the_same_entities_wherever_they_are_cut() {
    let text = "[ {\"_id\":\"1\",\"é\":\"\\\\\\\"]}\"},\n{\"_id\":\"2\",\"a\":[{\"b\":[1.5,true]}]} , {\"_id\":\"😀\"}] \n".as_bytes();
    let whole = read_array(&[text]).unwrap();
    assert_eq!(whole.len(), 3);
    for cut in 0..=text.len() {
        let (head, tail) = text.split_at(cut);
        assert_eq!(read_array(&[head, tail]).unwrap(), whole, "cut at {cut}");
        let middle = cut / 2;
        assert_eq!(
            read_array(&[&head[..middle], &head[middle..], tail]).unwrap(),
            whole
        );
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(read_array(&bytes).unwrap(), whole);
}

#[test]
fn an_entity_is_given_out_as_soon_as_it_has_arrived() {
    let mut reader = ArrayReader::new(Reader::default());
    for byte in b"[{\"a\":\"xy" {
        reader.push(&[*byte]);
        assert!(reader.next().unwrap().is_none());
    }
    reader.push(b"\"}");
    assert!(reader.next().unwrap().is_some());
    assert_eq!(reader.count(), 1);
    assert!(reader.next().unwrap().is_none());
    reader.push(b"]");
    reader.finish().unwrap();
}

#[test]
fn arrays_that_are_wrong_are_refused_with_the_place() {
    let cases: [(&str, ReadCode, u64, &str); 12] = [
        ("", ReadCode::UnexpectedEnd, 0, ""),
        ("{\"a\":1}", ReadCode::NotArray, 0, ""),
        ("\"x\"", ReadCode::NotArray, 0, ""),
        ("[", ReadCode::UnexpectedEnd, 1, "[0]"),
        ("[1]", ReadCode::NotObject, 1, "[0]"),
        ("[{}", ReadCode::UnexpectedEnd, 3, ""),
        ("[{},", ReadCode::UnexpectedEnd, 4, "[1]"),
        ("[{},]", ReadCode::NotObject, 4, "[1]"),
        ("[{} {}]", ReadCode::Expected("`,` or `]`"), 4, ""),
        ("[{}] x", ReadCode::Trailing, 5, ""),
        (
            "[{},\n{\"a\":{\"b\":1,\"b\":2}}]",
            ReadCode::DuplicateKey("b".into()),
            17,
            "[1].a",
        ),
        (
            "[{},{\"a\":[}]",
            ReadCode::Expected("a value"),
            10,
            "[1].a[0]",
        ),
    ];
    for (text, code, offset, path) in cases {
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        for pieces in [vec![text.as_bytes()], chunks] {
            let found = read_array(&pieces).unwrap_err();
            assert_eq!(
                (&found.code, found.offset, found.path.as_str()),
                (&code, offset, path),
                "{text}"
            );
        }
    }
    let found = read_array(&[b"[{},\n{\"a\":", b"\"\xff\"}]"]).unwrap_err();
    assert_eq!(
        (found.code, found.offset, found.line, found.column),
        (ReadCode::Utf8, 11, 2, 7)
    );
    assert_eq!(
        read_array(&[b"[{}]\xc3"]).unwrap_err().code,
        ReadCode::UnexpectedEnd
    );
}

#[test]
fn a_single_object_is_taken_where_allowed() {
    let mut reader = ArrayReader::new(Reader::default()).allow_single(true);
    reader.push(b" {\"_id\":\"1\"} ");
    assert_eq!(reader.next().unwrap().unwrap().id(), Some("1"));
    reader.finish().unwrap();
    let mut reader = ArrayReader::new(Reader::default()).allow_single(true);
    reader.push(b"{\"_id\":\"1\"},{}");
    assert!(reader.next().unwrap().is_some());
    assert_eq!(reader.next().unwrap_err().code, ReadCode::Trailing);
    assert_eq!(reader.next().unwrap_err().code, ReadCode::Trailing);
}

#[test]
fn an_entity_above_the_limit_is_refused_while_it_arrives() {
    let limits = Limits {
        entity_bytes: 1000,
        ..Limits::default()
    };
    let mut reader = ArrayReader::new(Reader::new(limits, Numbers::default()));
    reader.push(b"[{\"_id\":\"1\"},{\"a\":\"");
    assert!(reader.next().unwrap().is_some());
    let mut pushed = 0;
    let found = loop {
        reader.push(&[b'x'; 100]);
        pushed += 100;
        assert!(pushed <= 1200, "more than the limit was taken");
        match reader.next() {
            Ok(None) => {}
            Ok(Some(_)) => panic!("there is no end yet"),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (found.code, found.index),
        (ReadCode::TooLarge(1000), Some(1))
    );
    // At the limit it is taken, whole or in pieces.
    for extra in [0, 1] {
        let entity = format!("{{\"a\":\"{}\"}}", "x".repeat(992 + extra));
        let mut reader = ArrayReader::new(Reader::new(limits, Numbers::default()));
        reader.push(format!("[{entity}]").as_bytes());
        assert_eq!(reader.next().is_ok(), extra == 0);
    }
}

#[test]
fn a_bomb_of_brackets_in_an_array_is_refused_as_it_arrives() {
    for open in ["[", "{\"a\":"] {
        let mut reader = ArrayReader::new(Reader::default());
        reader.push(b"[{\"a\":");
        let mut pushed = 0;
        let code = loop {
            reader.push(open.as_bytes());
            pushed += 1;
            assert!(pushed < 200);
            match reader.next() {
                Ok(_) => {}
                Err(error) => break error.code,
            }
        };
        assert_eq!(code, ReadCode::TooDeep(100));
    }
}

#[test]
fn memory_stays_bounded_over_a_long_array() {
    let mut reader = ArrayReader::new(Reader::default());
    let entity = format!("{{\"_id\":\"{}\"}},", "x".repeat(1000));
    reader.push(b"[");
    for _ in 0..2000 {
        reader.push(entity.as_bytes());
        assert!(reader.next().unwrap().is_some());
        assert!(reader.held() < 16 * 1024);
    }
    assert_eq!(reader.count(), 2000);
}
