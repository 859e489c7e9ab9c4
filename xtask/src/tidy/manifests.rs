//! Every crate of the workspace inherits the lints and takes its versions from the root manifest.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::Table;

use super::TextFile;

pub(super) fn judge(files: &[TextFile]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut manifests: Vec<(&TextFile, Table)> = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let manifest = file
            .text
            .parse()
            .with_context(|| format!("could not understand {}", file.name()))?;
        manifests.push((file, manifest));
    }
    // Workspaces of their own, which need another toolchain or other dependencies, and what is below them.
    let apart: Vec<PathBuf> = manifests
        .iter()
        .filter(|(_, manifest)| manifest.contains_key("workspace"))
        .filter_map(|(file, _)| file.path.parent().map(Path::to_path_buf))
        .filter(|folder| !folder.as_os_str().is_empty())
        .collect();
    for (file, manifest) in manifests {
        let is_apart = apart.iter().any(|folder| file.path.starts_with(folder));
        if is_apart || manifest.contains_key("workspace") {
            continue;
        }
        if !is_inherited(manifest.get("lints")) {
            problems.push(format!(
                "{}: does not inherit the lints (`[lints] workspace = true`)",
                file.name()
            ));
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(|value| value.as_table())
            else {
                continue;
            };
            for (name, _) in dependencies
                .iter()
                .filter(|(_, value)| !is_inherited(Some(value)))
            {
                problems.push(format!(
                    "{}: {name} has no `workspace = true`: versions stand in the root manifest",
                    file.name()
                ));
            }
        }
    }
    Ok(problems)
}

fn is_inherited(value: Option<&toml::Value>) -> bool {
    value
        .and_then(|value| value.get("workspace"))
        .and_then(toml::Value::as_bool)
        == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn crate_with_lints_or_versions_of_its_own_is_named() {
        let good = "[package]\nname = 'a'\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";
        let bad = "[package]\nname = 'b'\n[dependencies]\nserde = '1'\n";
        let alone = "[workspace]\n[package]\nname = 'c'\n";
        let files = [
            file("a/Cargo.toml", good),
            file("b/Cargo.toml", bad),
            file("c/Cargo.toml", alone),
            file("c/below/Cargo.toml", bad),
        ];
        let problems = judge(&files).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.starts_with("b/Cargo.toml"))
        );
    }
}
