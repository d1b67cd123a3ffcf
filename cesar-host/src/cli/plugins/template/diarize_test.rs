//! The stage without a host.

use plugin_api::testkit::{Kit, noise, silence};
use serde_json::json;

use super::{{type}};

const MANIFEST: &str = include_str!("cesar-plugin.json");

#[test]
fn a_pause_changes_the_speaker() {
    let mut kit = Kit::<{{type}}>::open(MANIFEST, json!({})).unwrap();
    let audio = [noise(900), silence(900), noise(900)].concat();
    let ran = kit.run(json!({}), &audio).unwrap();
    assert_eq!((ran.output["turns"][0]["speaker"].as_u64(), ran.output["turns"][1]["speaker"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn it_keeps_the_contract() {
    Kit::<{{type}}>::open(MANIFEST, json!({})).unwrap().keeps_the_contract(json!({})).unwrap();
}
