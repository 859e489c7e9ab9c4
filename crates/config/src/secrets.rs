//! References in texts: `$ENV(name)` and `$SECRET(name)`, found and replaced (EV1, EV2).

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The name in `$ENV(name)`.
    Variable(&'a str),
    /// The name in `$SECRET(name)`.
    Secret(&'a str),
}

/// Cuts a text into pieces. A `$ENV(` that is never closed, or without a name, is text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find('$') {
        let at = from + found;
        match reference(&text[at..]) {
            Some((piece, length)) => {
                if start < at {
                    pieces.push(Piece::Text(&text[start..at]));
                }
                pieces.push(piece);
                start = at + length;
                from = start;
            }
            None => from = at + 1,
        }
    }
    if start < text.len() {
        pieces.push(Piece::Text(&text[start..]));
    }
    pieces
}

/// A reference at the beginning of the text, with its length in bytes.
fn reference(text: &str) -> Option<(Piece<'_>, usize)> {
    let (make, head): (fn(&str) -> Piece<'_>, &str) = if text.starts_with("$ENV(") {
        (|name| Piece::Variable(name), "$ENV(")
    } else if text.starts_with("$SECRET(") {
        (|name| Piece::Secret(name), "$SECRET(")
    } else {
        return None;
    };
    let name = text[head.len()..].split_once(')')?.0;
    (!name.is_empty()).then(|| (make(name), head.len() + name.len() + 1))
}

/// Names of the secrets a text refers to.
pub(crate) fn secret_names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Secret(name) => Some(name),
        _ => None,
    })
}

/// Whether a text refers to a secret.
pub fn has_secrets(text: &str) -> bool {
    text.contains("$SECRET(") && secret_names(text).next().is_some()
}

/// A text refers to a secret that nobody set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSecret {
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for UnknownSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no secret \"{}\"", self.name)
    }
}

impl std::error::Error for UnknownSecret {}

/// Replaces each `$SECRET(name)`. The result is not for logs or answers.
///
/// # Errors
/// The first name for which `value` has nothing.
pub fn resolve_secrets(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, UnknownSecret> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    // `$ENV(x)` that is left in a text came out of a variable and stays text.
    for piece in pieces(text) {
        match piece {
            Piece::Text(plain) => resolved.push_str(plain),
            Piece::Secret(name) => {
                resolved.push_str(&value(name).ok_or_else(|| UnknownSecret {
                    name: name.to_owned(),
                })?);
            }
            Piece::Variable(name) => resolved.push_str(&rest[..name.len() + "$ENV()".len()]),
        }
        rest = &rest[length(piece)..];
    }
    Ok(resolved)
}

fn length(piece: Piece<'_>) -> usize {
    match piece {
        Piece::Text(text) => text.len(),
        Piece::Variable(name) => name.len() + "$ENV()".len(),
        Piece::Secret(name) => name.len() + "$SECRET()".len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_between_text() {
        assert_eq!(pieces("$ENV(a)"), [Piece::Variable("a")]);
        assert_eq!(
            pieces("x$ENV(a b)-$SECRET(c)$"),
            [
                Piece::Text("x"),
                Piece::Variable("a b"),
                Piece::Text("-"),
                Piece::Secret("c"),
                Piece::Text("$")
            ]
        );
        assert_eq!(pieces("$$ENV(ø)"), [Piece::Text("$"), Piece::Variable("ø")]);
        for plain in ["", "$ENV()", "$ENV(", "$env(a)", "cost: 5$"] {
            assert!(
                pieces(plain)
                    .iter()
                    .all(|piece| matches!(piece, Piece::Text(_))),
                "{plain}"
            );
        }
    }

    #[test]
    fn secrets_are_filled_in_and_unknown_ones_named() {
        let value = |name: &str| (name == "pw").then(|| "s3cret".to_owned());
        assert_eq!(
            resolve_secrets("u:$SECRET(pw)@h $ENV(x)", value).unwrap(),
            "u:s3cret@h $ENV(x)"
        );
        assert_eq!(
            resolve_secrets("$SECRET(no)", value).unwrap_err().name,
            "no"
        );
        assert!(has_secrets("a$SECRET(b)") && !has_secrets("$SECRET()"));
    }
}
