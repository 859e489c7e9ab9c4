//! Which parts of a log go into new files, and which files of the checkpoint before stay. Pure.
//!
//! New entries go into a new file. So that there are never many small ones, the last files are written again together with them
//! while they are not much larger; each entry is written a logarithmic number of times. Files that are full stay, until most of
//! what is in them was removed.

use super::manifest::LogFile;

/// A file ends when it has about this many bytes of entries.
pub(super) const FILE_BYTES: u64 = 32 << 20;
/// From this size on a file is not written again only to be merged.
const FULL: u64 = FILE_BYTES / 4;
/// A last file of up to this many times the new entries is written again with them.
const RATIO: u64 = 2;
/// Entries that may be superfluous before anybody looks.
const SLACK: u64 = 10_000;

/// A part of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// As it is.
    Keep(LogFile),
    /// What is in the log from and to here, both included.
    Write { first: u64, last: u64 },
}

/// Whether so much was removed that the files should be looked at one by one.
pub(super) fn is_worth_a_look(files: &[LogFile], entries: u64) -> bool {
    let written: u64 = files.iter().map(|file| file.entries).sum();
    written > entries.saturating_mul(2).saturating_add(SLACK)
}

/// The parts of a log that ends at `last`. `live`: how many entries of each file are still there, where somebody looked.
pub(super) fn segments(files: &[LogFile], last: u64, live: Option<&[u64]>) -> Vec<Segment> {
    let mut kept: Vec<Segment> = Vec::with_capacity(files.len() + 1);
    for (position, file) in files.iter().enumerate() {
        let live = live.and_then(|live| live.get(position));
        match live.filter(|live| **live * 2 < file.entries) {
            Some(_) => merge(&mut kept, file.first, file.last),
            None => kept.push(Segment::Keep(file.clone())),
        }
    }
    let first = files.last().map_or(0, |file| file.last + 1);
    if files.last().is_some_and(|file| file.last >= last) {
        return kept;
    }
    let mut tail = Tail {
        first,
        // Offsets have gaps, so this is an upper bound; a gap makes the file before it be written again once.
        entries: last - first + 1,
    };
    while let Some(Segment::Keep(file)) = kept.last() {
        if file.file.bytes >= FULL || file.entries > tail.entries.saturating_mul(RATIO) {
            break;
        }
        tail.first = file.first;
        tail.entries += file.entries;
        kept.pop();
    }
    merge(&mut kept, tail.first, last);
    kept
}

/// The first files of a log that stay as they are, unless most of what is in them is removed.
pub(super) fn lasting(files: &[LogFile]) -> &[LogFile] {
    let small = files.iter().position(|file| file.file.bytes < FULL);
    &files[..small.unwrap_or(files.len())]
}

struct Tail {
    first: u64,
    entries: u64,
}

fn merge(segments: &mut Vec<Segment>, from: u64, to: u64) {
    match segments.last_mut() {
        Some(Segment::Write { last, .. }) => *last = to,
        _ => segments.push(Segment::Write {
            first: from,
            last: to,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::File;
    use super::*;

    fn file(first: u64, last: u64, bytes: u64) -> LogFile {
        LogFile {
            file: File {
                hash: format!("{first}-{last}"),
                bytes,
            },
            first,
            last,
            entries: last - first + 1,
        }
    }

    #[test]
    fn files_stay_few_and_entries_are_seldom_written_again() {
        let mut files: Vec<LogFile> = Vec::new();
        let (mut written, mut end) = (0, 0);
        for _ in 0..1_000 {
            end += 10;
            let mut next = Vec::new();
            for segment in segments(&files, end - 1, None) {
                match segment {
                    Segment::Keep(file) => next.push(file),
                    Segment::Write { first, last } => {
                        written += last - first + 1;
                        next.push(file(first, last, (last - first + 1) * 100));
                    }
                }
            }
            files = next;
            let covered: u64 = files.iter().map(|file| file.entries).sum();
            assert_eq!(covered, end, "{files:?}");
            assert!(files.len() <= 12, "{files:?}");
        }
        assert!(written < 12 * end, "{written} of {end}");
    }

    #[test]
    fn full_files_stay_and_nothing_new_writes_nothing() {
        let full = file(0, 99, FILE_BYTES);
        let keep = Segment::Keep(full.clone());
        let same = segments(std::slice::from_ref(&full), 99, None);
        assert_eq!(same, std::slice::from_ref(&keep));
        let expected = [
            keep,
            Segment::Write {
                first: 100,
                last: 5_000,
            },
        ];
        assert_eq!(segments(&[full], 5_000, None), expected);
    }

    #[test]
    fn files_that_are_mostly_superseded_are_written_again_together() {
        let files = [
            file(0, 99, FILE_BYTES),
            file(100, 199, FILE_BYTES),
            file(200, 299, FILE_BYTES),
        ];
        let live = [10, 49, 50];
        let expected = [
            Segment::Write {
                first: 0,
                last: 199,
            },
            Segment::Keep(files[2].clone()),
        ];
        assert_eq!(segments(&files, 299, Some(&live)), expected);
        assert!(is_worth_a_look(&[file(0, 99_999, 1)], 40_000));
        assert!(!is_worth_a_look(&files, 10));
    }
}
