//! Pages of feeds: cut into messages going out, checked when they arrive.

use super::damaged::{Damaged, Within, required};
use super::entities::{check_body, checked_entities, entity};
use super::parts::parts;
use super::proto;
use crate::Page;
use bytes::Bytes;
use sluice_dataset::VersionBatch;
use sluice_entity::Generated;

/// What a version costs beside its body, about.
const VERSION_BYTES: usize = 64;

/// A page as messages of about `page_bytes`, at least one: a page may be empty and still say where the scan stopped.
pub(crate) fn cut(page: Page, page_bytes: usize) -> Vec<proto::Page> {
    match page {
        Page::Versions(batch) => cut_versions(batch, page_bytes)
            .into_iter()
            .map(|versions| proto::page::Page::Versions(versions).into())
            .collect(),
        Page::Entities(entities) => {
            let mut pages = parts(entities.iter().map(entity), page_bytes);
            if pages.is_empty() {
                pages.push(Vec::new());
            }
            let pages = pages
                .into_iter()
                .map(|entities| proto::EntityPage { entities });
            pages
                .map(|entities| proto::page::Page::Entities(entities).into())
                .collect()
        }
    }
}

impl From<proto::page::Page> for proto::Page {
    fn from(page: proto::page::Page) -> Self {
        proto::Page { page: Some(page) }
    }
}

fn cut_versions(batch: VersionBatch, page_bytes: usize) -> Vec<proto::VersionPage> {
    let mut pages: Vec<proto::VersionPage> = vec![proto::VersionPage::default()];
    let mut weight = 0;
    for version in batch.iter() {
        let length = version.body.encoded().len();
        if weight > 0 && weight + length + VERSION_BYTES > page_bytes {
            pages.push(proto::VersionPage::default());
            weight = 0;
        }
        weight += length + VERSION_BYTES;
        if let Some(page) = pages.last_mut() {
            page.resume = Some(version.generated.updated);
            page.versions.push(proto::PlacedVersion {
                length: length as u64,
                generated: Some(version.generated.into()),
            });
        }
    }
    if let Some(last) = pages.last_mut() {
        last.resume = batch.resume();
        last.at_end = batch.at_end();
    }
    // The bodies are not copied: each message holds its range of them.
    let mut bodies = Bytes::from(batch.into_bodies());
    for page in &mut pages {
        let length: u64 = page.versions.iter().map(|version| version.length).sum();
        page.bodies = bodies.split_to(length as usize);
    }
    pages
}

/// A page as it arrives.
pub(crate) fn checked_page(page: proto::Page) -> Result<Page, Damaged> {
    match required(page.page, "page")? {
        proto::page::Page::Versions(versions) => checked_versions(versions)
            .within("versions")
            .map(Page::Versions),
        proto::page::Page::Entities(page) => checked_entities(page.entities).map(Page::Entities),
    }
}

fn checked_versions(page: proto::VersionPage) -> Result<VersionBatch, Damaged> {
    let mut batch = VersionBatch::with_capacity(page.bodies.len(), page.versions.len());
    let mut rest = &page.bodies[..];
    for version in page.versions {
        let generated: Generated = required(version.generated, "generated")?.into();
        let at = |damaged: Damaged| Err(damaged).within(&format!("offset {}", generated.updated));
        let length = usize::try_from(version.length).unwrap_or(usize::MAX);
        let Some((body, behind)) = rest.split_at_checked(length) else {
            return at(Damaged::new("length", "beyond the bodies"));
        };
        match check_body(body) {
            Ok(value) if value.get("_id").and_then(|id| id.as_str()).is_none() => {
                return at(Damaged::new("body", "no `_id`"));
            }
            Ok(_) => batch.push(body, generated),
            Err(damaged) => return at(damaged),
        }
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(Damaged::new("bodies", "bytes behind the last version"));
    }
    batch.finish(page.resume, page.at_end);
    Ok(batch)
}
