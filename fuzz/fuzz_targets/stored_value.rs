//! Arbitrary bytes as an encoded value: damaged storage may give nothing or something else, never a panic or a hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_entity::{Limits, Style, Value};

fuzz_target!(|bytes: &[u8]| {
    let value = Value::from_encoded(bytes);
    let _ = value.check(&Limits::default());
    let mut out = Vec::new();
    value.write_json(&mut out, &Style::default());
    value.join_key(&mut out);
    let _ = value.order(value);
    if let Some(dict) = value.as_dict() {
        for (name, field) in dict.iter() {
            let _ = (dict.get(name), field.kind());
        }
    }
    if let Some(list) = value.as_list() {
        let _ = list.iter().map(|element| element.kind() as u8).max();
    }
});
