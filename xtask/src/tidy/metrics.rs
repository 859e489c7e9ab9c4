//! Every metric that a crate names in its `metrics.rs` is explained in docs/metrics.md.

use super::TextFile;

const PAGE: &str = "docs/metrics.md";
/// Metrics of ours begin with it.
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
        for name in names(&file.text).filter(|name| !page.contains(&format!("`{name}`"))) {
            problems.push(format!(
                "{}: the metric {name} is not explained in {PAGE}",
                file.name()
            ));
        }
    }
    problems
}

/// The metric names among the string literals of a file.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|literal| {
            literal.starts_with(PREFIX)
                && literal
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn metric_that_the_page_lacks_is_named() {
        let code = "// \"sluice_old\"\nconst A: &str = \"sluice_runs_total\";\nconst B: &str = \"sluice_bytes\";\n";
        let files = [
            file("worker/src/metrics.rs", code),
            file(PAGE, "| `sluice_bytes` | how many |\n"),
        ];
        let problems = judge(&files);
        assert_eq!(
            problems,
            [
                "worker/src/metrics.rs: the metric sluice_runs_total is not explained in docs/metrics.md"
            ]
        );
    }
}
