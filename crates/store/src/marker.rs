//! The format of a store as a file in its folder: for versions that cannot read it, which must not let RocksDB open it, since that
//! writes at once.
//!
//! ```text
//! format 2
//! version 0.2.0
//! ```
//!
//! The version is the one that wrote the format first. Further lines are passed over. The store record says the format too, and is
//! what counts where there is no file, or one that nobody can read.

use sluice_format::{Formats, Unreadable, VERSION};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

const FILE: &str = "sluice.format";
/// It is written anew beside the old one.
const NEXT: &str = "sluice.format.next";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) format: u32,
    version: Option<String>,
}

impl Marked {
    /// An error unless it is read here.
    pub(crate) fn check(&self, reads: Formats) -> Result<(), Unreadable> {
        reads.check_of(self.format, self.version.as_deref())
    }

    fn parse(text: &str) -> Option<Marked> {
        let line = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        Some(Marked {
            format: line("format")?.trim().parse().ok()?,
            version: line("version").map(|version| version.trim().to_owned()),
        })
    }
}

/// `None`: there is none, or none that can be read.
pub(crate) fn read(folder: &Path) -> Option<Marked> {
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the mark of the store's format cannot be read");
            return None;
        }
    };
    let marked = Marked::parse(&text);
    if marked.is_none() {
        tracing::warn!(path = %path.display(), "the mark of the store's format cannot be understood");
    }
    marked
}

/// Whole or not at all, and durable.
pub(crate) fn write(folder: &Path, format: u32) -> io::Result<()> {
    let next = folder.join(NEXT);
    let mut file = File::create(&next)?;
    write!(file, "format {format}\nversion {VERSION}\n")?;
    file.sync_all()?;
    std::fs::rename(&next, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        write(folder.path(), 1).unwrap();
        write(folder.path(), 7).unwrap();
        let expected = Marked {
            format: 7,
            version: Some(VERSION.to_owned()),
        };
        assert_eq!(read(folder.path()), Some(expected));
        for damaged in ["", "format", "format x\n", "7\n"] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            assert_eq!(read(folder.path()), None, "{damaged:?}");
        }
    }

    #[test]
    fn what_later_versions_add_is_passed_over() {
        let later = Marked::parse("kind later\nformat 9\nfurther lines\n").unwrap();
        assert_eq!((later.format, later.version.as_deref()), (9, None));
    }
}
