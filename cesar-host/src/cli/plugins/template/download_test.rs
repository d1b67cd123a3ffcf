//! The stage without a host.

use plugin_api::testkit::Kit;
use serde_json::json;

use super::{{type}};

const MANIFEST: &str = include_str!("cesar-plugin.json");

#[test]
fn a_file_is_copied() {
    let folder = std::env::temp_dir().join(format!("{{name}}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut kit = Kit::<{{type}}>::open(MANIFEST, json!({})).unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let order = |url: String| json!({ "order": { "wanted": "media", "url": url, "folder": folder } });
    let ran = kit.run(order(format!("file://{own}")), &[]).unwrap();
    assert_eq!(ran.output["file"], "media");
    assert_eq!(std::fs::read(folder.join("media")).unwrap(), std::fs::read(own).unwrap());
    assert!(kit.run(order("https://example.org".into()), &[]).is_err());
    std::fs::remove_dir_all(folder).unwrap();
}
