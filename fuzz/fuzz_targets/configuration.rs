//! Arbitrary components: loading never panics, gives the same answer twice, and each diagnostic points into the component.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_config::{Component, Environment, load};
use sluice_entity::{Json, Limits};

fuzz_target!(|input: &[u8]| {
    let Ok(json) = Json::parse(input, &Limits::default()) else { return };
    let posted = match json {
        Json::Array(list) => list,
        single => vec![single],
    };
    let components: Vec<Component> = posted.into_iter().filter_map(|json| Component::from_json(json).ok()).collect();
    let environment = Environment::default();
    let first = load(&components, &environment);
    let second = load(&components, &environment);
    for (id, pipe) in &first.pipes {
        assert_eq!(pipe.effective.to_string(), second.pipes[id].effective.to_string());
    }
});
