//! Configuration archives as clients make and read them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;

/// A zip with one JSON document per entry.
pub(crate) fn pack(entries: &[(&str, &Value)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, document) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(document.to_string().as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Every entry of a zip as JSON; a directory entry fails, as it does in the client.
pub(crate) fn unpack(bytes: &[u8]) -> BTreeMap<String, Value> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let read = |index| {
        let mut entry: zip::read::ZipFile<'_, _> = archive.by_index(index).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (
            entry.name().to_owned(),
            serde_json::from_str(&text).unwrap(),
        )
    };
    let count = zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len();
    (0..count).map(read).collect()
}
