//! What a fresh machine lacks: each thing, how it is recognised and which Debian packages bring it.

use std::path::Path;

use super::{Purpose, inside, libclang};
use crate::command::is_available;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prerequisite {
    /// C++ for RocksDB and the C parts of some crates.
    Compiler,
    /// Reads RocksDB's header for its Rust bindings.
    Libclang,
    /// Country, subdivision, currency, language and script codes of the sample.
    IsoCodes,
    /// The zone table of the sample.
    TimeZones,
    /// Uploads the sample's configuration.
    Curl,
    /// Mounts the file system of the power loss test; of use to root only, who may install it.
    Fuse,
    /// Virtual environments for the command line client and the object store of tests.
    Python,
    /// The certificates of a cluster.
    Openssl,
    /// Starts the containers of a cluster's nodes.
    Runc,
    /// The rules by which services of a cluster are reached.
    Nftables,
    /// Rules of its own that a node asks for.
    Iptables,
    /// Links and namespaces of a cluster.
    Iproute,
}

/// What `purpose` needs on this machine.
pub(crate) fn wanted(purpose: Purpose, may_install: bool) -> Vec<Prerequisite> {
    let mut wanted = vec![Prerequisite::Compiler, Prerequisite::Libclang];
    if purpose != Purpose::Build {
        wanted.extend_from_slice(Prerequisite::SAMPLE_TABLES);
    }
    if purpose == Purpose::Test {
        // For the object store of tests.
        wanted.push(Prerequisite::Python);
    }
    match purpose {
        Purpose::Build => {}
        // Its mount helper works only when installed: without root the test itself says what it lacks.
        Purpose::Test if may_install => wanted.push(Prerequisite::Fuse),
        Purpose::Test => {}
        Purpose::Sample => wanted.push(Prerequisite::Curl),
        Purpose::Client => wanted.extend([Prerequisite::Curl, Prerequisite::Python]),
    }
    wanted
}

impl Prerequisite {
    /// The packages whose files the sample server reads.
    pub(crate) const SAMPLE_TABLES: &[Prerequisite] =
        &[Prerequisite::IsoCodes, Prerequisite::TimeZones];

    /// What a cluster without nodes needs.
    pub(crate) const CONTROL_PLANE: &[Prerequisite] = &[Prerequisite::Openssl];

    /// What a cluster with nodes needs.
    pub(crate) const NODES: &[Prerequisite] = &[
        Prerequisite::Openssl,
        Prerequisite::Runc,
        Prerequisite::Nftables,
        Prerequisite::Iptables,
        Prerequisite::Iproute,
    ];

    /// Whether it is there, installed or unpacked below `unpacked`.
    pub(crate) fn is_present(self, unpacked: &Path) -> bool {
        let file =
            |absolute: &str| Path::new(absolute).exists() || inside(unpacked, absolute).exists();
        match self {
            Prerequisite::Compiler => is_available(&super::rocksdb::compiler(), "--version"),
            Prerequisite::Libclang => libclang::find(unpacked).is_some(),
            Prerequisite::IsoCodes => file("/usr/share/iso-codes/json/iso_3166-1.json"),
            Prerequisite::TimeZones => file("/usr/share/zoneinfo/zone.tab"),
            Prerequisite::Curl => {
                is_available("curl", "--version") || inside(unpacked, "/usr/bin/curl").exists()
            }
            Prerequisite::Fuse => file("/usr/bin/fusermount3") || file("/bin/fusermount3"),
            Prerequisite::Python => python_has_environments(),
            Prerequisite::Openssl => file("/usr/bin/openssl"),
            Prerequisite::Runc => file("/usr/sbin/runc"),
            Prerequisite::Nftables => file("/usr/sbin/nft"),
            Prerequisite::Iptables => file("/usr/sbin/iptables"),
            Prerequisite::Iproute => file("/usr/sbin/ip") || file("/sbin/ip"),
        }
    }

    /// The Debian packages that bring it; `clang` is the version of libclang that the release prefers.
    pub(crate) fn packages(self, clang: &str) -> Vec<String> {
        let names: &[&str] = match self {
            Prerequisite::Compiler => &["g++"],
            Prerequisite::Libclang => {
                return vec![
                    format!("libclang1-{clang}"),
                    format!("libclang-common-{clang}-dev"),
                ];
            }
            Prerequisite::IsoCodes => &["iso-codes"],
            Prerequisite::TimeZones => &["tzdata"],
            Prerequisite::Curl => &["curl"],
            Prerequisite::Fuse => &["fuse3"],
            Prerequisite::Python => &["python3-venv"],
            Prerequisite::Openssl => &["openssl"],
            Prerequisite::Runc => &["runc"],
            Prerequisite::Nftables => &["nftables"],
            Prerequisite::Iptables => &["iptables"],
            Prerequisite::Iproute => &["iproute2"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What a person without Debian packages is told.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Prerequisite::Compiler => "a C++ compiler (c++, or what CXX names)",
            Prerequisite::Libclang => "libclang (or LIBCLANG_PATH set to the folder that holds it)",
            Prerequisite::IsoCodes => "the iso-codes tables in /usr/share/iso-codes",
            Prerequisite::TimeZones => "the time zone tables in /usr/share/zoneinfo",
            Prerequisite::Curl => "curl",
            Prerequisite::Fuse => "fusermount3",
            Prerequisite::Python => "python3 with the module venv",
            Prerequisite::Openssl => "openssl",
            Prerequisite::Runc => "runc",
            Prerequisite::Nftables => "nft (nftables)",
            Prerequisite::Iptables => "iptables",
            Prerequisite::Iproute => "ip (iproute2)",
        }
    }
}

/// Debian splits the module that fills an environment from the interpreter.
fn python_has_environments() -> bool {
    let import = ["-c", "import venv, ensurepip"];
    crate::command::output(std::process::Command::new("python3").args(import)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiling_needs_no_more_than_compiler_and_libclang() {
        assert_eq!(
            wanted(Purpose::Build, true),
            [Prerequisite::Compiler, Prerequisite::Libclang]
        );
    }

    #[test]
    fn mount_helper_is_wanted_only_where_it_can_be_installed() {
        assert!(wanted(Purpose::Test, true).contains(&Prerequisite::Fuse));
        assert!(!wanted(Purpose::Test, false).contains(&Prerequisite::Fuse));
    }

    #[test]
    fn file_of_an_unpacked_package_counts_as_present() {
        let unpacked = tempfile::tempdir().unwrap();
        let curl = inside(unpacked.path(), "/usr/bin/curl");
        std::fs::create_dir_all(curl.parent().unwrap()).unwrap();
        std::fs::write(&curl, "").unwrap();
        assert!(Prerequisite::Curl.is_present(unpacked.path()));
    }
}
