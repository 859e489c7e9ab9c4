//! W1: one entity from bytes to bytes through twelve operations: DTL against VRL and against Rust on `serde_json::Value`.
//!
//! Prints no ratio unless every output is the same for all contestants.

mod people;

use serde_json::{Map, Value as Json};
use sluice_dtl::{Environment, Evaluator, MemoryLookup, Options, Program};
use sluice_entity::{Datetime, Limits, Numbers, Reader, Style, Value};
use sluice_peers_rounds::{Row, on_processor, print, run};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use vrl::compiler::state::RuntimeState;
use vrl::compiler::{Context, TargetValue, TimeZone};
use vrl::value::{Secrets, Value as VrlValue};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RULES: &str = r#"{
  "type": "dtl",
  "rules": {"default": [
    ["add", "_id", ["concat", "crm-person:", ["string", "_S.id"]]],
    ["add", "firstName", "_S.first_name"],
    ["add", "lastName", "_S.last_name"],
    ["add", "fullName", ["upper", ["concat", "_S.first_name", " ", "_S.last_name"]]],
    ["add", "email", ["lower", "_S.email"]],
    ["add", "birthEpoch", ["datetime-diff", "second", ["datetime-parse", "%Y-%m-%dT%H:%M:%SZ", "_S.birth"], ["datetime", 0]]],
    ["copy", "address"],
    ["add", "country", ["upper", "_S.address.country"]],
    ["add", "active", ["eq", "_S.status", "active"]],
    ["add", "phone", ["first", "_S.phones.n"]],
    ["copy", ["list", "note", "updated"]],
    ["add", "lines", ["map", ["dict", "sku", "_.sku", "qty", "_.qty", "total", ["multiply", "_.qty", "_.price"]], "_S.lines"]]
  ]}
}"#;

const VRL: &str = r#"
o = {}
o._id = "crm-person:" + to_string!(.id)
o.firstName = .first_name
o.lastName = .last_name
o.fullName = upcase(string!(.first_name) + " " + string!(.last_name))
o.email = downcase(string!(.email))
o.birthEpoch = to_unix_timestamp(parse_timestamp!(.birth, "%+"))
o.address = .address
o.country = upcase(string!(.address.country))
o.active = .status == "active"
o.phone = .phones[0].n
o.note = .note
o.updated = .updated
o.lines = map_values(array!(.lines)) -> |l| {
  { "sku": l.sku, "qty": l.qty, "total": int!(l.qty) * float!(l.price) }
}
. = o
"#;

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn now(&self) -> Datetime {
        Datetime::parse("2026-01-01T00:00:00Z").expect("a datetime")
    }
    fn uuid(&self) -> [u8; 16] {
        [0; 16]
    }
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

fn native(source: &Json) -> Json {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut target = Map::new();
    target.insert("_id".into(), format!("crm-person:{}", source["id"]).into());
    target.insert("firstName".into(), source["first_name"].clone());
    target.insert("lastName".into(), source["last_name"].clone());
    let name = format!(
        "{} {}",
        text(&source["first_name"]),
        text(&source["last_name"])
    );
    target.insert("fullName".into(), name.to_uppercase().into());
    target.insert("email".into(), text(&source["email"]).to_lowercase().into());
    let birth =
        chrono::DateTime::parse_from_rfc3339(&text(&source["birth"])).map(|time| time.timestamp());
    target.insert("birthEpoch".into(), birth.unwrap_or_default().into());
    target.insert("address".into(), source["address"].clone());
    target.insert(
        "country".into(),
        text(&source["address"]["country"]).to_uppercase().into(),
    );
    target.insert("active".into(), (source["status"] == "active").into());
    target.insert("phone".into(), source["phones"][0]["n"].clone());
    target.insert("note".into(), source["note"].clone());
    target.insert("updated".into(), source["updated"].clone());
    let lines = source["lines"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| {
            let total = line["qty"].as_f64().unwrap_or_default()
                * line["price"].as_f64().unwrap_or_default();
            let mut entry = Map::new();
            entry.insert("sku".into(), line["sku"].clone());
            entry.insert("qty".into(), line["qty"].clone());
            entry.insert("total".into(), total.into());
            Json::Object(entry)
        });
    target.insert("lines".into(), lines.collect());
    Json::Object(target)
}

fn native_bytes(source: &[u8], out: &mut Vec<u8>) {
    let source: Json = serde_json::from_slice(source).expect("generated JSON");
    out.clear();
    serde_json::to_writer(out, &native(&source)).expect("memory takes it");
}

fn vrl_bytes(program: &vrl::compiler::Program, source: &[u8], out: &mut Vec<u8>) {
    let value: VrlValue = serde_json::from_slice(source).expect("generated JSON");
    let mut target = TargetValue {
        value,
        metadata: VrlValue::Object(BTreeMap::new()),
        secrets: Secrets::default(),
    };
    let (zone, mut state) = (TimeZone::default(), RuntimeState::default());
    program
        .resolve(&mut Context::new(&mut target, &mut state, &zone))
        .expect("the program runs");
    out.clear();
    serde_json::to_writer(out, &target.value).expect("memory takes it");
}

struct Ours<'p> {
    reader: Reader,
    evaluator: Evaluator<'p>,
    style: Style,
}

impl<'p> Ours<'p> {
    fn new(
        program: &'p Program,
        environment: &'p NoEnvironment,
        lookup: &'p MemoryLookup,
        numbers: Numbers,
    ) -> Self {
        Ours {
            reader: Reader::new(Limits::default(), numbers),
            evaluator: Evaluator::new(program, environment, lookup),
            style: Style::default(),
        }
    }

    fn bytes(&mut self, source: &[u8], out: &mut Vec<u8>) {
        let entity = self.reader.read_entity(source).expect("generated JSON");
        let (style, mut count) = (&self.style, 0);
        out.clear();
        let mut emit = |target: Value<'_>| {
            count += 1;
            target.write_json(out, style);
        };
        self.evaluator
            .transform_values(&entity, None, None, &mut emit)
            .expect("the rules run");
        assert_eq!(count, 1, "one target for each source");
    }
}

fn compile_rules() -> Arc<Program> {
    let rules =
        sluice_entity::Json::parse(RULES.as_bytes(), &Limits::default()).expect("rules are JSON");
    let compiled = sluice_dtl::compile(&rules, &Options::default());
    compiled
        .program
        .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// Numbers may be written `1.0` by one and `1` by another; `serde_json` keeps them apart, so totals are compared as doubles.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// Compares what exact decimals make of the totals: as doubles they are within rounding of the peers', otherwise nothing differs.
fn nearly_same(left: &Json, right: &Json) -> bool {
    let double = |value: &Json| match value {
        Json::String(text) => text
            .strip_prefix("~f")
            .and_then(|digits| digits.parse::<f64>().ok()),
        number => number.as_f64(),
    };
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| nearly_same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    right
                        .get(name)
                        .is_some_and(|right| nearly_same(left, right))
                })
        }
        (Json::Number(_), _) => double(left)
            .zip(double(right))
            .is_some_and(|(left, right)| (left - right).abs() <= left.abs() * 1e-12),
        _ => left == right,
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let rounds = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(9);
    let only = arguments.next().unwrap_or_default();
    let data = people::people(count);
    let vrl = vrl::compiler::compile(VRL, &vrl::stdlib::all())
        .expect("the VRL program compiles")
        .program;
    let program = compile_rules();
    let (environment, lookup) = (NoEnvironment, MemoryLookup::default());
    let mut ours = Ours::new(
        &program,
        &environment,
        &lookup,
        Numbers {
            float_as_decimal: false,
            ..Numbers::default()
        },
    );
    let mut exact = Ours::new(&program, &environment, &lookup, Numbers::default());
    let mut out = Vec::with_capacity(4096);
    if !only.is_empty() {
        // For counting instructions: one contestant alone, nothing else.
        for source in &data {
            match only.as_str() {
                "sluice" => ours.bytes(source, &mut out),
                "exact" => exact.bytes(source, &mut out),
                "vrl" => vrl_bytes(&vrl, source, &mut out),
                _ => native_bytes(source, &mut out),
            }
            black_box(&out);
        }
        return;
    }
    for source in &data {
        let parse = |bytes: &[u8]| serde_json::from_slice::<Json>(bytes).expect("output is JSON");
        native_bytes(source, &mut out);
        let expected = parse(&out);
        vrl_bytes(&vrl, source, &mut out);
        assert!(
            same(&expected, &parse(&out)),
            "VRL differs: {expected} {}",
            String::from_utf8_lossy(&out)
        );
        ours.bytes(source, &mut out);
        assert!(
            same(&expected, &parse(&out)),
            "DTL differs: {expected} {}",
            String::from_utf8_lossy(&out)
        );
        exact.bytes(source, &mut out);
        let exact = parse(&out);
        assert!(
            nearly_same(&expected, &exact),
            "exact DTL differs: {expected} {exact}"
        );
    }
    let size: usize = data.iter().map(Vec::len).sum();
    println!(
        "W1: {count} entities of {} bytes, all outputs equal, {rounds} rounds",
        size / data.len()
    );
    let mut buffers = [const { Vec::new() }; 4];
    let [first, second, third, fourth] = &mut buffers;
    let [doubles, exact, vrl, native] = run(
        [
            on_processor(|| {
                data.iter()
                    .for_each(|source| ours.bytes(black_box(source), first))
            }),
            on_processor(|| {
                data.iter()
                    .for_each(|source| exact.bytes(black_box(source), second))
            }),
            on_processor(|| {
                data.iter()
                    .for_each(|source| vrl_bytes(&vrl, black_box(source), third))
            }),
            on_processor(|| {
                data.iter()
                    .for_each(|source| native_bytes(black_box(source), fourth))
            }),
        ],
        rounds,
    );
    let row = |work, reference, ours, theirs, goal| {
        print(&Row {
            work,
            reference,
            count,
            ours,
            theirs,
            goal,
        })
    };
    row("W1 DTL", "VRL 0.38", &doubles, &vrl, Some(3.5));
    row(
        "W1 DTL",
        "Rust on serde_json::Value",
        &doubles,
        &native,
        None,
    );
    row("W1 DTL, exact decimals", "VRL 0.38", &exact, &vrl, None);
    row(
        "W1 DTL, exact decimals",
        "Rust on serde_json::Value",
        &exact,
        &native,
        None,
    );
}
