//! The since value of a source: where the next run goes on (R6, R20-R24).

use sluice_entity::{Builder, Decimals, Json, Limits, Number, Style, Value, ValueBuf};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Opaque to everything but the source that gave it. Kept and shown as JSON.
#[derive(Clone, Debug)]
pub(crate) enum SinceValue {
    /// An offset of the one dataset that is read.
    Offset(u64),
    /// An offset per dataset, for sources that read several (R23).
    Datasets(Arc<BTreeMap<String, u64>>),
    /// Whatever the other side called `_updated`.
    Value(ValueBuf),
}

impl SinceValue {
    /// Before everything there is. Not the absence of a value: without one a run is a full one, which deletes.
    pub(crate) fn nowhere() -> Self {
        SinceValue::Datasets(Arc::default())
    }

    /// True for [`nowhere`](Self::nowhere).
    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self, SinceValue::Datasets(offsets) if offsets.is_empty())
    }

    /// From an entity's `_updated`.
    pub(crate) fn from_value(value: Value<'_>) -> Self {
        match value.as_i64().and_then(|number| u64::try_from(number).ok()) {
            Some(offset) => SinceValue::Offset(offset),
            None => SinceValue::Value(value.to_owned()),
        }
    }

    /// From its kept form.
    pub(crate) fn from_json(json: &Json) -> Self {
        if let Some(offset) = json.as_i64().and_then(|number| u64::try_from(number).ok()) {
            return SinceValue::Offset(offset);
        }
        if let Some(members) = json.as_object() {
            let offsets: Option<BTreeMap<String, u64>> = members
                .iter()
                .map(|(name, value)| Some((name.clone(), u64::try_from(value.as_i64()?).ok()?)))
                .collect();
            if let Some(offsets) = offsets {
                return SinceValue::Datasets(Arc::new(offsets));
            }
        }
        SinceValue::Value(json.to_value(&Default::default()))
    }

    /// From what a user typed into `last-seen`: JSON where it is JSON, else the text itself.
    pub(crate) fn from_text(text: &str) -> Self {
        match Json::parse(text.as_bytes(), &Limits::default()) {
            Ok(json) => Self::from_json(&json),
            Err(_) => Self::from_json(&Json::from(text)),
        }
    }

    /// The kept and shown form.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            SinceValue::Offset(offset) => number(*offset),
            SinceValue::Datasets(offsets) => Json::Object(
                offsets
                    .iter()
                    .map(|(name, offset)| (name.clone(), number(*offset)))
                    .collect(),
            ),
            SinceValue::Value(value) => Json::from_value(value.value()),
        }
    }

    /// How it is sent to another side: an integer in digits, a string as it is, anything else as JSON.
    pub(crate) fn to_text(&self) -> String {
        if let SinceValue::Value(value) = self
            && let Some(number) = value.value().as_number()
        {
            return plain(&number);
        }
        match self.to_json() {
            Json::String(text) => text,
            other => other.to_string(),
        }
    }

    /// The offset, for a source that reads one dataset.
    pub(crate) fn offset(&self) -> Option<u64> {
        match self {
            SinceValue::Offset(offset) => Some(*offset),
            _ => None,
        }
    }

    /// The offset in one of several datasets.
    pub(crate) fn offset_in(&self, dataset: &str) -> Option<u64> {
        match self {
            SinceValue::Datasets(offsets) => offsets.get(dataset).copied(),
            _ => None,
        }
    }

    /// Whether the order of the two says anything: both are offsets, or texts.
    pub(crate) fn is_comparable_with(&self, other: &SinceValue) -> bool {
        match (self, other) {
            (SinceValue::Offset(_), SinceValue::Offset(_)) => true,
            (SinceValue::Value(left), SinceValue::Value(right)) => {
                left.value().as_str().is_some() && right.value().as_str().is_some()
            }
            _ => false,
        }
    }

    /// Which is later, for sources whose values are comparable: numbers by value, texts bytewise (R23).
    pub(crate) fn order(&self, other: &SinceValue) -> Ordering {
        match (self, other) {
            (SinceValue::Offset(left), SinceValue::Offset(right)) => left.cmp(right),
            (left, right) => {
                let (left, right) = (
                    left.to_json().to_value(&Default::default()),
                    right.to_json().to_value(&Default::default()),
                );
                left.value().order(right.value())
            }
        }
    }
}

impl PartialEq for SinceValue {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

fn plain(number: &Number) -> String {
    let mut builder = Builder::new();
    builder.number(number);
    let mut text = Vec::new();
    builder.finish().value().write_json(
        &mut text,
        &Style {
            decimals: Decimals::Plain,
            ..Style::default()
        },
    );
    String::from_utf8_lossy(&text).into_owned()
}

fn number(offset: u64) -> Json {
    Json::Number(offset.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_survives_being_kept() {
        for text in [
            "0",
            "18446744073709551",
            "\"2020-01-01T00:00:00Z\"",
            "{\"a\":1,\"b\":2}",
            "[1,2]",
            "\"~f1.5\"",
            "{\"a\":\"x\"}",
        ] {
            assert_eq!(SinceValue::from_text(text).to_json().to_string(), text);
        }
        assert_eq!(SinceValue::from_text("cursor:abc").to_text(), "cursor:abc");
        assert_eq!(SinceValue::from_text("1.50").to_text(), "1.50");
        assert_eq!(SinceValue::from_text("7").offset(), Some(7));
        assert_eq!(SinceValue::from_text("{\"a\":1}").offset_in("a"), Some(1));
    }

    #[test]
    fn comparable_values_have_an_order() {
        let order = |left: &str, right: &str| {
            SinceValue::from_text(left).order(&SinceValue::from_text(right))
        };
        assert_eq!(order("9", "10"), Ordering::Less);
        assert_eq!(order("\"9\"", "\"10\""), Ordering::Greater);
        assert_eq!(order("2020-01-02", "2020-01-01"), Ordering::Greater);
        assert_eq!(order("x", "x"), Ordering::Equal);
    }
}
