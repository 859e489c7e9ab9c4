//! Tests that docs/requirements.md names as evidence exist.

use std::collections::BTreeSet;

use super::TextFile;

const PAGE: &str = "docs/requirements.md";

pub(super) fn judge(files: &[TextFile]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.name() == PAGE) else {
        return vec![format!("{PAGE}: not there")];
    };
    let rust = files.iter().filter(|file| file.has_extension("rs"));
    let functions: BTreeSet<&str> = rust.flat_map(|file| functions(&file.text)).collect();
    evidence(&page.text)
        .filter(|test| !functions.contains(test))
        .map(|test| format!("{PAGE}: there is no test {test}"))
        .collect()
}

/// The quoted words of the page that are names of tests: sentences joined by underscores.
fn evidence(page: &str) -> impl Iterator<Item = &str> {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|quoted| {
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            quoted.contains('_') && quoted.bytes().all(is_name)
        })
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let behind = line.split_once("fn ")?.1;
        let end = behind.find(['(', '<'])?;
        Some(&behind[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn test_that_is_not_there_is_named() {
        let page = "| A1 | x | `a/b.rs` | `it_works_well`, `it_is_gone_now` |\n";
        let code = "#[tokio::test]\nasync fn it_works_well() {}\n";
        let problems = judge(&[file(PAGE, page), file("a/b.rs", code)]);
        assert_eq!(
            problems,
            ["docs/requirements.md: there is no test it_is_gone_now"]
        );
    }
}
