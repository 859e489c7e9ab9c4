//! Every metric that a crate names in its `metrics.rs` is explained in docs/metrics.md.

use super::TextFile;

const PAGE: &str = "docs/metrics.md";
/// What the registry puts before every name.
const PREFIX: &str = "sluice_";

pub(super) fn judge(files: &[TextFile]) -> Vec<String> {
    let page = files
        .iter()
        .find(|file| file.name() == PAGE)
        .map_or("", |file| file.text.as_str());
    let mut problems = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("metrics.rs") && !file.path.starts_with("xtask"))
    {
        for name in names(&file.text).filter(|name| !page.contains(&format!("`{PREFIX}{name}`"))) {
            problems.push(format!(
                "{}: the metric {PREFIX}{name} is not explained in {PAGE}",
                file.name()
            ));
        }
    }
    problems
}

/// The metric names among the string literals of a file, tests apart: words joined by underscores.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let code = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"));
    let code = code.filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|literal| {
            let is_name =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            literal.contains('_') && literal.bytes().all(is_name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn metric_that_the_page_lacks_is_named() {
        let code = "// \"old_name\"\nregister(\"runs_completed\", \"Runs of pipes\", \"operation\");\n\
            register(\"bytes_read\", \"Bytes\");\n#[cfg(test)]\nregister(\"only_a_test\");\n";
        let files = [
            file("worker/src/metrics.rs", code),
            file(PAGE, "| `sluice_bytes_read` | how many |\n"),
        ];
        let problems = judge(&files);
        assert_eq!(
            problems,
            [
                "worker/src/metrics.rs: the metric sluice_runs_completed is not explained in docs/metrics.md"
            ]
        );
    }
}
