//! The configuration tree: JSON as it was written, with the text of numbers and the order of names.
//! Not for entities, which are `Value`s.

mod convert;
mod parse;
mod print;

#[cfg(test)]
mod tests;

/// A JSON value. Names of an object are not repeated where it was parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(Box<str>),
    /// Text; transit tags are not decoded.
    String(String),
    /// Values in order.
    Array(Vec<Json>),
    /// Names and values in the order written.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object without fields.
    pub fn object() -> Json {
        Json::Object(Vec::new())
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// A field of an object, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        match self {
            Json::Object(fields) => fields
                .iter_mut()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Sets a field of an object: in its place if it is there, else at the end. Anything else becomes an object first.
    pub fn set(&mut self, name: &str, value: Json) {
        if let Some(place) = self.get_mut(name) {
            *place = value;
            return;
        }
        if !matches!(self, Json::Object(_)) {
            *self = Json::object();
        }
        if let Json::Object(fields) = self {
            fields.push((name.to_owned(), value));
        }
    }

    /// Takes a field out of an object.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let Json::Object(fields) = self else {
            return None;
        };
        let index = fields.iter().position(|(known, _)| known == name)?;
        Some(fields.remove(index).1)
    }

    /// Is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number that fits, also when written `1.0` or `1e3`.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(text) => crate::number::Number::parse(text)?.to_i64(),
            _ => None,
        }
    }

    /// The nearest float of a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Names and values of an object.
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The same but for the order of objects and the way numbers are written (`1.0` and `1`).
    pub fn same_meaning(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Number(a), Json::Number(b)) => {
                a == b || matches!((number(a), number(b)), (Some(a), Some(b)) if a == b)
            }
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_meaning(b))
            }
            (Json::Object(a), Json::Object(b)) => {
                let sort = |fields: &[(String, Json)]| {
                    let mut order: Vec<usize> = (0..fields.len()).collect();
                    order.sort_by(|x, y| {
                        fields
                            .get(*x)
                            .map(|f| &f.0)
                            .cmp(&fields.get(*y).map(|f| &f.0))
                    });
                    order
                };
                a.len() == b.len()
                    && sort(a)
                        .into_iter()
                        .zip(sort(b))
                        .all(|(x, y)| match (a.get(x), b.get(y)) {
                            (Some(x), Some(y)) => x.0 == y.0 && x.1.same_meaning(&y.1),
                            _ => false,
                        })
            }
            (a, b) => a == b,
        }
    }
}

fn number(text: &str) -> Option<crate::number::Number> {
    crate::number::Number::parse(text)
}
