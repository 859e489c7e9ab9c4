//! Opening for a check, and the files of the database.

use super::Report;
use crate::families::Family;
use rocksdb::{DB, DBRecoveryMode, Options};
use std::path::Path;

/// Opens read-only; if the write-ahead log is damaged, says so and opens with what can be read of it.
pub(super) fn open(path: &Path, report: &mut Report) -> Option<DB> {
    let attempts = [
        DBRecoveryMode::TolerateCorruptedTailRecords,
        DBRecoveryMode::SkipAnyCorruptedRecord,
    ];
    for (attempt, mode) in attempts.into_iter().enumerate() {
        let mut options = Options::default();
        // One unreadable table must not keep us from looking at the others.
        options.set_paranoid_checks(attempt == 0);
        // As the store itself does: RocksDB crashes when it opens read-only without it what was written with it.
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_wal_recovery_mode(mode);
        match DB::open_cf_for_read_only(&options, path, Family::ALL.map(Family::name), false) {
            Ok(db) => return Some(db),
            Err(error) if attempt == 0 || report.is_clean() => {
                report.add(place(error.as_ref(), path), error.into_string());
            }
            Err(_) => {}
        }
    }
    None
}

/// Every table the manifest names is there with the size it was written with.
pub(super) fn check(db: &DB, path: &Path, report: &mut Report) {
    let files = match db.live_files() {
        Ok(files) => files,
        Err(error) => return report.add("list of tables", error.into_string()),
    };
    for file in files {
        let name = file.name.trim_start_matches('/');
        match std::fs::metadata(path.join(name)) {
            Ok(metadata) if metadata.len() == file.size as u64 => {}
            Ok(metadata) => {
                let what = format!("{} bytes long, should be {}", metadata.len(), file.size);
                report.add(
                    format!("file {name} (family {})", file.column_family_name),
                    what,
                );
            }
            Err(error) => report.add(
                format!("file {name} (family {})", file.column_family_name),
                error.to_string(),
            ),
        }
    }
}

/// The file that an error of RocksDB names. Of the write-ahead log it names none: then all files of it.
fn place(message: &str, path: &Path) -> String {
    let is_file = |word: &&str| {
        word.ends_with(".sst")
            || word.ends_with(".log")
            || word.starts_with("MANIFEST")
            || *word == "CURRENT"
    };
    let named = message
        .split(|c: char| c.is_whitespace() || matches!(c, '/' | ':' | ',' | '\'' | '"' | ';'))
        .find(is_file);
    match named {
        Some(file) => format!("file {file}"),
        None => format!("write-ahead log ({})", write_ahead_log(path).join(", ")),
    }
}

fn write_ahead_log(path: &Path) -> Vec<String> {
    let names = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = names
        .filter_map(|file| file.file_name().into_string().ok())
        .collect();
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_file_is_found_in_an_error_message() {
        for (message, expected) in [
            (
                "IO error: No such file or directory: While open a file for random read: /a/b/000012.sst: No such",
                "file 000012.sst",
            ),
            (
                "Corruption: block checksum mismatch: stored = 1 in /x/000007.sst offset 0 size 9",
                "file 000007.sst",
            ),
            (
                "Corruption: checksum mismatch in /x/MANIFEST-000004",
                "file MANIFEST-000004",
            ),
            ("Corruption: bad record length", "write-ahead log ()"),
        ] {
            assert_eq!(place(message, std::path::Path::new("/nowhere")), expected);
        }
    }
}
