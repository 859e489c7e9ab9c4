//! One typical entity (901 bytes in, 744 out) from bytes to bytes: DTL against a loop in plain Rust over
//! `serde_json`. Both results are compared before anything is measured.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, Value as Native, json};
use sluice_dtl::{Environment, Evaluator, MemoryLookup, Options, Program, compile};
use sluice_entity::{Datetime, Json, Limits, Numbers, Reader, Style, Value};

const NUMBERS: Numbers = Numbers {
    float_as_decimal: false,
    float_as_int: true,
};

const PROGRAM: &str = r#"{"type": "dtl", "rules": {
    "default": [
        ["add", "_id", ["concat", "crm-person:", ["string", "_S.id"]]],
        ["add", "firstName", "_S.first_name"],
        ["add", "lastName", "_S.last_name"],
        ["add", "fullName", ["upper", ["concat", "_S.first_name", " ", "_S.last_name"]]],
        ["add", "email", ["lower", "_S.email"]],
        ["add", "birthEpoch", ["datetime-diff", "second", ["datetime", "_S.birth"], "~t1970-01-01T00:00:00Z"]],
        ["add", "address", "_S.address"],
        ["add", "country", ["upper", "_S.address.country"]],
        ["add", "active", ["eq", "_S.status", "active"]],
        ["add", "phone", ["path", "n", ["first", "_S.phones"]]],
        ["add", "note", "_S.note"],
        ["add", "updated", "_S.updated"],
        ["add", "lines", ["apply", "line", "_S.lines"]]
    ],
    "line": [["copy", ["list", "sku", "qty"]], ["add", "total", ["multiply", "_S.qty", "_S.price"]]]
}}"#;

struct Still;

impl Environment for Still {
    fn now(&self) -> Datetime {
        Datetime::from_unix(0, 0).expect("1970 is between the years 1 and 9999")
    }

    fn uuid(&self) -> [u8; 16] {
        [0; 16]
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// A small generator of numbers, so that every run has the same entities.
struct Numbered(u64);

impl Numbered {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

fn customer(id: u64, random: &mut Numbered) -> Vec<u8> {
    let first = random.one_of(&[
        "Anna", "Bjørn", "Cecilie", "David", "Erik", "Frida", "Gunnar", "Hanne",
    ]);
    let last = random.one_of(&[
        "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen",
    ]);
    let line = |line: u64, random: &mut Numbered| {
        json!({"line": line, "sku": format!("SKU-{:06}", random.below(900_000)), "qty": 1 + random.below(9),
            "price": random.below(100_000) as f64 / 100.0, "wh": format!("W{}", random.below(20))})
    };
    let lines: Vec<Native> = (0..5).map(|number| line(number, random)).collect();
    let entity = json!({
        "_id": id.to_string(), "id": id, "first_name": first, "last_name": last,
        "email": format!("{}.{}{id}@example.com", first.to_lowercase(), last.to_lowercase()),
        "birth": format!("{:04}-{:02}-{:02}T00:00:00Z", 1940 + random.below(65), 1 + random.below(12), 1 + random.below(28)),
        "address": {"street": format!("Storgata {}", random.below(200)), "zip": format!("{:04}", random.below(9999)),
            "city": random.one_of(&["Oslo", "Bergen", "Trondheim", "Stavanger", "Drammen", "Tromsø"]), "country": "no"},
        "phones": [{"t": "mobile", "n": format!("+47{:08}", random.below(99_999_999))},
            {"t": "work", "n": format!("+47{:08}", random.below(99_999_999))}],
        "lines": lines,
        "status": if random.below(3) == 0 { "inactive" } else { "active" },
        "updated": "2026-03-01T12:34:56.789Z",
        "note": "Customer called about the delivery of the last order; asked to be contacted by e-mail and not by phone. Follow up next week with a new quote.",
        "internal_a": random.below(1 << 30), "internal_b": format!("{:016x}", random.next()), "internal_c": null
    });
    serde_json::to_vec(&entity).expect("a tree of plain values")
}

fn native(text: &[u8], out: &mut Vec<u8>) {
    let source: Native = serde_json::from_slice(text).expect("valid JSON");
    let text_of = |name: &str| source[name].as_str().expect("a string");
    let (first, last) = (text_of("first_name"), text_of("last_name"));
    let birth = Datetime::parse(text_of("birth")).expect("a date").seconds();
    let line = |line: &Native| {
        let total = line["qty"]
            .as_f64()
            .zip(line["price"].as_f64())
            .map(|(quantity, price)| quantity * price);
        json!({"sku": line["sku"], "qty": line["qty"], "total": total})
    };
    let mut target = Map::new();
    target.insert("_id".into(), format!("crm-person:{}", source["id"]).into());
    target.insert("firstName".into(), first.into());
    target.insert("lastName".into(), last.into());
    target.insert(
        "fullName".into(),
        format!("{first} {last}").to_uppercase().into(),
    );
    target.insert("email".into(), text_of("email").to_lowercase().into());
    target.insert("birthEpoch".into(), birth.into());
    target.insert("address".into(), source["address"].clone());
    target.insert(
        "country".into(),
        source["address"]["country"]
            .as_str()
            .map(str::to_uppercase)
            .into(),
    );
    target.insert("active".into(), (source["status"] == "active").into());
    target.insert("phone".into(), source["phones"][0]["n"].clone());
    target.insert("note".into(), source["note"].clone());
    target.insert("updated".into(), source["updated"].clone());
    target.insert(
        "lines".into(),
        source["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(line)
            .collect(),
    );
    serde_json::to_writer(out, &target).expect("written to memory");
}

fn dtl(reader: &mut Reader, evaluator: &mut Evaluator<'_>, text: &[u8], out: &mut Vec<u8>) {
    let source = reader.read_entity(text).expect("a valid entity");
    let emit = &mut |value: Value<'_>| value.write_json(out, &Style::default());
    evaluator
        .transform_values(&source, None, None, emit)
        .expect("no budget is exceeded");
}

/// `24` and `24.0` are the same number.
fn same(left: &Native, right: &Native) -> bool {
    match (left, right) {
        (Native::Number(left), Native::Number(right)) => left.as_f64() == right.as_f64(),
        (Native::Array(left), Native::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Native::Object(left), Native::Object(right)) => {
            let field = |(name, value): (&String, &Native)| {
                right.get(name).is_some_and(|other| same(value, other))
            };
            left.len() == right.len() && left.iter().all(field)
        }
        _ => left == right,
    }
}

fn program() -> Arc<Program> {
    let rules = Json::parse(PROGRAM.as_bytes(), &Limits::default()).expect("valid JSON");
    compile(&rules, &Options::default())
        .program
        .expect("valid rules")
}

fn transform(criterion: &mut Criterion) {
    let mut random = Numbered(88_172_645_463_325_252);
    let entities: Vec<Vec<u8>> = (0..2000).map(|id| customer(id, &mut random)).collect();
    let (program, lookup) = (program(), MemoryLookup::new());
    let mut evaluator = Evaluator::new(&program, &Still, &lookup);
    let mut reader = Reader::new(Limits::default(), NUMBERS);
    let mut out = Vec::with_capacity(4096);
    for text in &entities {
        out.clear();
        dtl(&mut reader, &mut evaluator, text, &mut out);
        let found: Native = serde_json::from_slice(&out).expect("valid JSON");
        out.clear();
        native(text, &mut out);
        let expected: Native = serde_json::from_slice(&out).expect("valid JSON");
        assert!(same(&expected, &found), "{expected}\n{found}");
    }
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(entities.len() as u64));
    group.bench_function("dtl bytes to bytes", |bencher| {
        bencher.iter(|| {
            for text in &entities {
                out.clear();
                dtl(&mut reader, &mut evaluator, text, &mut out);
                black_box(&out);
            }
        });
    });
    group.bench_function("dtl read only", |bencher| {
        bencher.iter(|| {
            entities
                .iter()
                .for_each(|text| drop(black_box(reader.read_entity(text))))
        });
    });
    let sources: Vec<_> = entities
        .iter()
        .map(|text| reader.read_entity(text).expect("a valid entity"))
        .collect();
    group.bench_function("dtl evaluate only", |bencher| {
        bencher.iter(|| {
            for source in &sources {
                evaluator
                    .transform_values(source, None, None, &mut |value| {
                        black_box(value.encoded());
                    })
                    .expect("no budget is exceeded");
            }
        });
    });
    group.bench_function("native serde_json bytes to bytes", |bencher| {
        bencher.iter(|| {
            for text in &entities {
                out.clear();
                native(text, &mut out);
                black_box(&out);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, transform);
criterion_main!(benches);
