//! The entities of the comparison: customers with an address, phones and five order lines, about 0.9 KB each, the same for every seed.

use serde_json::{Value, json};

const FIRST: [&str; 8] = [
    "Anna", "Bjørn", "Cecilie", "David", "Erik", "Frida", "Gunnar", "Hanne",
];
const LAST: [&str; 8] = [
    "Hansen",
    "Johansen",
    "Olsen",
    "Larsen",
    "Andersen",
    "Pedersen",
    "Nilsen",
    "Kristiansen",
];
const CITIES: [&str; 6] = [
    "Oslo",
    "Bergen",
    "Trondheim",
    "Stavanger",
    "Drammen",
    "Tromsø",
];

/// A small generator (xorshift): the data must be the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// `count` customers as JSON text.
pub fn people(count: u64) -> Vec<Vec<u8>> {
    let mut random = Random(88_172_645_463_325_252);
    (0..count)
        .map(|number| person(number, &mut random).to_string().into_bytes())
        .collect()
}

fn person(number: u64, random: &mut Random) -> Value {
    let (first, last) = (random.pick(&FIRST), random.pick(&LAST));
    let lines: Vec<Value> = (0..5)
        .map(|line| {
            json!({
                "line": line,
                "sku": format!("SKU-{:06}", random.below(900_000)),
                "qty": 1 + random.below(9),
                "price": random.below(100_000) as f64 / 100.0,
                "wh": format!("W{}", random.below(20)),
            })
        })
        .collect();
    json!({
        "_id": number.to_string(),
        "id": number,
        "first_name": first,
        "last_name": last,
        "email": format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase()),
        "birth": format!("{:04}-{:02}-{:02}T00:00:00Z", 1940 + random.below(65), 1 + random.below(12), 1 + random.below(28)),
        "address": {
            "street": format!("Storgata {}", random.below(200)),
            "zip": format!("{:04}", random.below(9999)),
            "city": random.pick(&CITIES),
            "country": "no",
        },
        "phones": [
            {"t": "mobile", "n": format!("+47{:08}", random.below(99_999_999))},
            {"t": "work", "n": format!("+47{:08}", random.below(99_999_999))},
        ],
        "lines": lines,
        "status": if random.below(3) == 0 { "inactive" } else { "active" },
        "updated": "2026-03-01T12:34:56.789Z",
        "note": "The customer called about the delivery of the last order and asked to be contacted by e-mail, not by phone. To be followed up next week with a new quote.",
        "internal_a": random.below(1 << 30),
        "internal_b": format!("{:016x}", random.next()),
        "internal_c": null,
    })
}
