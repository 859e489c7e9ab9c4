//! `cargo xtask tidy`: small rules about files that no compiler checks. One rule per file of this folder.

mod headers;
mod links;
mod manifests;
mod metrics;
mod requirements;
mod sizes;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A text file of the tree.
pub(crate) struct TextFile {
    /// Relative to the workspace's root.
    path: PathBuf,
    text: String,
}

impl TextFile {
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn has_extension(&self, wanted: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == wanted)
    }
}

pub(crate) fn check() -> Result<()> {
    let root = workspace::root()?;
    let files = text_files(&root)?;
    let mut problems = headers::judge(&files);
    problems.extend(manifests::judge(&files)?);
    problems.extend(sizes::judge(&files)?);
    problems.extend(words::judge(&files));
    problems.extend(links::judge(&root, &files));
    problems.extend(metrics::judge(&files));
    problems.extend(requirements::judge(&files));
    if problems.is_empty() {
        println!("    {} files are tidy", files.len());
        return Ok(());
    }
    bail!("untidy:\n  {}", problems.join("\n  "))
}

/// Every file that git knows or would add, if it is text.
fn text_files(root: &Path) -> Result<Vec<TextFile>> {
    let listing = crate::command::output(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut files = Vec::new();
    for name in listing.split('\0').filter(|name| !name.is_empty()) {
        let path = root.join(name);
        // Removed but not committed, or a link.
        if !path.is_file() {
            continue;
        }
        let bytes =
            fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile {
                path: name.into(),
                text,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> TextFile {
    TextFile {
        path: path.into(),
        text: text.to_owned(),
    }
}
