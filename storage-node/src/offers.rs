//! What custom resources offer, and what becomes of it: a component with errors never takes the place of one that runs. Pure but
//! for the memory of the loader.

use crate::configuration::named_group;
use crate::contents::{ComponentKey, Contents, Kept, Offer};
use crate::validation::{Validated, validate};
use sluice_config::{DEFAULT_GROUP, Loader};
use sluice_protocol::{
    Component, ConfigurationSnapshot, Diagnostic, HandOver, HandedComponent, Level, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Puts what was handed over into what is kept. What takes the place of something else waits: [`settle`] decides.
pub(crate) fn hand_over(contents: &mut Contents, handed: &HandOver, force: bool) {
    for gone in &handed.removed {
        let key = (gone.kind, gone.id.clone());
        if contents
            .offers
            .get(&key)
            .is_some_and(|offer| offer.origin.uid == gone.uid)
        {
            contents.offers.remove(&key);
            contents.components.remove(&key);
        }
    }
    for one in &handed.changed {
        take(contents, one, force);
    }
    if let Some(variables) = &handed.variables {
        contents.handed_variables = Some(variables.clone());
    }
}

fn take(contents: &mut Contents, one: &HandedComponent, force: bool) {
    let key = (one.kind, one.id.clone());
    let is_known = contents.offers.get(&key).is_some_and(|offer| {
        offer.origin.uid == one.origin.uid && offer.origin.generation >= one.origin.generation
    });
    if is_known && !force {
        return;
    }
    let present = contents.components.get(&key);
    let named = one.group.as_deref().or_else(|| named_group(&one.original));
    let held = present.map(|kept| kept.group.as_str());
    let offered = Kept {
        group: named.or(held).unwrap_or(DEFAULT_GROUP).to_owned(),
        original: Arc::clone(&one.original),
    };
    let waiting = match present {
        Some(present) if *present == offered => None,
        Some(_) if !force => Some(offered),
        _ => {
            contents.components.insert(key.clone(), offered);
            None
        }
    };
    let origin = one.origin.clone();
    contents.offers.insert(key, Offer { origin, waiting });
}

/// Lets everything that waits take its place, but what has errors where something runs. Validates what comes of it.
pub(crate) fn settle(
    contents: &mut Contents,
    present: &ConfigurationSnapshot,
    loader: &mut Loader,
) -> Validated {
    let waiting: BTreeMap<ComponentKey, Kept> = contents
        .offers
        .iter_mut()
        .filter_map(|(key, offer)| Some((key.clone(), offer.waiting.take()?)))
        .collect();
    let mut before = BTreeMap::new();
    for (key, offered) in &waiting {
        if let Some(kept) = contents.components.insert(key.clone(), offered.clone()) {
            before.insert(key.clone(), kept);
        }
    }
    let mut refused: BTreeMap<ComponentKey, Vec<Diagnostic>> = BTreeMap::new();
    let mut candidates: BTreeSet<&ComponentKey> = waiting.keys().collect();
    // What is refused may have been what others need: until nothing more is refused.
    let mut validated = loop {
        let validated = validate(contents, loader);
        let found: Vec<(&ComponentKey, Vec<Diagnostic>)> = candidates
            .iter()
            .filter(|key| runs(present, key))
            .filter_map(|key| {
                let component = validated.snapshot.components.get(*key)?;
                (!component.is_valid()).then(|| (*key, component.diagnostics.clone()))
            })
            .collect();
        if found.is_empty() {
            break validated;
        }
        for (key, diagnostics) in found {
            candidates.remove(key);
            if let Some(kept) = before.remove(key) {
                contents.components.insert(key.clone(), kept);
            }
            refused.insert(key.clone(), diagnostics);
        }
    };
    for (key, diagnostics) in refused {
        if let Some(offer) = contents.offers.get_mut(&key) {
            offer.waiting = waiting.get(&key).cloned();
        }
        if let Some(offered) = validated.snapshot.offered.get_mut(&key) {
            offered.refused = Some(diagnostics);
        }
    }
    validated
}

/// Whether a component is in use now.
fn runs(present: &ConfigurationSnapshot, key: &ComponentKey) -> bool {
    present.components.get(key).is_some_and(Component::is_valid)
}

/// What became of each component that was handed over.
pub(crate) fn verdicts(handed: &HandOver, snapshot: &ConfigurationSnapshot) -> Vec<Verdict> {
    let verdict = |one: &HandedComponent| {
        let key = (one.kind, one.id.clone());
        let offered = snapshot.offered.get(&key);
        let refused = offered.and_then(|offered| offered.refused.clone());
        let component = snapshot.components.get(&key);
        let found = component.map(|component| component.diagnostics.clone());
        Verdict {
            kind: one.kind,
            id: one.id.clone(),
            taken: refused.is_none(),
            diagnostics: refused.or(found).unwrap_or_default(),
        }
    };
    handed.changed.iter().map(verdict).collect()
}

/// For the log.
pub(crate) fn refused(verdicts: &[Verdict]) -> usize {
    let has_error = |verdict: &&Verdict| {
        let mut levels = verdict.diagnostics.iter().map(|one| one.level);
        levels.any(|level| level == Level::Error)
    };
    verdicts.iter().filter(has_error).count()
}
