//! `/openapi.json`, and `/docs`: a page that shows the description without the network.

use std::fmt::Write as _;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::Value;

use crate::description::openapi::text;
use crate::refusal::Code;

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text()).into_response()
}

/// `GET /docs`.
pub(crate) async fn docs() -> Html<String> {
    Html(page())
}

/// A page with every endpoint, its parameters and responses, and the codes of problems.
fn page() -> String {
    let api: Value = serde_json::from_str(&text()).unwrap_or_default();
    let mut body = String::new();
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, endpoint) in methods.as_object().into_iter().flatten() {
            describe(&mut body, path, method, endpoint);
        }
    }
    let schemas = serde_json::to_string_pretty(&api["components"]["schemas"]).unwrap_or_default();
    include_str!("docs.html")
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{endpoints}}", &body)
        .replace("{{codes}}", &codes())
        .replace("{{schemas}}", &escaped(&schemas))
}

fn describe(out: &mut String, path: &str, method: &str, endpoint: &Value) {
    let string = |value: &Value| escaped(value.as_str().unwrap_or_default());
    let _ = writeln!(
        out,
        "<details><summary><code>{} {}</code> {}</summary>",
        method.to_uppercase(),
        escaped(path),
        string(&endpoint["summary"])
    );
    let parameters = endpoint["parameters"].as_array().into_iter().flatten();
    let rows: String = parameters
        .map(|row| {
            format!(
                "<tr><td><code>{}</code><td>{}<td>{}",
                string(&row["name"]),
                string(&row["in"]),
                string(&row["description"])
            )
        })
        .collect();
    if !rows.is_empty() {
        let _ = writeln!(out, "<table><tr><th>name<th>where<th>meaning{rows}</table>");
    }
    for (kind, content) in endpoint["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = writeln!(
            out,
            "<p>Body: <code>{}</code>, {}</p>",
            escaped(kind),
            schema(&content["schema"])
        );
    }
    let answers = endpoint["responses"].as_object().into_iter().flatten();
    let answers: String = answers
        .map(|(status, answer)| {
            format!(
                "<tr><td><code>{}</code><td>{}",
                escaped(status),
                string(&answer["description"])
            )
        })
        .collect();
    let _ = writeln!(out, "<table><tr><th>status<th>answer{answers}</table></details>");
}

fn codes() -> String {
    let row = |code: &Code| {
        let (name, (status, meaning)) = (code.name(), code.meaning());
        format!("<tr id=\"{name}\"><td>{name}<td>{status}<td>{}\n", escaped(meaning))
    };
    Code::ALL.iter().map(row).collect()
}

fn schema(schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    escaped(name.unwrap_or("a JSON value"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_anchor() {
        let page = page();
        for code in Code::ALL {
            assert_eq!(serde_json::json!(code), code.name());
            assert!(page.contains(&format!("<tr id=\"{}\">", code.name())), "{code:?}");
        }
    }

    #[test]
    fn the_page_loads_no_other_resource() {
        let page = page();
        for outside in ["http://", "https://", "src=", "@import", "<link", "<script"] {
            assert!(!page.contains(outside), "the page has `{outside}`");
        }
        assert!(page.contains("/v1/audio/transcriptions") && !page.contains("{{"));
    }
}
