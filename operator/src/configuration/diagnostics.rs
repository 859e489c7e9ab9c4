//! Diagnostics in the words of a condition: each with its place in the component.

use sluice_protocol::{Diagnostic, Level, PathElement};

/// How many are told; who wants all asks the API.
const MOST: usize = 10;
/// A message of a condition has at most 32 KiB.
const MOST_BYTES: usize = 16 << 10;

/// The errors first, then the warnings.
pub(crate) fn in_words(diagnostics: &[Diagnostic]) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|one| std::cmp::Reverse(one.level));
    let lines = sorted.iter().take(MOST).map(|one| line(one));
    let mut words = lines.collect::<Vec<_>>().join("; ");
    if let Some(more) = sorted.len().checked_sub(MOST).filter(|more| *more > 0) {
        words.push_str(&format!("; and {more} more"));
    }
    if words.len() > MOST_BYTES {
        words.truncate(words.floor_char_boundary(MOST_BYTES));
        words.push('…');
    }
    words
}

fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        level,
        code,
        message,
        elements,
    } = diagnostic;
    format!(
        "{} {code} at {}: {message}",
        level.as_str(),
        place(elements)
    )
}

/// A place as `transform[1].rules`.
fn place(elements: &[PathElement]) -> String {
    let mut place = String::new();
    for element in elements {
        match element {
            PathElement::Key(key) => {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(key);
            }
            PathElement::Index(index) => place.push_str(&format!("[{index}]")),
        }
    }
    if place.is_empty() {
        place.push('.');
    }
    place
}

/// Whether one of them is an error.
pub(crate) fn have_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|one| one.level == Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_first_and_every_place_is_named() {
        let one = |level, code: &str, elements| Diagnostic {
            level,
            code: code.into(),
            message: "why".into(),
            elements,
        };
        let place = vec![
            PathElement::Key("transform".into()),
            PathElement::Index(1),
            PathElement::Key("rules".into()),
        ];
        let both = [
            one(Level::Warning, "odd", Vec::new()),
            one(Level::Error, "bad", place),
        ];
        assert_eq!(
            in_words(&both),
            "error bad at transform[1].rules: why; warning odd at .: why"
        );
        let many = vec![both[0].clone(); 12];
        assert!(in_words(&many).ends_with("; and 2 more"));
    }
}
