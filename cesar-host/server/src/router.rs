//! Routes and middleware.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, head, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::admission::middleware;
use crate::api::json_body::JSON_LIMIT;
use crate::api::{
    corrections, events, feed, glossaries, info, job_cache, jobs, model_catalog, page, plugins, recording, removal,
    search, session, shares, transcript, uploads,
};
use crate::compatible::{asr, detect_language, inference};
use crate::description::docs;
use crate::openai::{models, speech};
use crate::refusal::envelope::Envelope;
use crate::refusal::problem::Problem;
use crate::refusal::{Code, Refusal};
use crate::state::App;

/// All endpoints.
pub(crate) fn router(app: &App) -> Router {
    // Forms have limits of their own, applied while they are streamed to the disk.
    let forms = Router::new()
        .route("/transcribe", post(jobs::transcribe))
        .route("/align", post(jobs::align))
        .route("/v1/audio/transcriptions", post(speech::transcriptions))
        .route("/v1/audio/translations", post(speech::translations))
        .route("/asr", post(asr::asr))
        .route("/detect-language", post(detect_language::detect_language))
        .route("/inference", post(inference::inference))
        .layer(DefaultBodyLimit::disable());
    let uploads = Router::new()
        .route("/uploads", post(uploads::create).options(uploads::options))
        .route(
            "/uploads/{id}",
            head(uploads::head).patch(uploads::patch).delete(uploads::remove),
        )
        .layer(map_response(uploads::name_version))
        .layer(DefaultBodyLimit::disable());
    let router = Router::new()
        .route("/", get(page::index))
        .route("/page/{*path}", get(page::page))
        .route("/session", get(session::show).post(session::begin).delete(session::end))
        .route("/events", get(feed::feed))
        .route("/transcribe/url", post(jobs::transcribe_url))
        .route("/jobs", get(jobs::list))
        .route(
            "/jobs/{id}",
            get(jobs::show).patch(removal::rename).delete(jobs::cancel),
        )
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route(
            "/jobs/{id}/transcript",
            get(transcript::transcript).patch(corrections::correct),
        )
        .route("/jobs/{id}/transcript/history", get(corrections::history))
        .route("/jobs/{id}/recording", get(recording::recording))
        .route("/jobs/{id}/peaks", get(recording::peaks))
        .route("/jobs/{id}/events", get(events::events))
        .route("/search", get(search::search))
        .route("/v1/models", get(models::index))
        .route("/v1/models/{*id}", get(models::show))
        .route("/health", get(info::health))
        .route("/metrics", get(info::metrics))
        .route("/plugins", get(plugins::plugins))
        .route("/plugins/rescan", post(plugins::rescan))
        .route("/models", get(model_catalog::models))
        .route(
            "/models/{name}/pull",
            post(model_catalog::pull).delete(model_catalog::cancel),
        )
        .route("/glossaries", get(glossaries::glossaries))
        .route("/glossaries/{name}", get(glossaries::show).put(glossaries::store))
        .route("/glossaries/{name}/rules", post(glossaries::add_rule))
        .route("/jobs/{id}/cache", get(job_cache::explain))
        .route("/jobs/{id}/shares", get(shares::list).post(shares::create))
        .route("/shares/{id}", delete(shares::revoke))
        .route("/shared/{token}", get(shares::shared))
        .route("/cache", get(info::cache).delete(job_cache::clear))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::docs))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .merge(forms)
        .merge(uploads)
        .fallback(unknown_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .layer(RequestBodyTimeoutLayer::new(app.settings.idle_timeout))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(is_whole)))
        .layer(from_fn_with_state(App::clone(app), middleware::admit));
    let router = match cors(&app.settings.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(no_sniffing))
        .layer(from_fn_with_state(App::clone(app), middleware::log))
        .with_state(App::clone(app))
}

/// The figures of a server or worker, for its operators: they show no jobs, and need no key.
pub(crate) fn figures(app: &App) -> Router {
    Router::new()
        .route("/health", get(info::status))
        .route("/metrics", get(info::metrics))
        .fallback(unknown_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(no_sniffing))
        .layer(from_fn_with_state(App::clone(app), middleware::log))
        .with_state(App::clone(app))
}

/// Recordings are compressed already, and their ranges count the bytes as they are.
fn is_whole(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::ACCEPT_RANGES)
}

async fn unknown_endpoint(request: Request) -> Response {
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
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, text),
    )
}

fn in_shape_of(request: &Request, refusal: Refusal) -> Response {
    if request.uri().path().starts_with("/v1/") {
        Envelope(refusal).into_response()
    } else {
        Problem(refusal).into_response()
    }
}

/// Forbids browsers to guess content types.
async fn no_sniffing(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
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
        "etag",
        "tus-resumable",
        "upload-offset",
        "upload-length",
        "upload-expires",
    ];
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(Any)
            .expose_headers(exposed.map(HeaderName::from_static)),
    )
}
