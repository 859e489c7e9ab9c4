//! Tar archives that depend on their contents alone: no times, no owners, no order but the given one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

const BLOCK: usize = 512;

/// One member of an archive.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Without a leading slash.
    pub(crate) path: String,
    pub(crate) mode: u32,
    /// User and group.
    pub(crate) owner: u32,
    pub(crate) content: Content,
}

#[derive(Clone)]
pub(crate) enum Content {
    Folder,
    Text(String),
    File(PathBuf),
}

impl Entry {
    /// A file that everybody reads.
    pub(crate) fn text(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            mode: 0o644,
            owner: 0,
            content: Content::Text(text.into()),
        }
    }

    /// A copy of a file of this machine.
    pub(crate) fn file(path: &str, mode: u32, source: &Path) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            owner: 0,
            content: Content::File(source.to_path_buf()),
        }
    }

    pub(crate) fn folder(path: &str, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            owner: 0,
            content: Content::Folder,
        }
    }
}

/// Writes the entries in their order.
pub(crate) fn write(entries: &[Entry], output: &mut impl Write) -> Result<()> {
    for entry in entries {
        write_entry(entry, output).with_context(|| format!("could not pack {}", entry.path))?;
    }
    output
        .write_all(&[0; 2 * BLOCK])
        .context("could not end the archive")
}

fn write_entry(entry: &Entry, output: &mut impl Write) -> Result<()> {
    match &entry.content {
        Content::Folder => {
            let path = format!("{}/", entry.path);
            Ok(output.write_all(&header(&path, entry, b'5', 0)?)?)
        }
        Content::Text(text) => write_file(entry, &mut text.as_bytes(), text.len() as u64, output),
        Content::File(source) => {
            let mut file = File::open(source)
                .with_context(|| format!("could not open {}", source.display()))?;
            let size = file.metadata()?.len();
            write_file(entry, &mut file, size, output)
        }
    }
}

fn write_file(
    entry: &Entry,
    content: &mut impl Read,
    size: u64,
    output: &mut impl Write,
) -> Result<()> {
    output.write_all(&header(&entry.path, entry, b'0', size)?)?;
    let written = io::copy(content, output)?;
    if written != size {
        bail!("it changed while it was read");
    }
    let padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
    Ok(output.write_all(&[0; BLOCK][..padding])?)
}

/// A header of the POSIX form (ustar), all numbers octal.
fn header(path: &str, entry: &Entry, kind: u8, size: u64) -> Result<[u8; BLOCK]> {
    const NAME: usize = 100;
    if path.len() > NAME {
        bail!("its name is longer than {NAME} bytes");
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, path.as_bytes());
    put(100, format!("{:07o}\0", entry.mode).as_bytes());
    put(108, format!("{:07o}\0", entry.owner).as_bytes());
    put(116, format!("{:07o}\0", entry.owner).as_bytes());
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    // The sum is taken with blanks in its own place.
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_itself_reads_what_was_packed() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        std::fs::write(&source, "x".repeat(513)).unwrap();
        let archive = folder.path().join("a.tar");
        let entries = [
            Entry::folder("tmp", 0o1777),
            Entry::text("etc/hello", "hello\n"),
            Entry::file("bin/x", 0o755, &source),
        ];
        write(&entries, &mut File::create(&archive).unwrap()).unwrap();
        let listing = crate::command::output(
            std::process::Command::new("tar")
                .args(["--numeric-owner", "--utc", "-tvf"])
                .arg(&archive),
        )
        .unwrap();
        let rows: Vec<Vec<&str>> = listing
            .lines()
            .map(|row| row.split_whitespace().collect())
            .collect();
        let short: Vec<[&str; 4]> = rows
            .iter()
            .map(|row| [row[0], row[1], row[2], row[row.len() - 1]])
            .collect();
        assert_eq!(
            short,
            [
                ["drwxrwxrwt", "0/0", "0", "tmp/"],
                ["-rw-r--r--", "0/0", "6", "etc/hello"],
                ["-rwxr-xr-x", "0/0", "513", "bin/x"]
            ]
        );
        assert!(listing.contains("1970-01-01"), "{listing}");
    }

    #[test]
    fn name_that_the_form_cannot_hold_is_refused() {
        let failure = write(&[Entry::text(&"x".repeat(101), "")], &mut Vec::new());
        assert!(failure.is_err());
    }
}
