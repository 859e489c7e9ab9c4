//! Links between pages lead somewhere: to a file, and to a heading where they name one.

use std::collections::BTreeSet;
use std::path::Path;

use super::TextFile;

pub(super) fn judge(root: &Path, files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for page in files.iter().filter(|file| file.has_extension("md")) {
        for target in links(&page.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = page.path.parent().unwrap_or(Path::new(""));
            let leads_to = if path.is_empty() {
                page.path.clone()
            } else {
                folder.join(path)
            };
            if !root.join(&leads_to).exists() {
                problems.push(format!(
                    "{}: the link to {target} leads nowhere",
                    page.name()
                ));
            } else if !anchor.is_empty()
                && leads_to
                    .extension()
                    .is_some_and(|extension| extension == "md")
            {
                let text = std::fs::read_to_string(root.join(&leads_to)).unwrap_or_default();
                if !anchors(&text).contains(anchor) {
                    problems.push(format!(
                        "{}: the link to {target} names no heading",
                        page.name()
                    ));
                }
            }
        }
    }
    problems
}

/// The targets of `[words](target)` that are files of the tree, outside code blocks.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            if !target.is_empty()
                && !target.contains("://")
                && !target.starts_with("mailto:")
                && !target.contains(' ')
            {
                found.push(target);
            }
        }
    }
    found
}

/// The names under which the headings of a page can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            words
                .chars()
                .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence {
            in_code = !in_code;
        }
        !in_code && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn link_to_nothing_and_to_no_heading_are_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/b.md"), "# B and `C`\n").unwrap();
        let text = "[x](b.md) [y](b.md#b-and-c) [z](b.md#d) [w](gone.md) [v](https://example.org)\n```\n[u](no.md)\n```\n";
        let problems = judge(root.path(), &[file("docs/a.md", text)]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("b.md#d") && problems[1].contains("gone.md"));
    }
}
