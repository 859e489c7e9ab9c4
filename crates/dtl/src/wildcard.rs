//! Patterns with `*` (any text) and `?` (any one character).

/// Whether the whole of `text` matches `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern_rest, mut text_rest) = (pattern, text);
    // Where to go on after the last `*`, with one more character of text swallowed each time.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut after = text_rest.chars();
        let next = after.next();
        let mut pattern_after = pattern_rest.chars();
        match (pattern_after.next(), next) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern_rest = pattern_after.as_str();
                if pattern_rest.is_empty() {
                    return true;
                }
                retry = Some((pattern_rest, text_rest));
                continue;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((at, swallowed)) = retry else {
                    return false;
                };
                let mut rest = swallowed.chars();
                if rest.next().is_none() {
                    return false;
                }
                retry = Some((at, rest.as_str()));
                (pattern_rest, text_rest) = (at, rest.as_str());
                continue;
            }
        }
        (pattern_rest, text_rest) = (pattern_after.as_str(), after.as_str());
    }
}

/// Whether the text has wildcards at all.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_as_in_file_names() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*", "a", true),
            ("a*p*a", "alpaca", true),
            ("a*p*a", "alpha", true),
            ("a*p*a", "alphabet", false),
            ("?", "å", true),
            ("??", "å", false),
            ("*_sport", "winter_sport", true),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("abc", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
