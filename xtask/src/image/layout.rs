//! The OCI layout of an image with one layer, as a tar archive. The same contents give the same digest on every machine.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::archive::{self, Entry};
use crate::command::output;

const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What the image says about itself.
pub(crate) struct Image {
    /// `host/name:tag`
    pub(crate) name: String,
    pub(crate) entrypoint: Vec<String>,
    /// In numbers: only then can a cluster see that it is not root.
    pub(crate) user: String,
    /// `NAME=value`, beside the path.
    pub(crate) env: Vec<String>,
}

/// Writes the archive and gives back the digest of the image's manifest.
pub(crate) fn write(image: &Image, files: &[Entry], archive: &Path) -> Result<String> {
    let tag = tag(&image.name)?;
    let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
    let mut blobs = Blobs {
        folder: scratch.path(),
        entries: Vec::new(),
    };
    // Not compressed: the digest of the layer and that of its contents are one, and compressing costs more than it saves.
    let layer = blobs.add("layer", |path| {
        let file = File::create(path)?;
        let mut file = BufWriter::new(file);
        archive::write(files, &mut file)?;
        Ok(file.into_inner().map(drop)?)
    })?;
    let config = blobs.add_json("config", &config(image, &layer.digest))?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.describe("application/vnd.oci.image.config.v1+json"),
        "layers": [layer.describe("application/vnd.oci.image.layer.v1.tar")],
    });
    let manifest = blobs.add_json("manifest", &manifest)?;
    let mut described = manifest.describe("application/vnd.oci.image.manifest.v1+json");
    described["platform"] = json!({"architecture": architecture(), "os": "linux"});
    described["annotations"] = json!({
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": tag,
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [described],
    });
    let mut entries = vec![
        Entry::text("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
        Entry::text("index.json", index.to_string()),
        Entry::folder("blobs", 0o755),
        Entry::folder("blobs/sha256", 0o755),
    ];
    entries.extend(blobs.entries);
    put_in_place(&entries, archive)?;
    Ok(format!("sha256:{}", manifest.digest))
}

fn config(image: &Image, layer: &str) -> Value {
    let path = "PATH=/usr/bin:/bin";
    let env = [path]
        .into_iter()
        .chain(image.env.iter().map(String::as_str));
    json!({
        "architecture": architecture(),
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": image.entrypoint,
            "Env": env.collect::<Vec<_>>(),
            "WorkingDir": "/",
            "User": image.user,
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": EPOCH}],
    })
}

/// The tag of a full name. `latest` is refused: a cluster would want to pull it.
fn tag(name: &str) -> Result<&str> {
    match name.rsplit_once(':') {
        Some((host_and_path, tag))
            if host_and_path.contains('/') && !tag.is_empty() && tag != "latest" =>
        {
            Ok(tag)
        }
        _ => bail!(
            "`{name}` is no full image name: write HOST/NAME:TAG with a tag other than latest"
        ),
    }
}

/// Written under another name first: nobody finds half an archive.
fn put_in_place(entries: &[Entry], archive: &Path) -> Result<()> {
    let partial = archive.with_extension("partial");
    let file =
        File::create(&partial).with_context(|| format!("could not make {}", partial.display()))?;
    let mut file = BufWriter::new(file);
    archive::write(entries, &mut file)?;
    file.into_inner()
        .with_context(|| format!("could not write {}", partial.display()))?;
    fs::rename(&partial, archive).with_context(|| format!("could not rename {}", partial.display()))
}

struct Blobs<'a> {
    folder: &'a Path,
    entries: Vec<Entry>,
}

struct Blob {
    digest: String,
    size: u64,
}

impl Blobs<'_> {
    fn add(&mut self, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<Blob> {
        let path = self.folder.join(name);
        write(&path).with_context(|| format!("could not write the {name} of an image"))?;
        let digest = digest(&path)?;
        let size = fs::metadata(&path)
            .with_context(|| format!("could not look at {}", path.display()))?
            .len();
        self.entries
            .push(Entry::file(&format!("blobs/sha256/{digest}"), 0o644, &path));
        Ok(Blob { digest, size })
    }

    fn add_json(&mut self, name: &str, value: &Value) -> Result<Blob> {
        self.add(name, |path| Ok(fs::write(path, value.to_string())?))
    }
}

impl Blob {
    fn describe(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.size})
    }
}

/// The SHA-256 of a file, in hexadecimal.
fn digest(path: &Path) -> Result<String> {
    let printed = output(Command::new("sha256sum").arg(path))?;
    let digest = printed.split_whitespace().next().unwrap_or_default();
    if digest.len() != 64 {
        bail!("sha256sum printed no digest of {}", path.display());
    }
    Ok(digest.to_owned())
}

/// As images name the architecture of this machine.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str) -> Image {
        Image {
            name: name.to_owned(),
            entrypoint: vec!["/x".to_owned()],
            user: "65532:65532".to_owned(),
            env: vec!["X=1".to_owned()],
        }
    }

    #[test]
    fn same_contents_give_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        let write_one = |name: &str, text: &str| {
            let source = folder.path().join(format!("{name}.source"));
            fs::write(&source, text).unwrap();
            let archive = folder.path().join(name);
            let files = [Entry::file("x", 0o755, &source)];
            let digest = write(&image("sluice.test/x:1"), &files, &archive).unwrap();
            (digest, fs::read(&archive).unwrap())
        };
        let (first, second, other) = (
            write_one("a", "same"),
            write_one("b", "same"),
            write_one("c", "other"),
        );
        assert!(first == second);
        assert_ne!(first.0, other.0);
    }

    #[test]
    fn index_leads_to_the_manifest_and_that_to_config_and_layer() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        let digest = write(
            &image("sluice.test/x:1"),
            &[Entry::text("x", "y")],
            &archive,
        )
        .unwrap();
        let read = |name: &str| -> Value {
            let text = output(Command::new("tar").arg("-xOf").arg(&archive).arg(name)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let blob = |described: &Value| {
            let digest = described["digest"].as_str().unwrap();
            format!("blobs/{}", digest.replace(':', "/"))
        };
        let index = read("index.json");
        let described = &index["manifests"][0];
        assert_eq!(described["digest"], digest.as_str());
        assert_eq!(
            described["annotations"]["io.containerd.image.name"],
            "sluice.test/x:1"
        );
        let manifest = read(&blob(described));
        let config = read(&blob(&manifest["config"]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(
            config["config"]["Env"],
            json!(["PATH=/usr/bin:/bin", "X=1"])
        );
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            manifest["layers"][0]["digest"]
        );
    }

    #[test]
    fn name_without_host_or_with_the_tag_latest_is_refused() {
        for name in [
            "sluice",
            "sluice:1",
            "sluice.test/x",
            "sluice.test/x:latest",
        ] {
            assert!(tag(name).is_err(), "{name}");
        }
        assert_eq!(tag("localhost:5000/x:1").unwrap(), "1");
    }
}
