//! What one entity of about 900 bytes costs: read, print, hash, look up, build; `serde_json::Value` beside it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluice_entity::{
    Arena, ArrayReader, Builder, Entity, HashKey, Limits, Numbers, Reader, Style, Value, ValueBuf,
};

/// Pseudo-random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len() as u64) as usize)
            .copied()
            .unwrap_or_default()
    }
}

/// A person with an address, phones and five order lines; names as a source system gives them, not sorted.
fn entity(number: u64, random: &mut Random) -> String {
    let first = random.pick(&["Anna", "Bjørn", "Cecilie", "David", "Erik", "Frida"]);
    let last = random.pick(&["Hansen", "Johansen", "Olsen", "Larsen", "Kristiansen"]);
    let city = random.pick(&["Oslo", "Bergen", "Trondheim", "Tromsø"]);
    let status = random.pick(&["active", "active", "inactive"]);
    let lines: Vec<String> = (0..5)
        .map(|line| {
            format!(
                r#"{{"line":{line},"sku":"SKU-{:06}","qty":{},"price":{}.{:02},"wh":"W{}"}}"#,
                random.below(900_000),
                1 + random.below(9),
                random.below(1000),
                1 + random.below(99),
                random.below(20)
            )
        })
        .collect();
    format!(
        r#"{{"_id":"{number}","id":{number},"first_name":"{first}","last_name":"{last}","email":"{first}.{last}{number}@example.com","birth":"19{:02}-{:02}-{:02}T00:00:00Z","address":{{"street":"Storgata {}","zip":"{:04}","city":"{city}","country":"no"}},"phones":[{{"t":"mobile","n":"+47{:08}"}},{{"t":"work","n":"+47{:08}"}}],"lines":[{}],"status":"{status}","updated":"2026-03-01T12:34:56.789Z","note":"Customer called about the delivery of the last order; asked to be contacted by e-mail and not by phone. Follow up next week with a new quote.","internal_a":{},"internal_b":"{:016x}","internal_c":null}}"#,
        40 + random.below(60),
        1 + random.below(12),
        1 + random.below(28),
        random.below(200),
        random.below(9999),
        random.below(99_999_999),
        random.below(99_999_999),
        lines.join(","),
        random.below(1 << 30),
        random.below(u64::MAX),
    )
}

fn texts() -> Vec<String> {
    let mut random = Random(88_172_645_463_325_252);
    (0..2000)
        .map(|number| entity(number, &mut random))
        .collect()
}

fn reader() -> Reader {
    Reader::new(Limits::default(), Numbers::default())
}

fn entities(texts: &[String]) -> Vec<Entity> {
    let mut reader = reader();
    texts
        .iter()
        .map(|text| {
            reader
                .read_entity(text.as_bytes())
                .expect("the text is an entity")
        })
        .collect()
}

/// Calls `work` with one sample after the other.
fn over<'a, T>(samples: &'a [T], next: &mut usize) -> &'a T {
    *next = (*next + 1) % samples.len();
    &samples[*next]
}

fn read(criterion: &mut Criterion) {
    let texts = texts();
    let mean = texts.iter().map(String::len).sum::<usize>() / texts.len();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(mean as u64));
    let mut next = 0;
    let mut ours = reader();
    group.bench_function("value, borrowed", |bench| {
        bench.iter(|| {
            let value = ours.read_borrowed(over(&texts, &mut next).as_bytes());
            black_box(value.map(|value| value.encoded().len()).ok())
        });
    });
    group.bench_function("entity, owned", |bench| {
        bench.iter(|| black_box(ours.read_entity(over(&texts, &mut next).as_bytes()).ok()));
    });
    group.bench_function("serde_json::Value", |bench| {
        bench.iter(|| {
            let value =
                serde_json::from_slice::<serde_json::Value>(over(&texts, &mut next).as_bytes());
            black_box(value.ok())
        });
    });
    group.finish();

    let array = format!("[{}]", texts.join(","));
    let mut group = criterion.benchmark_group("read an array of 2,000");
    group.throughput(Throughput::Bytes(array.len() as u64));
    group.sample_size(20);
    for piece in [16 * 1024, 256 * 1024] {
        group.bench_function(format!("pieces of {piece} bytes"), |bench| {
            bench.iter(|| {
                let mut reader = ArrayReader::new(reader());
                let mut count = 0;
                for chunk in array.as_bytes().chunks(piece) {
                    reader.push(chunk);
                    while let Ok(Some(entity)) = reader.next() {
                        count += entity.encoded_len();
                    }
                }
                count
            });
        });
    }
    group.finish();
}

fn print(criterion: &mut Criterion) {
    let texts = texts();
    let entities = entities(&texts);
    let trees: Vec<serde_json::Value> = texts
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    let mut group = criterion.benchmark_group("print");
    let (mut next, mut out) = (0, Vec::with_capacity(4096));
    group.bench_function("entity", |bench| {
        bench.iter(|| {
            out.clear();
            over(&entities, &mut next).write_json(&mut out, &Style::default());
            black_box(out.len())
        });
    });
    group.bench_function("serde_json::Value", |bench| {
        bench.iter(|| {
            out.clear();
            let _ = serde_json::to_writer(&mut out, over(&trees, &mut next));
            black_box(out.len())
        });
    });
    group.finish();
}

fn hash(criterion: &mut Criterion) {
    let entities = entities(&texts());
    let key = HashKey([1, 2, 3, 4]);
    let mut next = 0;
    criterion.bench_function("content hash", |bench| {
        bench.iter(|| black_box(over(&entities, &mut next).content_hash(&key)));
    });
}

fn look_up(criterion: &mut Criterion) {
    let entities = entities(&texts());
    let names = ["first_name", "email", "address", "updated", "status"];
    let mut next = 0;
    let mut group = criterion.benchmark_group("five lookups");
    group.bench_function("by name", |bench| {
        bench.iter(|| {
            let body = over(&entities, &mut next).body();
            names
                .iter()
                .filter(|name| black_box(body.get(name)).is_some())
                .count()
        });
    });
    let mut hints = [0; 5];
    group.bench_function("by hint", |bench| {
        bench.iter(|| {
            let Some(dict) = over(&entities, &mut next).body().as_dict() else {
                return 0;
            };
            let found = names.iter().zip(&mut hints);
            found
                .filter_map(|(name, hint)| black_box(dict.get_hinted(name, hint)))
                .count()
        });
    });
    group.finish();
}

fn build(criterion: &mut Criterion) {
    let entities = entities(&texts());
    let mut next = 0;
    let mut group = criterion.benchmark_group("copy field by field");
    let mut builder = Builder::new();
    group.bench_function("builder", |bench| {
        bench.iter(|| {
            builder.clear();
            copy(over(&entities, &mut next).body(), &mut builder);
            black_box(builder.as_value().encoded().len())
        });
    });
    let mut arena = Arena::new();
    group.bench_function("arena", |bench| {
        bench.iter(|| {
            arena.reset();
            let body = over(&entities, &mut next).body();
            black_box(
                arena
                    .dict(body.as_dict().into_iter().flatten())
                    .encoded()
                    .len(),
            )
        });
    });
    group.bench_function("owned copy", |bench| {
        bench.iter(|| {
            let copy: ValueBuf = over(&entities, &mut next).body().to_owned();
            black_box(copy)
        });
    });
    group.finish();
}

fn copy(value: Value<'_>, builder: &mut Builder) {
    builder.begin_dict();
    for (name, field) in value.as_dict().into_iter().flatten() {
        builder.name(name);
        builder.value(field);
    }
    builder.end();
}

criterion_group!(benches, read, print, hash, look_up, build);
criterion_main!(benches);
