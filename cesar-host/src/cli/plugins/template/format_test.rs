//! The stage without a host.

use plugin_api::testkit::{Kit, document};
use serde_json::json;

use super::{{type}};

const MANIFEST: &str = include_str!("cesar-plugin.json");

#[test]
fn segments_become_lines() {
    let mut kit = Kit::<{{type}}>::open(MANIFEST, json!({})).unwrap();
    let ran = kit.run(json!({ "document": document(&[(0, 1_500, " Good morning.")]) }), &[]).unwrap();
    assert_eq!(ran.output["text"], "0.000 Good morning.\n");
}
