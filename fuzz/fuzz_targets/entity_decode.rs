//! Arbitrary bytes as JSON: refused with a place inside the input, or read, printed and read again to the same content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_entity::{ArrayReader, Limits, Numbers, Reader, Style};

fuzz_target!(|input: &[u8]| {
    let mut reader = Reader::new(Limits::default(), Numbers::default());
    match reader.read_value(input) {
        Err(error) => assert!(error.offset <= input.len() as u64, "an error outside the input"),
        Ok(value) => {
            let mut printed = Vec::new();
            // Without the escape a string that begins with a tilde reads back as what it looks like (U11).
            let style = Style { escape_tilde: true, ..Style::default() };
            value.value().write_json(&mut printed, &style);
            let again = reader.read_value(&printed).expect("what we print we can read");
            assert!(value.value().equals(again.value()), "print and read changed the value");
        }
    }
    // The streaming reader must agree with itself wherever the chunks end.
    let split = input.first().copied().unwrap_or(0) as usize % (input.len() + 1);
    let whole = stream(&[input]);
    assert_eq!(whole, stream(&[&input[..split], &input[split..]]));
});

fn stream(chunks: &[&[u8]]) -> (Vec<String>, bool) {
    let mut reader = ArrayReader::new(Reader::new(Limits::default(), Numbers::default()));
    let mut entities = Vec::new();
    for chunk in chunks {
        reader.push(chunk);
        loop {
            match reader.next() {
                Ok(Some(entity)) => entities.push(entity.body().to_json_string()),
                Ok(None) => break,
                Err(_) => return (entities, false),
            }
        }
    }
    let complete = reader.finish().is_ok();
    (entities, complete)
}
