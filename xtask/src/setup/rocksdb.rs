//! Builds RocksDB's C++ once per machine as a static library, from the sources inside the fetched crate librocksdb-sys,
//! several files to a compile. Every profile then links it. Plain cargo works without: this is an accelerator.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::command::{output, run};
use crate::fingerprint::fingerprint;
use crate::steps::step;
use crate::workspace::Metadata;

/// Header parsing dominates a compile, so files of one folder share it; more than this gains little and needs memory.
const FILES_PER_UNIT: usize = 8;

/// As the crate's own build script defines for Linux with the features that the workspace turns on.
const FLAGS: &[&str] = &[
    "-std=c++20",
    "-O2",
    "-DNDEBUG",
    "-DLZ4=1",
    "-DZSTD=1",
    "-DHAVE_ALIGNED_NEW",
    "-DHAVE_UINT128_EXTENSION",
    "-DOS_LINUX",
    "-DROCKSDB_PLATFORM_POSIX",
    "-DROCKSDB_LIB_IO_POSIX",
    "-DROCKSDB_SCHED_GETCPU_PRESENT",
    "-DROCKSDB_AUXV_GETAUXVAL_PRESENT",
    "-DROCKSDB_FALLOCATE_PRESENT",
    "-DROCKSDB_RANGESYNC_PRESENT",
    "-fPIC",
    "-ffunction-sections",
    "-fdata-sections",
    "-include",
    "cstdint",
    "-w",
];

/// The checksum instructions that RocksDB uses where the compiler may assume them.
fn processor_flags() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["-msse4.2", "-mpclmul"],
        "aarch64" => &["-march=armv8-a+crc+aes+crypto"],
        _ => &[],
    }
}

/// The folder with `librocksdb.a`, built now if this (toolchain, version, flags) was never built here.
pub(crate) fn provide(cache: &Cache, toolchain: &str, metadata: &Metadata) -> Result<PathBuf> {
    let version = &metadata.package("librocksdb-sys")?.version;
    let flags: Vec<&str> = FLAGS.iter().chain(processor_flags()).copied().collect();
    let compiler_version = output(Command::new(compiler()).arg("-dumpfullversion"))?;
    let fingerprint = fingerprint(&[&flags.join(" "), &compiler(), compiler_version.trim()]);
    let folder = cache.rocksdb(&format!("{toolchain}-{version}-{fingerprint:08x}"));
    if !folder.join("librocksdb.a").is_file() {
        step(
            "compile RocksDB's static library (once per machine)",
            || build(&folder, &flags, metadata),
        )?;
    }
    Cache::mark_used(&folder)?;
    Ok(folder)
}

/// The C++ compiler, as `CXX` names it.
pub(crate) fn compiler() -> String {
    std::env::var("CXX")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "c++".to_owned())
}

/// Compiles beside the final folder and renames when complete: an interrupted build leaves nothing that looks whole,
/// and the next one goes on with the objects that were finished.
fn build(folder: &Path, flags: &[&str], metadata: &Metadata) -> Result<()> {
    let mut work = folder.as_os_str().to_owned();
    work.push(".building");
    let work = PathBuf::from(work);
    fs::create_dir_all(&work).with_context(|| format!("could not make {}", work.display()))?;

    let crate_folder = metadata.package("librocksdb-sys")?.folder()?;
    let units = write_units(crate_folder, &work)?;
    let includes = include_folders(crate_folder, metadata)?;
    compile(&units, flags, &includes)?;

    let objects = units.iter().map(|unit| unit.with_extension("o"));
    run(Command::new("ar")
        .arg("crs")
        .arg(work.join("librocksdb.a"))
        .args(objects))?;
    for unit in &units {
        for file in [unit.clone(), unit.with_extension("o")] {
            fs::remove_file(&file)
                .with_context(|| format!("could not remove {}", file.display()))?;
        }
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not remove {}", folder.display()))?;
    }
    fs::rename(&work, folder).with_context(|| {
        format!(
            "could not rename {} to {}",
            work.display(),
            folder.display()
        )
    })
}

fn include_folders(crate_folder: &Path, metadata: &Metadata) -> Result<Vec<PathBuf>> {
    let lz4 = metadata.package("lz4-sys")?.folder()?.join("liblz4/lib");
    let zstd = metadata.package("zstd-sys")?.folder()?.join("zstd/lib");
    Ok(vec![
        crate_folder.join("rocksdb/include"),
        crate_folder.join("rocksdb"),
        crate_folder.to_path_buf(),
        lz4,
        zstd,
    ])
}

/// Writes files that include a few sources each, and gives back their paths.
fn write_units(crate_folder: &Path, work: &Path) -> Result<Vec<PathBuf>> {
    let list = crate_folder.join("rocksdb_lib_sources.txt");
    let list =
        fs::read_to_string(&list).with_context(|| format!("could not read {}", list.display()))?;
    let mut units = Vec::new();
    for (number, sources) in group(&list).iter().enumerate() {
        let mut text: String = sources
            .iter()
            .map(|source| format!("#include \"{}\"\n", crate_folder.join(source).display()))
            .collect();
        text.insert_str(0, "// Written by xtask.\n");
        let unit = work.join(format!("unit{number:03}.cc"));
        fs::write(&unit, text).with_context(|| format!("could not write {}", unit.display()))?;
        units.push(unit);
    }
    Ok(units)
}

/// The sources in groups of one folder each: names that clash across folders never meet in one unit.
fn group(list: &str) -> Vec<Vec<String>> {
    let mut folders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in list
        .split_whitespace()
        .filter(|source| *source != "util/build_version.cc")
    {
        let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders
            .entry(folder)
            .or_default()
            .push(format!("rocksdb/{source}"));
    }
    // The crate brings this one ready made, beside the list.
    let mut groups = vec![vec!["build_version.cc".to_owned()]];
    groups.extend(
        folders
            .values()
            .flat_map(|sources| sources.chunks(FILES_PER_UNIT).map(<[String]>::to_vec)),
    );
    groups
}

fn compile(units: &[PathBuf], flags: &[&str], includes: &[PathBuf]) -> Result<()> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    println!("    {} units, {jobs} at a time", units.len());
    let next = AtomicUsize::new(0);
    let compile_until_none_is_left = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(unit) = units.get(number) else {
                return Ok(());
            };
            compile_unit(unit, flags, includes)
                .inspect_err(|_| next.store(units.len(), Ordering::Relaxed))?;
            if (number + 1).is_multiple_of(10) {
                println!("    unit {} of {}", number + 1, units.len());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| scope.spawn(compile_until_none_is_left))
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a compile thread panicked"),
            }
        }
        Ok(())
    })
}

fn compile_unit(unit: &Path, flags: &[&str], includes: &[PathBuf]) -> Result<()> {
    let object = unit.with_extension("o");
    if object.is_file() {
        return Ok(());
    }
    let partial = unit.with_extension("partial");
    let mut command = Command::new(compiler());
    command.args(flags).args(
        includes
            .iter()
            .map(|folder| format!("-I{}", folder.display())),
    );
    output(command.arg("-c").arg(unit).arg("-o").arg(&partial))?;
    fs::rename(&partial, &object).with_context(|| {
        format!(
            "could not rename {} to {}",
            partial.display(),
            object.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_hold_files_of_one_folder_and_the_ready_made_version_file() {
        let list: String = (0..10)
            .map(|number| format!("db/file{number}.cc\n"))
            .collect();
        let groups = group(&(list + "util/build_version.cc\nutil/hash.cc\n"));
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 8, 2, 1]);
        assert_eq!(groups[0], ["build_version.cc"]);
        assert_eq!(groups[3], ["rocksdb/util/hash.cc"]);
    }
}
