//! The stage without a host.

use plugin_api::testkit::{Kit, noise};
use serde_json::json;

use super::{{type}};

#[test]
fn each_window_becomes_a_segment() {
    let mut kit = Kit::<{{type}}>::open(include_str!("cesar-plugin.json"), json!({ "window_ms": 500 })).unwrap();
    let ran = kit.run(json!({}), &noise(1_250)).unwrap();
    assert_eq!(ran.output["segments"].as_array().unwrap().len(), 3);
    assert_eq!(ran.segments.len(), 3);
    kit.keeps_the_contract(json!({})).unwrap();
}

#[test]
fn a_window_of_nothing_is_refused() {
    assert!(Kit::<{{type}}>::open(include_str!("cesar-plugin.json"), json!({ "window_ms": 0 })).is_err());
}
