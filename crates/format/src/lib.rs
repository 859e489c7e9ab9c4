//! The format of a hub: one number for everything that roles keep and that others read later, so that a release can follow
//! another one and be taken back.
//!
//! It covers the stores of workers and storage nodes, manifests of checkpoints, objects of push logs, and the storage node's
//! records and objects. What is inside of them carries versions of its own.
//!
//! A release reads [`Formats`]: the newest and the one before it. It writes the older one until the hub is finalized. [`Format`] is
//! what a role writes now; its clones share that. Nothing here reads or writes anything.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// This release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The newest format that this release reads.
const NEWEST: u32 = 1;
/// The oldest: the one before the newest, once there is one.
const OLDEST: u32 = 1;

/// Formats that somebody reads, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    oldest: u32,
    newest: u32,
}

/// Something is in a format that is not read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A later release wrote it.
    #[error(
        "it is in format {found}{}, and this version, {VERSION}, reads {reads}: use {}; nothing was changed",
        by(writer),
        later(writer)
    )]
    Later {
        /// Its format.
        found: u32,
        /// The version that wrote it, where that is known.
        writer: Option<String>,
        /// What is read here.
        reads: Formats,
    },
    /// A release wrote it that is too old.
    #[error(
        "it is in format {found}, and this version, {VERSION}, reads {reads}: upgrade by a version in between, and finalize the hub there; nothing was changed"
    )]
    Earlier {
        /// Its format.
        found: u32,
        /// What is read here.
        reads: Formats,
    },
}

fn by(writer: &Option<String>) -> String {
    let by = writer
        .as_ref()
        .map(|writer| format!(" of version {writer}"));
    by.unwrap_or_default()
}

fn later(writer: &Option<String>) -> String {
    match writer {
        Some(writer) => format!("version {writer} or a later one"),
        None => "a later version".to_owned(),
    }
}

impl Unreadable {
    /// What it is.
    pub fn found(&self) -> u32 {
        match self {
            Unreadable::Later { found, .. } | Unreadable::Earlier { found, .. } => *found,
        }
    }
}

impl Formats {
    /// What this release reads.
    pub const RELEASE: Formats = Formats {
        oldest: OLDEST,
        newest: NEWEST,
    };

    /// What the next release will read, by this one's code: for tests of upgrades, so that they need no second build. Refused but
    /// for the one format that comes next.
    pub fn with_next(next: &str) -> Result<Formats, String> {
        let expected = NEWEST + 1;
        match next.parse::<u32>() {
            Ok(next) if next == expected => Ok(Formats {
                oldest: NEWEST,
                newest: expected,
            }),
            _ => Err(format!(
                "it is for tests of upgrades only, and takes {expected} alone"
            )),
        }
    }

    /// The oldest; what is written before the hub is finalized.
    pub fn oldest(self) -> u32 {
        self.oldest
    }

    /// The newest.
    pub fn newest(self) -> u32 {
        self.newest
    }

    /// An error unless this format is read here.
    pub fn check(self, found: u32) -> Result<(), Unreadable> {
        self.check_of(found, None)
    }

    /// The same of what a known version wrote.
    pub fn check_of(self, found: u32, writer: Option<&str>) -> Result<(), Unreadable> {
        if found > self.newest {
            return Err(Unreadable::Later {
                found,
                writer: writer.map(str::to_owned),
                reads: self,
            });
        }
        if found < self.oldest {
            return Err(Unreadable::Earlier { found, reads: self });
        }
        Ok(())
    }
}

impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(f, "format {}", self.newest),
            false => write!(f, "formats {} to {}", self.oldest, self.newest),
        }
    }
}

/// What a role reads, and what it writes now. Clones share the latter, which only grows.
#[derive(Clone, Debug)]
pub struct Format {
    reads: Formats,
    writes: Arc<AtomicU32>,
}

impl Format {
    /// Writes the oldest of these until it is told more.
    pub fn new(reads: Formats) -> Self {
        Format {
            reads,
            writes: Arc::new(AtomicU32::new(reads.oldest)),
        }
    }

    /// What is read.
    pub fn reads(&self) -> Formats {
        self.reads
    }

    /// What is written now.
    pub fn writes(&self) -> u32 {
        self.writes.load(Ordering::Acquire)
    }

    /// The same, where there is a byte for it.
    pub fn byte(&self) -> u8 {
        byte(self.writes())
    }

    /// An error unless this format is read here.
    pub fn check(&self, found: u32) -> Result<(), Unreadable> {
        self.reads.check(found)
    }

    /// From now on at least this one is written. Nobody writes what they do not read.
    pub fn raise(&self, to: u32) -> Result<(), Unreadable> {
        if to > self.reads.newest {
            return self.reads.check(to);
        }
        self.writes.fetch_max(to, Ordering::AcqRel);
        Ok(())
    }
}

impl Default for Format {
    fn default() -> Self {
        Format::new(Formats::RELEASE)
    }
}

/// A format where there is a byte for it.
pub fn byte(format: u32) -> u8 {
    // The last one stands for all that come after it, which nobody reads.
    u8::try_from(format).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_reads_its_newest_format_and_at_most_the_one_before() {
        let release = Formats::RELEASE;
        assert!(release.newest - release.oldest <= 1, "{release}");
        assert_eq!(release.check(NEWEST), Ok(()));
        assert_eq!(release.check(OLDEST), Ok(()));
        assert!(release.check(NEWEST + 1).is_err());
        assert!(release.check(OLDEST - 1).is_err());
    }

    #[test]
    fn the_next_format_is_the_only_one_that_tests_can_ask_for() {
        let next = Formats::with_next(&(NEWEST + 1).to_string()).unwrap();
        assert_eq!((next.oldest, next.newest), (NEWEST, NEWEST + 1));
        for other in [
            "",
            "next",
            "0",
            "-1",
            &NEWEST.to_string(),
            &(NEWEST + 2).to_string(),
        ] {
            assert!(Formats::with_next(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let reads = Formats {
            oldest: 2,
            newest: 3,
        };
        let refused = |found, writer| reads.check_of(found, writer).unwrap_err().to_string();
        assert_eq!(
            refused(4, Some("9.9.0")),
            format!(
                "it is in format 4 of version 9.9.0, and this version, {VERSION}, reads formats 2 to 3: use version 9.9.0 or a later one; nothing was changed"
            )
        );
        assert!(refused(4, None).contains("use a later version"));
        assert!(refused(1, None).contains("a version in between"));
    }

    #[test]
    fn what_is_written_grows_for_all_clones_and_never_beyond_what_is_read() {
        let format = Format::new(Formats {
            oldest: 1,
            newest: 2,
        });
        let clone = format.clone();
        assert_eq!(clone.writes(), 1);
        format.raise(2).unwrap();
        format.raise(1).unwrap();
        assert_eq!((clone.writes(), clone.byte()), (2, 2));
        assert_eq!(format.raise(3).unwrap_err().found(), 3);
        assert_eq!(clone.writes(), 2);
    }
}
