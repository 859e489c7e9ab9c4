//! Pages: cut into bounded messages, and put together to the same versions.

use super::generators;
use crate::Page;
use crate::wire::{checked_page, cut, proto};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use prost::Message;
use sluice_dataset::VersionBatch;
use sluice_entity::{Entity, Generated};

type Facts = Vec<(Vec<u8>, Option<Generated>)>;

fn facts(page: &Page, all: &mut Facts) {
    match page {
        Page::Versions(batch) => all.extend(
            batch
                .iter()
                .map(|version| (version.body.encoded().to_vec(), Some(*version.generated))),
        ),
        Page::Entities(entities) => all.extend(entities.iter().map(|entity| {
            let body = entity.body_buf().encoded().to_vec();
            (body, entity.generated().copied())
        })),
    }
}

fn batch(entities: &[(Entity, Generated)], resume: Option<u64>, at_end: bool) -> VersionBatch {
    let mut batch = VersionBatch::new();
    for (entity, generated) in entities {
        batch.push(entity.body_buf().encoded(), *generated);
    }
    batch.finish(resume, at_end);
    batch
}

/// Cuts, sends, checks; the messages as they arrive.
fn sent(page: Page, page_bytes: usize) -> Vec<Page> {
    let bound = page_bytes + 300;
    let pages = cut(page, page_bytes);
    let arrived = pages.into_iter().map(|page| {
        let bytes = page.encode_to_vec();
        let page = checked_page(proto::Page::decode(&*bytes).unwrap()).unwrap();
        let mut all = Vec::new();
        facts(&page, &mut all);
        assert!(
            bytes.len() <= bound || all.len() == 1,
            "{} in {}",
            bytes.len(),
            all.len()
        );
        page
    });
    arrived.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn versions(
        entities in vec((generators::entity(), generators::generated()), 0..12),
        resume in of(any::<u64>()),
        at_end in any::<bool>(),
        page_bytes in prop_oneof![Just(1usize), 1..900usize, Just(1 << 20)],
    ) {
        let mut before = Vec::new();
        facts(&Page::Versions(batch(&entities, resume, at_end)), &mut before);
        let arrived = sent(Page::Versions(batch(&entities, resume, at_end)), page_bytes);
        let mut after = Vec::new();
        let mut ends = Vec::new();
        for page in &arrived {
            facts(page, &mut after);
            let Page::Versions(batch) = page else { panic!("versions stay versions") };
            ends.push((batch.resume(), batch.at_end()));
        }
        prop_assert_eq!(after, before);
        // A reader goes on after the last version it saw, and at the end where the whole page ended.
        prop_assert_eq!(ends.pop(), Some((resume, at_end)));
        prop_assert!(ends.iter().all(|(resume, at_end)| resume.is_some() && !at_end));
    }

    #[test]
    fn entities(
        entities in vec(generators::any_entity(), 0..12),
        page_bytes in prop_oneof![Just(1usize), 1..900usize, Just(1 << 20)],
    ) {
        let mut before = Vec::new();
        facts(&Page::Entities(entities.clone()), &mut before);
        let mut after = Vec::new();
        for page in sent(Page::Entities(entities), page_bytes) {
            prop_assert!(matches!(page, Page::Entities(_)));
            facts(&page, &mut after);
        }
        prop_assert_eq!(after, before);
    }

    #[test]
    fn damaged_versions_are_refused_or_harmless(
        entities in vec((generators::entity(), generators::generated()), 1..4),
        place in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let page = cut(Page::Versions(batch(&entities, None, true)), 1 << 20).remove(0);
        let mut bytes = page.encode_to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        // Whatever is accepted can be used without harm.
        if let Ok(page) = proto::Page::decode(&*bytes)
            && let Ok(Page::Versions(batch)) = checked_page(page)
        {
            for version in batch.iter() {
                let mut text = Vec::new();
                version.write_json(&mut text, &Default::default());
                prop_assert!(std::str::from_utf8(&text).is_ok());
            }
        }
    }
}
