//! Arbitrary text after a tilde: whatever it is taken for, it prints and reads back as the same value and compares equal to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_entity::{Json, Limits, Numbers, Reader};

fuzz_target!(|text: &str| {
    for tag in ["~", "~:", "~r", "~t", "~b", "~u", "~f", "~~"] {
        let document = Json::from(format!("{tag}{text}")).to_string();
        let mut reader = Reader::new(Limits::default(), Numbers::default());
        let Ok(value) = reader.read_value(document.as_bytes()) else { continue };
        let again = reader.read_value(value.value().to_json_string().as_bytes()).expect("what we print we can read");
        assert_eq!(value.value().kind(), again.value().kind());
        assert!(value.value().equals(again.value()));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        value.value().join_key(&mut left);
        again.value().join_key(&mut right);
        assert_eq!(left, right);
    }
});
