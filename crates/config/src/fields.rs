//! Reading typed settings out of an effective object. Kinds were checked before: what does not fit gives the plain default of
//! the type, and the component carries an error that keeps it from running.

use sluice_entity::Json;

/// The members of an effective object; of nothing where there is none.
pub(crate) struct Fields<'a>(Option<&'a Json>);

impl<'a> Fields<'a> {
    pub(crate) fn of(json: Option<&'a Json>) -> Self {
        Fields(json)
    }

    /// Null counts as absent.
    pub(crate) fn any(&self, name: &str) -> Option<&'a Json> {
        self.0?
            .get(name)
            .filter(|value| !matches!(value, Json::Null))
    }

    pub(crate) fn inner(&self, name: &str) -> Fields<'a> {
        Fields(self.any(name))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    pub(crate) fn optional_text(&self, name: &str) -> Option<String> {
        self.any(name).and_then(Json::as_str).map(str::to_owned)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.any(name).and_then(Json::as_bool).unwrap_or_default()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.optional_count(name).unwrap_or_default()
    }

    pub(crate) fn optional_count(&self, name: &str) -> Option<u64> {
        self.any(name)
            .and_then(integer)
            .and_then(|number| u64::try_from(number).ok())
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.optional_number(name).unwrap_or_default()
    }

    pub(crate) fn optional_number(&self, name: &str) -> Option<f64> {
        self.any(name).and_then(number)
    }

    /// A list of texts; one text counts as a list of one.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.optional_texts(name).unwrap_or_default()
    }

    pub(crate) fn optional_texts(&self, name: &str) -> Option<Vec<String>> {
        match self.any(name)? {
            Json::String(single) => Some(vec![single.clone()]),
            Json::Array(list) => Some(
                list.iter()
                    .filter_map(Json::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            _ => None,
        }
    }

    pub(crate) fn text_map(&self, name: &str) -> Vec<(String, String)> {
        let Some(members) = self.any(name).and_then(Json::as_object) else {
            return Vec::new();
        };
        members
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }
}

/// The value of an integer, `3.0` and `3e2` among them.
pub(crate) fn integer(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| {
        let value = number(json)?;
        // Beyond 2^53 a floating number no longer says which integer is meant.
        (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then_some(value as i64)
    })
}

/// The value of a finite number.
pub(crate) fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(text) => text.parse::<f64>().ok().filter(|value| value.is_finite()),
        _ => None,
    }
}
