//! Removes what nobody needs: what came before the last two snapshots, but for the records of starts.
//!
//! A storage node that was replaced may still come here once. What it removes is older than the snapshots that its successor began
//! from.

use super::object::Kind;
use super::place::{self, CHANGES, FILES, Place, SNAPSHOTS};
use crate::error::OpenError;
use std::collections::BTreeSet;

pub(super) async fn tidy(place: &Place) -> Result<(), OpenError> {
    let snapshots = place.numbers(SNAPSHOTS).await?;
    let [gone @ .., older, newest] = snapshots.as_slice() else {
        return Ok(());
    };
    let (mut files, mut starts) = (BTreeSet::new(), BTreeSet::new());
    for number in [older, newest] {
        let name = place::snapshot(*number);
        let kept = place.read(&name, &[Kind::Snapshot]).await?;
        files.extend(kept.head.files.into_iter().map(|file| file.name));
        starts.extend(kept.head.starts);
    }
    let mut names: Vec<String> = gone.iter().map(|number| place::snapshot(*number)).collect();
    let changes = place.numbers(CHANGES).await?.into_iter();
    let changes = changes.filter(|number| number <= older && !starts.contains(number));
    names.extend(changes.map(place::change));
    let listed = place.objects.list(FILES).await;
    for file in listed.map_err(|source| place.failed(source))? {
        let name = format!("{FILES}/{}", file.name);
        let number = file.name.split('-').next();
        let number = number.and_then(|number| number.parse::<u64>().ok());
        if number.is_some_and(|number| number <= *older) && !files.contains(&name) {
            names.push(name);
        }
    }
    let deleted = place.objects.delete(&names).await;
    deleted.map_err(|source| place.failed(source))
}
