//! Private files: mode 0600, whole or absent after a crash. Knows nothing about what is in them.

use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder (and those above it) that only its owner may enter; nothing happens when it is there.
/// Each new name is synced: a power cut must not take a folder with everything that was synced inside.
pub fn create_private_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        create_private_folder(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        // Another process made it between the question and now.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made.map_err(Error::file("create the folder", folder)),
    }?;
    sync_folder_of(folder)
}

/// Replaces a file in one step: readers and a crash see the old or the new content, whole.
pub fn replace_private(path: &Path, content: &[u8]) -> Result<()> {
    let written = write_beside(path, content)?;
    fs::rename(&written, path).map_err(Error::file("replace", path))?;
    sync_folder_of(path)
}

/// Writes a file unless it is there already, also against another process doing the same; true if this call made it.
pub fn create_private_once(path: &Path, content: &[u8]) -> Result<bool> {
    let written = write_beside(path, content)?;
    // A hard link fails where a rename would overwrite.
    let linked = fs::hard_link(&written, path);
    fs::remove_file(&written).map_err(Error::file("remove", &written))?;
    match linked {
        Ok(()) => sync_folder_of(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::file("create", path)(error)),
    }
}

/// Adds a line to a file and syncs it. A torn last line of an earlier crash is closed first.
pub(crate) fn append_line(path: &Path, line: &str) -> Result<()> {
    let before = read_if_there(path)?;
    let torn = before
        .as_deref()
        .is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("open", path))?;
    let text = if torn {
        format!("\n{line}\n")
    } else {
        format!("{line}\n")
    };
    // One write call: two processes that append at once do not mix their lines.
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Error::file("append to", path))?;
    if before.is_none() {
        sync_folder_of(path)
    } else {
        Ok(())
    }
}

/// The content of a file; `None` when there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

fn write_beside(path: &Path, content: &[u8]) -> Result<std::path::PathBuf> {
    let name = format!(
        ".{}.{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        uuid::Uuid::new_v4().simple()
    );
    let beside = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(Error::file("create", &beside))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(Error::file("write", &beside))?;
    Ok(beside)
}

fn sync_folder_of(path: &Path) -> Result<()> {
    // A bare file name has an empty parent, which means the current folder.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::file("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_private_file_is_for_its_owner_only_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/a.pem");
        create_private_folder(path.parent().unwrap()).unwrap();
        replace_private(&path, b"one").unwrap();
        replace_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_bare_file_name_is_a_file_in_the_current_folder() {
        let name = format!("bare-{}", uuid::Uuid::new_v4().simple());
        let path = Path::new(&name);
        replace_private(path, b"one").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"one");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn only_the_first_of_two_creators_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(create_private_once(&path, b"first").unwrap());
        assert!(!create_private_once(&path, b"second").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_line_after_a_torn_one_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append_line(&path, "whole").unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"to")
            .unwrap();
        append_line(&path, "next").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nto\nnext\n");
    }
}
