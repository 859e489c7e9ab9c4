//! Every Rust file opens with what it owns.

use super::TextFile;

pub(super) fn judge(files: &[TextFile]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.has_extension("rs"));
    rust.filter(|file| !opens_with_purpose(&file.text))
        .map(|file| {
            format!(
                "{}: does not begin with `//!` and what the file owns",
                file.name()
            )
        })
        .collect()
}

/// A first line of `//!` with at least a few words.
fn opens_with_purpose(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first
        .strip_prefix("//! ")
        .is_some_and(|purpose| purpose.split_whitespace().count() >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn file_without_purpose_is_named() {
        let files = [
            file("a.rs", "//! Owns a thing.\n"),
            file("b.rs", "//! .\n"),
            file("c.rs", "use x;\n"),
            file("d.md", "# D\n"),
        ];
        let problems = judge(&files);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("b.rs") && problems[1].starts_with("c.rs"));
    }
}
