//! A pipe's resource → the component that it is. Everything inside its own configuration is judged by the storage node.

use crate::configuration::{Unusable, read};
use crate::crd::{Pipe, PipeState};
use sluice_entity::Json;

/// The pipe's configuration, exact but for what the envelope says.
pub(crate) fn validate(object: &Pipe) -> Result<Json, Unusable> {
    let mut json = read(object.written(), &object.id(), Some("pipe"))?;
    if object.spec.state == PipeState::Paused {
        // The same as somebody would write: it starts neither by itself nor by hand.
        let mut pump = match json.get("pump") {
            Some(Json::Object(members)) => Json::Object(members.clone()),
            _ => Json::object(),
        };
        pump.set("mode", Json::from("off"));
        json.set("pump", pump);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(spec: &str) -> Pipe {
        let text = format!(
            r#"{{"apiVersion": "sluice.dev/v1alpha1", "kind": "Pipe", "metadata": {{"name": "in"}}, "spec": {spec}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_paused_pipe_has_its_pump_off_and_keeps_the_rest() {
        let spec = r#"{"hubRef": {"name": "h"}, "configText": "{\"n\": 1.0, \"pump\": {\"mode\": \"scheduled\", \"x\": 2.0}}""#;
        let running = validate(&pipe(&format!("{spec}}}"))).unwrap();
        assert_eq!(
            running.to_string(),
            r#"{"_id":"in","type":"pipe","n":1.0,"pump":{"mode":"scheduled","x":2.0}}"#
        );
        let paused = validate(&pipe(&format!(r#"{spec}, "state": "Paused"}}"#))).unwrap();
        assert_eq!(
            paused.to_string(),
            r#"{"_id":"in","type":"pipe","n":1.0,"pump":{"mode":"off","x":2.0}}"#
        );
    }
}
