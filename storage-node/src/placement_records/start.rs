//! How an owner was told to begin, as its record says: `"fresh"`, `"local"`, `"start-over"`, `{"from","address","offset"}` for a
//! hand-over, `{"checkpoint"}` for a restore.

use super::{checkpoint_from, checkpoint_json, number, number_in, object};
use sluice_entity::Json;
use sluice_protocol::{Start, WorkerId};

pub(super) fn json(start: &Start) -> Json {
    match start {
        Start::Fresh => Json::from("fresh"),
        Start::Local => Json::from("local"),
        Start::StartOver => Json::from("start-over"),
        Start::HandOver {
            from,
            address,
            offset,
        } => object([
            ("from", Json::from(from.0.as_str())),
            ("address", Json::from(address.as_str())),
            ("offset", offset.map_or(Json::Null, number)),
        ]),
        Start::Restore { checkpoint } => object([("checkpoint", checkpoint_json(*checkpoint))]),
    }
}

pub(super) fn read(json: &Json) -> Option<Start> {
    if let Some(word) = json.as_str() {
        return match word {
            "fresh" => Some(Start::Fresh),
            "local" => Some(Start::Local),
            "start-over" => Some(Start::StartOver),
            _ => None,
        };
    }
    if let Some(checkpoint) = json.get("checkpoint") {
        let checkpoint = checkpoint_from(checkpoint)?;
        return Some(Start::Restore { checkpoint });
    }
    let offset = match json.get("offset")? {
        Json::Null => None,
        _ => Some(number_in(json, "offset")?),
    };
    Some(Start::HandOver {
        from: WorkerId(json.get("from")?.as_str()?.to_owned()),
        address: json.get("address")?.as_str()?.to_owned(),
        offset,
    })
}
