//! Secondary indexes: both directions against each other and against the primary index.

use super::dataset::Subject;
use super::{Report, walk};
use crate::codec;
use crate::families::Family;
use crate::keys;
use crate::records::{IndexRecord, IndexStage};
use std::collections::BTreeMap;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let definitions = definitions(subject, report);
    let range = keys::dataset(subject.number);
    let place = subject.place("secondary indexes");
    walk::walk(
        subject.checked,
        Family::Index,
        &range,
        &place,
        report,
        |report, key, value| {
            report.counts.index_entries += 1;
            let Some((name, stage)) =
                keys::index_number_of(key).and_then(|number| definitions.get(&number))
            else {
                return report.add(
                    &place,
                    format!("an entry of no index: {}", key.escape_ascii()),
                );
            };
            // A stale index is not kept and will be built anew.
            if *stage != IndexStage::Stale {
                check_entry(subject, name, key, value, report);
            }
        },
    );
}

fn definitions(subject: &Subject<'_>, report: &mut Report) -> BTreeMap<u32, (String, IndexStage)> {
    let mut definitions = BTreeMap::new();
    let range = keys::index_records(subject.number);
    let place = subject.place("index definitions");
    walk::walk(
        subject.checked,
        Family::Default,
        &range,
        &place,
        report,
        |_, key, sealed| {
            // Damage of the definition itself is reported with the small records.
            if let (Some(name), Ok(record)) =
                (keys::index_name_of(key), IndexRecord::read(key, sealed))
            {
                definitions.insert(record.number, (name.to_owned(), record.stage));
            }
        },
    );
    definitions
}

fn check_entry(subject: &Subject<'_>, name: &str, key: &[u8], value: &[u8], report: &mut Report) {
    match keys::index_entry_of(key) {
        Some((number, index_key, id)) => {
            let place = subject.place(format_args!(
                "index {name}, key {}, id {id:?}",
                index_key.escape_ascii()
            ));
            let list = keys::index_keys_of_id(subject.number, number, id);
            let listed = match subject.checked.get(Family::Index, &list) {
                Ok(Some(sealed)) => match codec::read_key_list(&list, &sealed) {
                    Ok(keys) => keys.iter().any(|listed| listed == index_key),
                    // Reported when the walk gets there.
                    Err(_) => return,
                },
                Ok(None) => false,
                Err(error) => return report.add(place, error.into_string()),
            };
            if !listed {
                report.add(place, "stale: the id's list of keys does not have it");
            }
        }
        None => check_list(subject, name, key, value, report),
    }
}

fn check_list(subject: &Subject<'_>, name: &str, key: &[u8], sealed: &[u8], report: &mut Report) {
    let (Some(number), Some(id)) = (keys::index_number_of(key), keys::index_reverse_id_of(key))
    else {
        return report.add(
            subject.place(format_args!("index {name}")),
            "a key of unknown form",
        );
    };
    let place = subject.place(format_args!("index {name}, keys of id {id:?}"));
    let listed = match codec::read_key_list(key, sealed) {
        Ok(listed) => listed,
        Err(flaw) => return report.add(place, flaw),
    };
    for index_key in listed {
        let entry = keys::index_entry(subject.number, number, &index_key, id);
        match subject.checked.get(Family::Index, &entry) {
            Ok(Some(_)) => {}
            Ok(None) => report.add(
                &place,
                format!(
                    "the entry under key {} is missing",
                    index_key.escape_ascii()
                ),
            ),
            Err(error) => report.add(&place, error.into_string()),
        }
    }
    match subject.id_entry(id) {
        Ok(Some(entry)) if !entry.deleted => {}
        Ok(_) => report.add(place, "stale: the id is not live"),
        // Reported with the primary index.
        Err(_) => {}
    }
}
