//! Files stay small: one noun or one verb. The few that are longer are listed, and the list may only shrink.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::TextFile;

/// At this length a file has long taken in a second noun, which belongs in a file of its own.
const LINES: usize = 600;
/// Tests are read one at a time.
const LINES_OF_TESTS: usize = 900;
/// Lines of `PATH LINES`: a file may have that many lines and no more.
const LARGE_FILES: &str = include_str!("large_files.txt");

pub(super) fn judge(files: &[TextFile]) -> Result<Vec<String>> {
    judge_with(files, LARGE_FILES)
}

fn judge_with(files: &[TextFile], list: &str) -> Result<Vec<String>> {
    let mut listed = read(list)?;
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("rs")) {
        let lines = file.text.lines().count();
        let name = file.name();
        let most = if is_test(&name) {
            LINES_OF_TESTS
        } else {
            LINES
        };
        match listed.remove(name.as_str()) {
            None if lines > most => {
                problems.push(format!(
                    "{name}: {lines} lines, more than {most}: split it by noun"
                ));
            }
            Some(limit) if lines > limit => {
                problems.push(format!("{name}: grew from {limit} to {lines} lines: the list of large files only shrinks"));
            }
            Some(_) if lines <= most => {
                problems.push(format!(
                    "{name}: small again: take it off xtask/src/tidy/large_files.txt"
                ));
            }
            _ => {}
        }
    }
    problems.extend(
        listed
            .keys()
            .map(|name| format!("{name}: listed as a large file, but not there")),
    );
    Ok(problems)
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.starts_with("tests/") || name.contains("/tests/")
}

fn read(list: &str) -> Result<BTreeMap<&str, usize>> {
    let rows = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let (path, lines) = row
            .rsplit_once(' ')
            .with_context(|| format!("`{row}` is not PATH LINES"))?;
        Ok((
            path,
            lines
                .parse()
                .with_context(|| format!("`{row}` is not PATH LINES"))?,
        ))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn list_of_large_files_only_shrinks() {
        let long = "x\n".repeat(LINES + 1);
        let files = [
            file("a.rs", &long),
            file("b.rs", &long),
            file("c.rs", "x\n"),
            file("d.rs", &long),
            file("f/tests.rs", &long),
        ];
        let list = format!(
            "# why\nb.rs {}\nc.rs {}\nd.rs {LINES}\ne.rs 700\n",
            LINES + 1,
            LINES + 1
        );
        let problems = judge_with(&files, &list).unwrap();
        let starts: Vec<&str> = problems.iter().map(|problem| &problem[..4]).collect();
        assert_eq!(starts, ["a.rs", "c.rs", "d.rs", "e.rs"]);
    }
}
