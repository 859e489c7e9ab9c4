//! Reads the sources of the pure crates for words that mean input, output, waiting or a clock.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::rules::{IMPURE_WORDS, PURE};
use crate::workspace::Metadata;

/// Every impure word in code that is not a test, as `file:line: word`.
pub(super) fn judge(metadata: &Metadata) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for name in PURE {
        let sources = metadata.package(name)?.folder()?.join("src");
        for file in rust_files(&sources)? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("could not read {}", file.display()))?;
            for (line, word) in impure_lines(&text) {
                problems.push(format!(
                    "{}:{line}: `{word}` in a crate without input, output or clock",
                    file.display()
                ));
            }
        }
    }
    Ok(problems)
}

/// Line numbers with the impure word found there. A module of tests at the end of a file is not read.
pub(super) fn impure_lines(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        if let Some(word) = IMPURE_WORDS.iter().find(|word| code.contains(*word)) {
            found.push((number + 1, *word));
        }
    }
    found
}

/// The files of a crate that are not tests.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?
    {
        let path = entry
            .with_context(|| format!("could not list {}", folder.display()))?
            .path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if name != "tests" {
                files.extend(rust_files(&path)?);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
