//! The stage without a host.

use plugin_api::testkit::{Kit, noise};
use serde_json::json;

use super::{{type}};

const MANIFEST: &str = include_str!("cesar-plugin.json");

#[test]
fn each_window_becomes_a_segment() {
    let mut kit = Kit::<{{type}}>::open(MANIFEST, json!({ "window_ms": 500 })).unwrap();
    let ran = kit.run(json!({ "language": "en" }), &noise(1_250)).unwrap();
    assert_eq!(ran.output["segments"].as_array().unwrap().len(), 3);
    assert_eq!((ran.output["language"].as_str(), ran.segments.len()), (Some("en"), 3));
}

#[test]
fn it_keeps_the_contract() {
    Kit::<{{type}}>::open(MANIFEST, json!({})).unwrap().keeps_the_contract(json!({})).unwrap();
}
