//! Configuration as a zip archive: one file per component, read within limits and written the same way every time.

use super::error::Problem;
use super::limits_for_json;
use crate::Limits;
use sluice_entity::Json;
use sluice_protocol::{Component, ComponentKind};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

const SUFFIX: &str = ".conf.json";
/// File names in an answer.
const SHOWN: usize = 20;

/// Whether the bytes begin like an archive.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// The components in the files that end in `.conf.json`; other files are left alone.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Json>, Problem> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged(None))?;
    if archive.len() > limits.archive_files {
        return Err(Problem::invalid(
            "invalid-archive",
            format!("the archive has more than {} files", limits.archive_files),
        ));
    }
    let ratio_limit = (bytes.len() as u64).saturating_mul(limits.archive_ratio);
    let mut left = limits.unpacked_archive.min(ratio_limit.max(1 << 20));
    let mut components = Vec::new();
    for position in 0..archive.len() {
        let mut file = archive.by_index(position).map_err(|_| damaged(None))?;
        let name = file.name().to_owned();
        if file.is_dir() || !name.ends_with(SUFFIX) {
            continue;
        }
        let mut text = Vec::new();
        // One byte more than allowed, to see that there is more; what the header announces is not believed.
        (&mut file)
            .take(left.saturating_add(1))
            .read_to_end(&mut text)
            .map_err(|_| damaged(Some(&name)))?;
        left = left.checked_sub(text.len() as u64).ok_or_else(|| {
            Problem::too_large(
                "the unpacked archive",
                limits.unpacked_archive.min(ratio_limit.max(1 << 20)),
            )
        })?;
        let json = Json::parse(&text, &limits_for_json(limits));
        components.push(json.map_err(|error| Problem::json(&error).with("file", name))?);
    }
    // An upload without components removes all there are: nobody does that with a wrong archive on purpose.
    if components.is_empty() {
        let found = archive
            .file_names()
            .take(SHOWN)
            .collect::<Vec<_>>()
            .join(", ");
        let problem = Problem::invalid(
            "empty-archive",
            format!(
                "the archive has no file whose name ends with \"{SUFFIX}\", so nothing was changed; to remove all components upload the JSON []"
            ),
        );
        return Err(problem.with("files", found));
    }
    Ok(components)
}

fn damaged(file: Option<&str>) -> Problem {
    let problem = Problem::invalid(
        "invalid-archive",
        "the zip archive is damaged or of a kind that is not read",
    );
    match file {
        Some(file) => problem.with("file", file),
        None => problem,
    }
}

/// An archive of the components as posted. The same components give the same bytes.
pub(crate) fn write<'a>(
    components: impl Iterator<Item = &'a Component>,
) -> zip::result::ZipResult<Vec<u8>> {
    let mut files: Vec<(String, &Component)> = components
        .map(|component| (file_name(component.kind, &component.id), component))
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, component) in files {
        archive.start_file(name, options)?;
        archive.write_all(component.original.to_pretty().as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// `pipes/ID.conf.json`, `systems/ID.conf.json`, or the one metadata file.
pub(crate) fn file_name(kind: ComponentKind, id: &str) -> String {
    match kind {
        ComponentKind::Pipe => format!("pipes/{}{SUFFIX}", harmless(id)),
        ComponentKind::System => format!("systems/{}{SUFFIX}", harmless(id)),
        ComponentKind::Metadata => format!("node-metadata{SUFFIX}"),
    }
}

/// The id as a file name: what would lead out of the folder is percent-encoded. Names are not read back, `_id` is.
fn harmless(id: &str) -> String {
    let encode = |text: &str, from: &str, to: &str| text.replace(from, to);
    let id = encode(&encode(&encode(id, "/", "%2F"), "\\", "%5C"), "\0", "%00");
    if id.chars().all(|character| character == '.') {
        id.replace('.', "%2E")
    } else {
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn component(kind: ComponentKind, id: &str, json: &str) -> Component {
        let original =
            Arc::new(Json::parse(json.as_bytes(), &limits_for_json(&Limits::default())).unwrap());
        Component {
            kind,
            id: id.to_owned(),
            group: "default".to_owned(),
            effective: original.clone(),
            original,
            diagnostics: Vec::new(),
        }
    }

    #[test]
    fn an_archive_keeps_numbers_and_key_order_and_is_the_same_each_time() {
        let pipe = component(
            ComponentKind::Pipe,
            "b",
            r#"{"z": 1.10, "_id": "b", "n": 123456789012345678901234567890}"#,
        );
        let node = component(
            ComponentKind::Metadata,
            "node",
            r#"{"_id": "node", "type": "metadata"}"#,
        );
        let system = component(ComponentKind::System, "a/../b", r#"{"_id": "a/../b"}"#);
        let all = [pipe, node, system];
        let bytes = write(all.iter()).unwrap();
        assert_eq!(bytes, write(all.iter().rev()).unwrap());

        let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let names: Vec<String> = (0..archive.len())
            .map(|at| archive.by_index(at).unwrap().name().to_owned())
            .collect();
        assert_eq!(
            names,
            [
                "node-metadata.conf.json",
                "pipes/b.conf.json",
                "systems/a%2F..%2Fb.conf.json"
            ]
        );
        let back = read(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            back[1].to_string(),
            r#"{"z":1.10,"_id":"b","n":123456789012345678901234567890}"#
        );
    }

    #[test]
    fn an_archive_that_unpacks_to_more_than_the_limit_is_refused() {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file("pipes/bomb.conf.json", SimpleFileOptions::default())
            .unwrap();
        archive.write_all(&vec![b' '; 4 << 20]).unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        let problem = read(&bytes, &Limits::default()).unwrap_err();
        assert!(format!("{problem:?}").contains("too-large"), "{problem:?}");
    }

    #[test]
    fn an_archive_without_components_says_which_files_it_has() {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file("pipes/a.json", SimpleFileOptions::default())
            .unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        let problem = format!("{:?}", read(&bytes, &Limits::default()).unwrap_err());
        assert!(problem.contains("empty-archive") && problem.contains("pipes/a.json"));
    }

    #[test]
    fn names_do_not_lead_out_of_the_folder() {
        assert_eq!(
            file_name(ComponentKind::Pipe, ".."),
            "pipes/%2E%2E.conf.json"
        );
        assert_eq!(
            file_name(ComponentKind::Pipe, r"..\x"),
            r"pipes/..%5Cx.conf.json"
        );
        assert_eq!(
            file_name(ComponentKind::Pipe, "blåbær:x"),
            "pipes/blåbær:x.conf.json"
        );
    }
}
