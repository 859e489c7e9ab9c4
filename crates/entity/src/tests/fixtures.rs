//! Values for tests: random ones of every kind, and a typical entity.

use proptest::prelude::*;

use crate::{Builder, Datetime, Number, ValueBuf};

/// A value as a test builds it.
#[derive(Clone, Debug)]
pub(super) enum Model {
    Null,
    Bool(bool),
    Number(Number),
    Str(String),
    Ni(String),
    Uri(String),
    Datetime(Datetime),
    Uuid([u8; 16]),
    Bytes(Vec<u8>),
    List(Vec<Model>),
    /// Names may repeat: the builder decides.
    Dict(Vec<(String, Model)>),
}

impl Model {
    pub(super) fn build(&self) -> ValueBuf {
        let mut builder = Builder::new();
        self.write(&mut builder);
        builder.finish()
    }

    pub(super) fn write(&self, builder: &mut Builder) {
        match self {
            Model::Null => builder.null(),
            Model::Bool(value) => builder.bool(*value),
            Model::Number(number) => builder.number(number),
            Model::Str(text) => builder.str(text),
            Model::Ni(text) => builder.ni(text),
            Model::Uri(text) => builder.uri(text),
            Model::Datetime(datetime) => builder.datetime(*datetime),
            Model::Uuid(uuid) => builder.uuid(*uuid),
            Model::Bytes(bytes) => builder.bytes(bytes),
            Model::List(items) => {
                builder.begin_list();
                items.iter().for_each(|item| item.write(builder));
                builder.end();
            }
            Model::Dict(fields) => {
                builder.begin_dict();
                for (name, value) in fields {
                    builder.name(name);
                    value.write(builder);
                }
                builder.end();
            }
        }
    }

    /// The same content, all dicts in reverse order; names that repeat keep the value that counts.
    pub(super) fn reversed(&self) -> Model {
        match self {
            Model::List(items) => Model::List(items.iter().map(Model::reversed).collect()),
            Model::Dict(fields) => {
                let mut kept: Vec<(String, Model)> = Vec::new();
                for (name, value) in fields.iter().rev() {
                    if !kept.iter().any(|(known, _)| known == name) {
                        kept.push((name.clone(), value.reversed()));
                    }
                }
                Model::Dict(kept)
            }
            other => other.clone(),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,2}",
        "~[:rtubf~]?[a-z0-9:.]{0,4}",
        "\\PC{0,12}",
        "[\"\\\\\n\u{0}\u{1f}a]{0,4}",
        "[a-z ]{60,300}"
    ]
}

pub(super) fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        (-300i64..300).prop_map(Number::Int),
        any::<i64>().prop_map(Number::Int),
        "-?[1-9][0-9]{0,40}".prop_map(|text| Number::parse(&text).unwrap()),
        "-?(0|[1-9][0-9]{0,3})\\.[0-9]{1,3}".prop_map(|text| Number::parse(&text).unwrap()),
        "-?[1-9]\\.[0-9]{1,30}(E[+-]?[0-9]{1,3})?".prop_map(|text| Number::parse(&text).unwrap()),
    ]
}

fn datetime() -> impl Strategy<Value = Datetime> {
    (
        -62135596800i64..253402300799,
        prop_oneof![Just(0u32), 0u32..1_000_000_000],
    )
        .prop_map(|(seconds, nanos)| Datetime::from_unix(seconds, nanos).unwrap())
}

/// Values that reading can give with its default settings: no floats.
pub(super) fn model() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        Just(Model::Null),
        any::<bool>().prop_map(Model::Bool),
        number().prop_map(Model::Number),
        text().prop_map(Model::Str),
        text().prop_map(Model::Ni),
        text().prop_map(Model::Uri),
        datetime().prop_map(Model::Datetime),
        any::<[u8; 16]>().prop_map(Model::Uuid),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Model::Bytes),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Model::List),
            proptest::collection::vec((text(), inner), 0..8).prop_map(Model::Dict),
        ]
    })
}

/// As `model`, with floats.
pub(super) fn model_with_floats() -> impl Strategy<Value = Model> {
    prop_oneof![
        model(),
        any::<f64>().prop_map(|float| Model::Number(Number::Float(float))),
        (-3i32..3).prop_map(|float| Model::Number(Number::Float(f64::from(float) / 2.0))),
        (-6i64..6, 0usize..3).prop_map(|(halves, zeros)| {
            let text = format!(
                "{}.{}{}",
                halves / 2,
                if halves % 2 == 0 { 0 } else { 5 },
                "0".repeat(zeros)
            );
            Model::Number(Number::parse(&text).unwrap())
        }),
    ]
}

/// A person with an address, phones and order lines: about 900 bytes of JSON.
pub(super) fn typical_entity(number: u32) -> String {
    let lines: Vec<String> = (0..5)
        .map(|line| {
            format!(
                "{{\"line\":{line},\"price\":{}.{:02},\"qty\":{},\"sku\":\"SKU-{:06}\",\"wh\":\"W{}\"}}",
                number * 37 % 1000, line * 13 + 1, line + 1, number * 101 % 900_000, line
            )
        })
        .collect();
    format!(
        "{{\"_id\":\"{number}\",\"address\":{{\"city\":\"Tromsø\",\"country\":\"no\",\"street\":\"Storgata {number}\",\"zip\":\"0123\"}},\
         \"birth\":\"1970-01-02T00:00:00Z\",\"email\":\"anna.olsen{number}@example.com\",\"first_name\":\"Anna\",\"id\":{number},\
         \"internal_a\":{},\"internal_b\":\"{:016x}\",\"internal_c\":null,\"last_name\":\"Olsen\",\"lines\":[{}],\
         \"note\":\"Customer called about the delivery of the last order; asked to be contacted by e-mail and not by phone. \
         Follow up next week with a new quote.\",\"phones\":[{{\"n\":\"+4712345678\",\"t\":\"mobile\"}},{{\"n\":\"+4787654321\",\"t\":\"work\"}}],\
         \"status\":\"active\",\"updated\":\"2026-03-01T12:34:56.789Z\"}}",
        number.wrapping_mul(7919),
        u64::from(number) * 7_777_777,
        lines.join(",")
    )
}
