//! Which endpoint answers what, and what surrounds all of them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::openai::errors::Envelope;
use super::problem::Problem;
use super::refusal::Refusal;
use super::{App, JSON_LIMIT, guard, info, jobs, openai, plugins, sse};

/// All endpoints.
pub(crate) fn router(app: &App) -> Router {
    // Forms have limits of their own, counted while they are streamed to the disk.
    let forms = Router::new()
        .route("/transcribe", post(jobs::transcribe))
        .route("/v1/audio/transcriptions", post(openai::transcriptions))
        .route("/v1/audio/translations", post(openai::translations))
        .layer(DefaultBodyLimit::disable());
    let router = Router::new()
        .route("/transcribe/url", post(jobs::transcribe_url))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{id}", get(jobs::show).delete(jobs::cancel))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/jobs/{id}/transcript", get(jobs::transcript))
        .route("/jobs/{id}/events", get(sse::events))
        .route("/v1/models", get(openai::models::index))
        .route("/v1/models/{*id}", get(openai::models::show))
        .route("/health", get(info::health))
        .route("/metrics", get(info::metrics))
        .route("/plugins", get(info::plugins))
        .route("/plugins/rescan", post(plugins::rescan))
        .route("/cache", get(info::cache))
        .route("/openapi.json", get(info::openapi))
        .route("/docs", get(info::docs))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .merge(forms)
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(RequestBodyTimeoutLayer::new(app.settings.idle_timeout))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(App::clone(app), guard::admit));
    let router = match cors(&app.settings.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(plain_types))
        .layer(from_fn_with_state(App::clone(app), guard::log))
        .with_state(App::clone(app))
}

async fn nothing(request: Request) -> Response {
    let refusal = Refusal::not_found("there is no such endpoint; `/docs` lists them");
    in_shape_of(&request, refusal)
}

async fn wrong_method(request: Request) -> Response {
    let text = format!(
        "this endpoint does not answer {}; `/docs` lists what does",
        request.method()
    );
    in_shape_of(
        &request,
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text),
    )
}

fn in_shape_of(request: &Request, refusal: Refusal) -> Response {
    if request.uri().path().starts_with("/v1/") {
        Envelope(refusal).into_response()
    } else {
        Problem(refusal).into_response()
    }
}

/// Browsers take answers for what they say they are.
async fn plain_types(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    Problem(Refusal::internal(&text)).into_response()
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let exposed = [
        "x-cesar-job",
        "x-cesar-cache",
        "x-request-id",
        "location",
        "retry-after",
    ];
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers(Any)
            .expose_headers(exposed.map(HeaderName::from_static)),
    )
}
