//! A subset of a dataset: `["eq", <index expression on _S>, <literal>]` (IX6).

use sluice_entity::Json;

/// A part of a dataset: the entities whose index values hold the literal.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// As written, for peers and for reports.
    pub text: Json,
    /// The index expression, over `_S`.
    pub index: Json,
    /// The literal; namespaced identifiers written `~:ns:id`.
    pub value: Json,
}

impl Subset {
    /// `None` unless it has the form. Either side may be the expression; the other has to be a literal.
    pub fn read(text: &Json) -> Option<Subset> {
        let [head, left, right] = text.as_array()? else {
            return None;
        };
        if head.as_str() != Some("eq") {
            return None;
        }
        let (index, value) = match (is_expression(left), is_expression(right)) {
            (true, false) => (left, right),
            (false, true) => (right, left),
            _ => return None,
        };
        Some(Subset {
            text: text.clone(),
            index: index.clone(),
            value: value.clone(),
        })
    }
}

/// A path into `_S` or a function call, against a literal (an atom, or a literal written as a call of `literal`, `ni`, ...,
/// which is an expression and therefore not allowed).
fn is_expression(json: &Json) -> bool {
    match json {
        Json::String(text) => text == "_S" || text.starts_with("_S."),
        Json::Array(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Limits;

    fn read(text: &str) -> Option<Subset> {
        Subset::read(&Json::parse(text.as_bytes(), &Limits::default()).expect("test input is JSON"))
    }

    #[test]
    fn a_subset_compares_an_expression_with_a_literal() {
        let subset = read(r#"["eq", "_S.country", "~:geo:no"]"#).expect("has the form");
        assert_eq!(subset.index.as_str(), Some("_S.country"));
        assert_eq!(subset.value.as_str(), Some("~:geo:no"));
        assert!(read(r#"["eq", 4, ["length", "_S.x"]]"#).is_some());
    }

    #[test]
    fn anything_else_is_no_subset() {
        for text in [
            r#"["neq", "_S.a", 1]"#,
            r#"["eq", "a", "b"]"#,
            r#"["eq", "_S.a", "_S.b"]"#,
            r#"["eq", "_S.a"]"#,
            "{}",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
