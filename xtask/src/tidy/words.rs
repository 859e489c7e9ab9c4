//! Words that do not belong in the tree: notes without an issue, paths of one machine, names of package hosts.

use super::TextFile;

/// Folders that exist on one machine only. Split, so that this file does not hold what it looks for.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/fa", "rm/"),
];
/// Parts of the names of hosts that hand out packages.
const PACKAGE_HOSTS: &[&str] = &["registry", "mirror", "proxy", "index"];
/// Notes that must name an issue: `TODO(#12)`.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub(super) fn judge(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| !file.has_extension("lock")) {
        for (number, line) in file.text.lines().enumerate() {
            problems.extend(
                misplaced(line).map(|what| format!("{}:{}: {what}", file.name(), number + 1)),
            );
        }
    }
    problems
}

fn misplaced(line: &str) -> Option<String> {
    if let Some(folder) = MACHINE_FOLDERS
        .iter()
        .find(|folder| starts_a_path(line, folder))
    {
        return Some(format!("a path of one machine: {folder}"));
    }
    if let Some(host) =
        hosts(line).find(|host| PACKAGE_HOSTS.iter().any(|part| host.contains(part)))
    {
        return Some(format!("the name of a package host: {host}"));
    }
    NOTES
        .iter()
        .find(|note| is_orphan(line, note))
        .map(|note| format!("{note} without an issue: write {note}(#12)"))
}

/// Whether the folder stands there as the beginning of a path.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at].ends_with(|before: char| {
            before.is_alphanumeric() || matches!(before, '.' | '}' | '_' | '-' | '~' | '*')
        })
    })
}

/// The host names in the web addresses of a line.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("://").map(|(at, _)| {
        let rest = &line[at + 3..];
        let end = rest
            .find(|next: char| !(next.is_ascii_alphanumeric() || matches!(next, '.' | '-')))
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Whether the note stands there as a word of its own, with no issue number behind it.
fn is_orphan(line: &str, note: &str) -> bool {
    line.match_indices(note).any(|(at, _)| {
        let behind = &line[at + note.len()..];
        let inside_a_word = line[..at]
            .ends_with(|before: char| before.is_alphanumeric() || before == '_')
            || behind.starts_with(|after: char| after.is_alphanumeric() || after == '_');
        let names_an_issue = behind
            .strip_prefix("(#")
            .is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()));
        !inside_a_word && !names_an_issue
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine_are_found_and_relative_ones_are_not() {
        assert!(misplaced(concat!("see /wo", "rk/main")).is_some());
        assert!(misplaced(concat!("`/ro", "ot/.cache`")).is_some());
        assert!(misplaced(concat!("../frame", "wo", "rk/src")).is_none());
        assert!(misplaced("tests/roots/").is_none());
    }

    #[test]
    fn package_hosts_are_found_in_addresses_only() {
        assert!(misplaced(concat!("https://", "mirror", ".example.org/x")).is_some());
        assert!(misplaced("https://example.org/mirror").is_none());
        assert!(misplaced("a proxy, an index").is_none());
    }

    #[test]
    fn note_needs_an_issue() {
        let note = NOTES[0];
        assert!(misplaced(&format!("// {note}: later")).is_some());
        assert!(misplaced(&format!("// {note}(#12): later")).is_none());
        assert!(misplaced(&format!("{note}S of the year")).is_none());
    }
}
