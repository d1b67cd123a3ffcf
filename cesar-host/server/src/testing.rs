//! Helpers of unit tests.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of these names and values.
pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}
