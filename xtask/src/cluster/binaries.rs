//! Builds the programs of a cluster from the Go modules pinned in `xtask/cluster`, once per machine, into the cache folder.
//! Go's own caches, a dozen times as big, are removed after the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::components::PAUSE_IMAGE;
use crate::cache::Cache;
use crate::command::output as output_of;
use crate::fingerprint::fingerprint;
use crate::image::archive::Entry;
use crate::image::layout::{self, Image};
use crate::steps::step;
use crate::workspace;

/// What one call of `go build` makes.
struct Build {
    /// The folder of the module below `xtask/cluster`.
    module: &'static str,
    /// Below the folder of programs; a slash at the end makes it a folder.
    output: &'static str,
    packages: &'static [&'static str],
    /// The pinned module whose version the programs are to tell, and how.
    stamp: Option<Stamp>,
}

struct Stamp {
    version_of: &'static str,
    flags: fn(&str) -> String,
}

/// The quick ones first, so that a mistake shows soon.
const BUILDS: &[Build] = &[
    Build {
        module: "pause",
        output: "packed/",
        packages: &["."],
        stamp: None,
    },
    Build {
        module: "etcd",
        output: "etcd",
        packages: &["go.etcd.io/etcd/server/v3"],
        stamp: None,
    },
    Build {
        module: "runtime",
        output: "",
        packages: &[
            "github.com/containerd/containerd/v2/cmd/containerd",
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "github.com/containerd/containerd/v2/cmd/ctr",
        ],
        stamp: None,
    },
    Build {
        module: "runtime",
        output: "cni/",
        packages: &[
            "github.com/containernetworking/plugins/plugins/ipam/host-local",
            "github.com/containernetworking/plugins/plugins/main/bridge",
            "github.com/containernetworking/plugins/plugins/main/loopback",
            "github.com/containernetworking/plugins/plugins/meta/portmap",
        ],
        stamp: None,
    },
    Build {
        module: "kube",
        output: "",
        packages: &[
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-proxy",
            "k8s.io/kubernetes/cmd/kube-scheduler",
            "k8s.io/kubernetes/cmd/kubectl",
            "k8s.io/kubernetes/cmd/kubelet",
        ],
        stamp: Some(Stamp {
            version_of: "k8s.io/kubernetes",
            flags: kubernetes_version,
        }),
    },
    Build {
        module: "coredns",
        output: "packed/",
        packages: &["."],
        stamp: None,
    },
    Build {
        module: "helm",
        output: "",
        packages: &["helm.sh/helm/v4/cmd/helm"],
        stamp: Some(Stamp {
            version_of: "helm.sh/helm/v4",
            flags: |version| format!(" -X helm.sh/helm/v4/internal/version.version={version}"),
        }),
    },
];

/// Charts and version checks read what the programs say of themselves.
fn kubernetes_version(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
        .iter()
        .map(|package| {
            format!(
                " -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
            )
        })
        .collect()
}

/// The programs of clusters, and the images that every full cluster needs.
pub(super) struct Binaries {
    folder: PathBuf,
    dns_image: String,
}

impl Binaries {
    /// Builds them now if these were never built here.
    pub(super) fn provide(cache: &Cache) -> Result<Self> {
        let sources = workspace::root()?.join("xtask").join("cluster");
        let key = key(&sources)?;
        let folder = cache.tool("cluster", &format!("{key:08x}"));
        let _held = cache.lock_cluster_programs()?;
        if !folder.join("complete").is_file() {
            step(
                "build the programs of clusters (once per machine; a quarter of an hour on two cores)",
                || build(&sources, &folder, &cache.tool("cluster", "building")),
            )?;
        }
        Cache::mark_used(&folder)?;
        Ok(Self {
            folder,
            dns_image: dns_image(&sources)?,
        })
    }

    /// Also the folder for a user's PATH: kubectl and helm are in it.
    pub(super) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Archives of the images that nodes need before any other.
    pub(super) fn images(&self) -> [PathBuf; 2] {
        ["pause.tar", "coredns.tar"].map(|name| self.folder.join("images").join(name))
    }

    pub(super) fn dns_image(&self) -> &str {
        &self.dns_image
    }
}

fn build(sources: &Path, folder: &Path, work: &Path) -> Result<()> {
    // An interrupted build goes on with what Go had finished.
    Cache::mark_used(work)?;
    let finished = work.join("finished");
    let programs = finished.join("bin");
    for build in BUILDS {
        let what = format!("{} {}", build.module, build.output);
        step(what.trim_end_matches([' ', '/']), || {
            go_build(sources, build, work, &programs)
        })?;
    }
    step("pack the images of a cluster", || {
        pack_images(sources, &finished)
    })?;
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not remove {}", folder.display()))?;
    }
    let complete = finished.join("complete");
    fs::write(&complete, "").with_context(|| format!("could not write {}", complete.display()))?;
    fs::rename(&finished, folder)
        .with_context(|| format!("could not rename {}", finished.display()))?;
    step("remove Go's caches", || {
        fs::remove_dir_all(work).with_context(|| format!("could not remove {}", work.display()))
    })
}

fn go_build(sources: &Path, build: &Build, work: &Path, programs: &Path) -> Result<()> {
    let module = sources.join(build.module);
    let mut output = programs.join(build.output).into_os_string();
    if build.output.is_empty() {
        output.push("/");
    }
    let mut command = Command::new("go");
    command
        .current_dir(&module)
        .args(["build", "-trimpath", "-ldflags"])
        .arg(linker_flags(&module, build)?)
        .arg("-o")
        .arg(output)
        .args(build.packages)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        // Otherwise Go would write-protect its modules, and only root could remove them.
        .env("GOFLAGS", "-modcacherw -buildvcs=false")
        .env("GOMODCACHE", work.join("modules"))
        .env("GOCACHE", work.join("objects"));
    // It names every module that it fetches: only a failure is worth reading.
    output_of(&mut command).map(drop).with_context(|| {
        format!(
            "could not build {}; what was finished stays in {} for the next try",
            build.module,
            work.display()
        )
    })
}

fn linker_flags(module: &Path, build: &Build) -> Result<String> {
    let mut flags = "-s -w".to_owned();
    if let Some(stamp) = &build.stamp {
        flags.push_str(&(stamp.flags)(&pinned(module, stamp.version_of)?));
    }
    Ok(flags)
}

/// The version of a module as a `go.mod` requires it.
fn pinned(module: &Path, wanted: &str) -> Result<String> {
    let path = module.join("go.mod");
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    version_in(&text, wanted)
        .with_context(|| format!("{} does not require {wanted}", path.display()))
}

fn version_in(text: &str, wanted: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        (words.next() == Some(wanted))
            .then(|| words.next())
            .flatten()
            .filter(|version| version.starts_with('v'))
            .map(str::to_owned)
    })
}

fn dns_image(sources: &Path) -> Result<String> {
    let version = pinned(&sources.join("coredns"), "github.com/coredns/coredns")?;
    Ok(format!(
        "sluice.test/coredns:{}",
        version.trim_start_matches('v')
    ))
}

/// Two programs run in pods: they become images of one file each.
fn pack_images(sources: &Path, finished: &Path) -> Result<()> {
    let images = finished.join("images");
    fs::create_dir_all(&images).with_context(|| format!("could not make {}", images.display()))?;
    for (program, name) in [
        ("pause", PAUSE_IMAGE.to_owned()),
        ("coredns", dns_image(sources)?),
    ] {
        let image = Image {
            name,
            entrypoint: vec![format!("/{program}")],
            user: "65532:65532".to_owned(),
            env: Vec::new(),
        };
        let file = finished.join("bin").join("packed").join(program);
        let files = [Entry::file(program, 0o755, &file)];
        layout::write(&image, &files, &images.join(format!("{program}.tar")))?;
    }
    let packed = finished.join("bin").join("packed");
    fs::remove_dir_all(&packed).with_context(|| format!("could not remove {}", packed.display()))
}

/// Changes with everything that goes into the programs.
fn key(sources: &Path) -> Result<u32> {
    let mut parts = vec![output_of(
        Command::new("go")
            .args(["env", "GOVERSION", "GOOS", "GOARCH", "GOAMD64", "GOARM64"])
            .env("GOTOOLCHAIN", "local"),
    )?];
    for build in BUILDS {
        let module = sources.join(build.module);
        parts.push(build.output.to_owned());
        parts.extend(build.packages.iter().map(|package| (*package).to_owned()));
        parts.push(linker_flags(&module, build)?);
        for name in ["go.mod", "go.sum", "main.go"] {
            // Not every module has all three.
            parts.push(fs::read_to_string(module.join(name)).unwrap_or_default());
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(fingerprint(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_required_one_and_not_that_of_a_replacement() {
        let text = "module x\n\nrequire k8s.io/kubernetes v1.36.3\n\nrequire (\n\ta.b/c v0.1.0 // indirect\n)\n\nreplace (\n\tk8s.io/api => k8s.io/api v0.36.3\n)\n";
        let version = |wanted| version_in(text, wanted);
        assert_eq!(version("k8s.io/kubernetes").as_deref(), Some("v1.36.3"));
        assert_eq!(version("a.b/c").as_deref(), Some("v0.1.0"));
        assert_eq!(version("k8s.io/api"), None);
    }

    #[test]
    fn every_module_is_pinned_and_stamped_with_the_pinned_version() {
        let sources = workspace::root().unwrap().join("xtask/cluster");
        for build in BUILDS {
            let module = sources.join(build.module);
            assert!(module.join("go.mod").is_file(), "{}", build.module);
            let flags = linker_flags(&module, build).unwrap();
            assert_eq!(flags.contains("ersion=v"), build.stamp.is_some());
        }
    }

    #[test]
    fn kubernetes_tells_its_version_to_servers_and_clients() {
        let flags = kubernetes_version("v1.36.3");
        assert!(flags.contains("-X k8s.io/component-base/version.gitVersion=v1.36.3"));
        assert!(flags.contains("-X k8s.io/client-go/pkg/version.gitMinor=36"));
    }
}
