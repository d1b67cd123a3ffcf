//! The description of the API (OpenAPI 3.1), derived from the handlers and their types.
//!
//! `docs/reference/openapi.json` in the repository is this description; a test compares them.

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::api::{
    corrections, events, feed, glossaries, info, job_cache, jobs, model_catalog, plugins, recording, removal, search,
    session, shares, transcript, uploads,
};
use crate::compatible::{asr, detect_language, inference};
use crate::openai::{models, speech};
use crate::state::events::FeedEventKind;
use crate::state::events::JobEventKind;

#[derive(OpenApi)]
#[openapi(
    info(title = "Cesar", description = "Offline transcription: jobs, and an API that OpenAI's clients speak."),
    paths(
        jobs::transcribe, jobs::align, jobs::transcribe_url, jobs::list, jobs::show, jobs::cancel, jobs::retry, transcript::transcript,
        corrections::correct, corrections::history, events::events,
        search::search, session::show, session::begin, session::end, feed::feed, recording::recording, recording::peaks, removal::rename,
        uploads::options, uploads::create, uploads::head, uploads::patch, uploads::remove,
        info::health, info::metrics, plugins::plugins, plugins::rescan, info::cache, model_catalog::models, model_catalog::pull,
        model_catalog::cancel, glossaries::glossaries, glossaries::show, glossaries::store, glossaries::add_rule,
        job_cache::explain, job_cache::clear, shares::create, shares::list, shares::revoke, shares::shared,
        speech::transcriptions, speech::translations, models::index, models::show, asr::asr,
        detect_language::detect_language, inference::inference
    ),
    components(schemas(JobEventKind, FeedEventKind)),
    tags((name = "jobs", description = "Jobs and their transcripts"), (name = "page", description = "For the page, beside the jobs"), (name = "openai", description = "For OpenAI's clients"),
        (name = "compatible", description = "For clients of other servers"),
        (name = "server", description = "The server itself")),
    security((), ("key" = [])),
    modifiers(&Keys)
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        scheme.description = Some("An API key, where the server asks for one".to_owned());
        if let Some(components) = &mut openapi.components {
            components.add_security_scheme("key", SecurityScheme::Http(scheme));
        }
    }
}

/// The description as JSON, pretty and with a final newline.
#[must_use]
pub fn text() -> String {
    let mut value =
        serde_json::to_value(Description::openapi()).expect("a description is texts and numbers with text keys");
    remove_null_defaults(&mut value);
    value["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    value["info"]["license"] = serde_json::json!({ "name": "MIT", "identifier": "MIT" });
    serde_json::to_string_pretty(&value).expect("it was a value already") + "\n"
}

/// Removes `"default": null`, which says no more than the type.
fn remove_null_defaults(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "default" || !value.is_null());
            fields.values_mut().for_each(remove_null_defaults);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_null_defaults),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_description_in_the_repository_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, text()).expect("docs/ can be written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text(),
            "docs/reference/openapi.json is out of date: run this test with UPDATE_DOCS=1"
        );
        assert!(written.contains("\"openapi\": \"3.1.0\""));
    }

    /// Not described: the page itself, and the description with its viewer.
    const UNDESCRIBED: [&str; 4] = ["/", "/page/{path}", "/docs", "/openapi.json"];

    #[test]
    fn every_route_is_described() {
        let description: Value = serde_json::from_str(&text()).unwrap();
        let described = description["paths"].as_object().unwrap();
        let source = include_str!("../router.rs");
        let mut routes = 0;
        for part in source.split(".route(").skip(1) {
            let path = part.split('"').nth(1).unwrap().replace("{*", "{");
            let methods = part.split_once("\",").unwrap().1;
            let methods = methods.split(".layer(").next().unwrap();
            routes += 1;
            if UNDESCRIBED.contains(&path.as_str()) {
                continue;
            }
            for method in ["get", "post", "put", "patch", "delete", "head", "options"] {
                let is_routed = methods.contains(&format!("{method}("));
                let is_described = described.get(&path).is_some_and(|path| path.get(method).is_some());
                assert_eq!(
                    is_routed, is_described,
                    "{method} {path}: name the handler in the routes and in `paths` of the description"
                );
            }
        }
        assert!(routes > UNDESCRIBED.len(), "the routes are not found in router.rs");
    }

    #[test]
    fn operation_ids_are_unique() {
        let description: Value = serde_json::from_str(&text()).unwrap();
        let paths = description["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        let mut ids: Vec<_> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{ids:?}");
    }

    #[test]
    fn every_kind_of_event_is_described() {
        let description: Value = serde_json::from_str(&text()).unwrap();
        let published = description["components"]["schemas"]["JobEventKind"]["enum"]
            .as_array()
            .unwrap();
        let names: Vec<_> = JobEventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(published[..], names);
        assert_eq!(json!(JobEventKind::ALL), json!(names));
        let published = description["components"]["schemas"]["FeedEventKind"]["enum"]
            .as_array()
            .unwrap();
        let feed: Vec<_> = FeedEventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(published[..], feed);
        let manual = include_str!("../../../../docs/guide/server.md");
        let missing: Vec<_> = [names, feed]
            .concat()
            .into_iter()
            .filter(|name| !manual.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "docs/guide/server.md does not name {missing:?}");
    }
}
