//! Arbitrary text after a tilde: whatever it is taken for, it prints and reads back as the same value and compares equal to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_entity::{Json, Limits, Numbers, Reader, Style};

fuzz_target!(|text: &str| {
    for tag in ["~", "~:", "~r", "~t", "~b", "~u", "~f", "~~"] {
        let document = Json::from(format!("{tag}{text}")).to_string();
        let mut reader = Reader::new(Limits::default(), Numbers::default());
        let Ok(value) = reader.read_value(document.as_bytes()) else { continue };
        let mut printed = Vec::new();
        // Without the escape a string that begins with a tilde reads back as what it looks like (U11).
        value.value().write_json(&mut printed, &Style { escape_tilde: true, ..Style::default() });
        let again = reader.read_value(&printed).expect("what we print we can read");
        assert_eq!(value.value().kind(), again.value().kind());
        assert!(value.value().equals(again.value()));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        value.value().join_key(&mut left);
        again.value().join_key(&mut right);
        assert_eq!(left, right);
    }
});
