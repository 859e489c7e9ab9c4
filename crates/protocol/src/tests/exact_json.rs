//! JSON arrives as it was written.

use super::generators;
use crate::wire::{json, proto};
use crate::{PutConfiguration, Scope};
use proptest::prelude::*;
use sluice_entity::{Json, Limits};

#[test]
fn numbers_and_the_order_of_names_survive() {
    let text = r#"{"z":1.0,"a":123456789012345678901234567890,"m":{"b":1.10,"a":1e3,"Ærø":-0},"e":[0.0,1E-7,"~f1.10"]}"#;
    let posted = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
    let put = PutConfiguration {
        scope: Scope::All,
        components: vec![posted.clone()],
        force: false,
        user: String::new(),
    };
    let sent = proto::PutConfigurationRequest::from(&put);
    assert_eq!(sent.components, [text]);
    let back = PutConfiguration::try_from(sent).unwrap();
    assert_eq!(back.components, [posted]);
    assert_eq!(back.components.first().unwrap().to_string(), text);
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again_equal(value in generators::json()) {
        prop_assert_eq!(json(&value.to_string(), "json").unwrap(), value);
    }
}
