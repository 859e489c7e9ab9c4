//! The orders that are stored: about 0.9 KB of JSON each, with scattered ids, and the typed form that a loop by hand reads.

use serde::Deserialize;

/// The order's number.
pub fn document(number: u64) -> Vec<u8> {
    let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut text = format!(
        r#"{{"_id": "{id:016x}", "order": {number}, "customer": {{"id": "c-{}", "name": "Kari Nordmann", "city": "Tromsø"}}, "price": {}.{:02}, "paid": {}, "created": "~t2024-05-{:02}T10:00:00Z", "lines": ["#,
        number % 9_973,
        number % 1_000,
        number % 100,
        number.is_multiple_of(3),
        number % 28 + 1
    );
    for line in 0..9 {
        let comma = if line == 0 { "" } else { ", " };
        let sku = id.rotate_left(line * 7);
        text += &format!(
            r#"{comma}{{"sku": "{sku:016x}", "quantity": {}, "note": "line {line} of order {number}"}}"#,
            number % 7 + 1
        );
    }
    text += "]}";
    text.into_bytes()
}

/// Where the id lies in the text of every document.
pub fn id(document: &[u8]) -> &[u8] {
    &document[9..25]
}

/// What a loop by hand makes of a document before it stores it.
#[derive(Deserialize)]
#[allow(dead_code, reason = "a typed reader fills every field, used or not")]
pub struct Order {
    #[serde(rename = "_id")]
    pub id: String,
    order: u64,
    customer: Customer,
    price: f64,
    paid: bool,
    created: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Customer {
    id: String,
    name: String,
    city: String,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Line {
    sku: String,
    quantity: u32,
    note: String,
}
