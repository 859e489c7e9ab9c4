//! The user's cache folder: what a fresh clone must not compile or fetch again, how it is locked between checkouts,
//! and how it is kept small. Never holds anything that cannot be made again.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::steps::step;

/// Entries that no command has used for this long are removed.
const UNUSED_LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// A target folder bigger than this is emptied before the next build: artefacts of old checkouts never leave it otherwise.
const TARGET_BYTES_LIMIT: u64 = 40 << 30;
/// The folders whose members age.
const AGING: &[&str] = &["target", "rocksdb", "tools", "debian", "wheels"];
/// The file in an entry whose modification time says when it was last used.
const MARK: &str = ".last-used";

/// `${XDG_CACHE_HOME:-~/.cache}/sluice`
pub(crate) struct Cache {
    root: PathBuf,
}

/// While it lives, no other checkout changes the cache folder.
pub(crate) struct CacheLock {
    _file: File,
}

impl Cache {
    /// The cache folder of the current user, made if it is not there.
    pub(crate) fn open() -> Result<Self> {
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .context("neither XDG_CACHE_HOME nor HOME names a folder for the cache")?;
        Self::at(base.join("sluice"))
    }

    fn at(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("could not make {}", root.display()))?;
        Ok(Self { root })
    }

    /// `target/<toolchain>`
    pub(crate) fn target(&self, toolchain: &str) -> PathBuf {
        self.root.join("target").join(toolchain)
    }

    /// `rocksdb/<what the library was built from>`
    pub(crate) fn rocksdb(&self, built_from: &str) -> PathBuf {
        self.root.join("rocksdb").join(built_from)
    }

    /// `tools/<name>-<version>`
    pub(crate) fn tool(&self, name: &str, version: &str) -> PathBuf {
        self.root.join("tools").join(format!("{name}-{version}"))
    }

    /// Debian packages unpacked for a release, for users who may not install: `debian/<release>`
    pub(crate) fn debian(&self, release: &str) -> PathBuf {
        self.root.join("debian").join(release)
    }

    /// `wheels/<name>-<version>`
    pub(crate) fn wheel(&self, name: &str, version: &str) -> PathBuf {
        self.root.join("wheels").join(format!("{name}-{version}"))
    }

    /// The clusters that run: everything they write. Never removed by age, and empty when none runs.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// The data folder of `cargo xtask run`.
    pub(crate) fn sample_data(&self) -> PathBuf {
        self.root.join("data").join("sample")
    }

    /// The scratch folder of `cargo xtask client`, emptied; the last run's logs stay in it until the next.
    pub(crate) fn client_run(&self) -> Result<PathBuf> {
        let folder = self.root.join("data").join("client");
        if folder.exists() {
            remove_folder(&folder)?;
        }
        fs::create_dir_all(&folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        Ok(folder)
    }

    /// Waits until no other checkout works in the cache, and says so while it waits.
    pub(crate) fn lock(&self) -> Result<CacheLock> {
        self.lock_by(".lock")
    }

    /// As [`Cache::lock`], for the programs of clusters alone: building them takes long and concerns nobody else.
    pub(crate) fn lock_cluster_programs(&self) -> Result<CacheLock> {
        self.lock_by(".cluster.lock")
    }

    fn lock_by(&self, name: &str) -> Result<CacheLock> {
        let path = self.root.join(name);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("could not open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => step(
                "wait: another checkout is working in the cache folder",
                || {
                    file.lock()
                        .with_context(|| format!("could not lock {}", path.display()))
                },
            )?,
            Err(TryLockError::Error(cause)) => {
                return Err(cause).with_context(|| format!("could not lock {}", path.display()));
            }
        }
        Ok(CacheLock { _file: file })
    }

    /// Notes that an entry was used now.
    pub(crate) fn mark_used(entry: &Path) -> Result<()> {
        fs::create_dir_all(entry).with_context(|| format!("could not make {}", entry.display()))?;
        let mark = entry.join(MARK);
        fs::write(&mark, "").with_context(|| format!("could not write {}", mark.display()))
    }

    /// Removes what nobody used for long, and target folders that grew too big.
    pub(crate) fn keep_small(&self, _held: &CacheLock) -> Result<()> {
        let now = SystemTime::now();
        for entry in self.entries()? {
            if last_used(&entry)?
                .is_some_and(|used| now.duration_since(used).is_ok_and(|age| age > UNUSED_LIMIT))
            {
                step(
                    &format!("remove {}, unused for a month", entry.display()),
                    || remove_folder(&entry),
                )?;
            }
        }
        for target in folders_in(&self.root.join("target"))? {
            if folder_bytes(&target) > TARGET_BYTES_LIMIT {
                empty_target(&target)?;
            }
        }
        Ok(())
    }

    /// `cargo xtask clean`: everything but data folders.
    pub(crate) fn clean(&self) -> Result<()> {
        let _held = self.lock()?;
        for entry in self.entries()? {
            step(&format!("remove {}", entry.display()), || {
                remove_folder(&entry)
            })?;
        }
        let kept = self.root.join("data");
        if kept.exists() {
            println!("    kept: {} (data of `cargo xtask run`)", kept.display());
        }
        Ok(())
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let mut entries = Vec::new();
        for kind in AGING {
            entries.extend(folders_in(&self.root.join(kind))?);
        }
        Ok(entries)
    }
}

fn folders_in(parent: &Path) -> Result<Vec<PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in
        fs::read_dir(parent).with_context(|| format!("could not list {}", parent.display()))?
    {
        let path = entry
            .with_context(|| format!("could not list {}", parent.display()))?
            .path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// None for an entry without a mark: it is not ours to judge by age.
fn last_used(entry: &Path) -> Result<Option<SystemTime>> {
    match fs::metadata(entry.join(MARK)) {
        Ok(mark) => {
            Ok(Some(mark.modified().with_context(|| {
                format!("no time on {}", entry.display())
            })?))
        }
        Err(_) => Ok(None),
    }
}

/// Empties a target folder, but not under a build that runs in it.
fn empty_target(target: &Path) -> Result<()> {
    let mut held = Vec::new();
    for profile in folders_in(target)? {
        if let Ok(file) = File::open(profile.join(".cargo-lock")) {
            if file.try_lock().is_err() {
                println!(
                    "    {} is too big, but a build runs in it: left for the next time",
                    target.display()
                );
                return Ok(());
            }
            held.push(file);
        }
    }
    step(
        &format!("empty {}, which grew too big", target.display()),
        || remove_folder(target),
    )
}

fn remove_folder(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("could not remove {}", folder.display()))
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_unused_for_a_month_goes_and_a_used_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_path_buf()).unwrap();
        let (old, new, unmarked) = (
            cache.rocksdb("old"),
            cache.rocksdb("new"),
            cache.rocksdb("unmarked"),
        );
        Cache::mark_used(&old).unwrap();
        Cache::mark_used(&new).unwrap();
        fs::create_dir_all(&unmarked).unwrap();
        let long_ago = SystemTime::now() - UNUSED_LIMIT - Duration::from_secs(60);
        File::options()
            .write(true)
            .open(old.join(MARK))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();

        let lock = cache.lock().unwrap();
        cache.keep_small(&lock).unwrap();

        assert!(!old.exists());
        assert!(new.exists());
        assert!(unmarked.exists());
    }

    #[test]
    fn clean_keeps_the_data_of_the_sample() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_path_buf()).unwrap();
        fs::create_dir_all(cache.sample_data()).unwrap();
        Cache::mark_used(&cache.target("1.0.0")).unwrap();

        cache.clean().unwrap();

        assert!(!cache.target("1.0.0").exists());
        assert!(cache.sample_data().exists());
    }

    #[test]
    fn second_user_of_the_cache_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_path_buf()).unwrap();
        let held = cache.lock().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| cache.lock().map(|_| ()));
            let probe = File::open(folder.path().join(".lock")).unwrap();
            assert!(matches!(probe.try_lock(), Err(TryLockError::WouldBlock)));
            drop(held);
            second.join().unwrap().unwrap();
        });
    }
}
