//! The folder of conformance vectors, which is not part of this tree. Without it the tests that read it check nothing,
//! so its absence is said loudly, and is a failure in continuous integration.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Names the folder, relative to the root of the workspace.
pub(super) const VARIABLE: &str = "SLUICE_CONFORMANCE";

/// The folder as an absolute path: the tests of each crate run in a folder of their own.
pub(super) fn folder(root: &Path) -> Result<Option<PathBuf>> {
    let named = std::env::var_os(VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    judge(named, root, super::is_ci())
}

fn judge(named: Option<PathBuf>, root: &Path, is_ci: bool) -> Result<Option<PathBuf>> {
    match named {
        Some(folder) if root.join(&folder).is_dir() => {
            let folder = root.join(&folder);
            let absolute = folder
                .canonicalize()
                .with_context(|| format!("could not resolve {}", folder.display()))?;
            Ok(Some(absolute))
        }
        Some(folder) => bail!("{VARIABLE} names {}, which is no folder", folder.display()),
        None if is_ci => {
            bail!("{VARIABLE} is not set: the conformance vectors would not be checked")
        }
        None => {
            println!("!!! {VARIABLE} is not set: NO CONFORMANCE VECTOR IS CHECKED in this run");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_a_failure_in_continuous_integration_only() {
        let root = tempfile::tempdir().unwrap();
        assert!(judge(None, root.path(), false).unwrap().is_none());
        assert!(judge(None, root.path(), true).is_err());
        assert!(judge(Some("gone".into()), root.path(), false).is_err());
    }

    #[test]
    fn relative_folder_is_found_from_the_root() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("vectors")).unwrap();
        let found = judge(Some("vectors".into()), root.path(), true)
            .unwrap()
            .unwrap();
        assert_eq!(found, root.path().join("vectors").canonicalize().unwrap());
    }
}
