//! The query of a request.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::admission::code::Code;
use crate::admission::form::Fields;
use crate::admission::refusal::Refusal;

/// The pairs of the query.
pub(crate) type QueryFields = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The fields of the query.
pub(crate) fn fields(query: QueryFields) -> Result<Fields, Refusal> {
    let Query(pairs) = query.map_err(|error| Refusal::bad(Code::InvalidQuery, error.body_text()))?;
    let mut fields = Fields::default();
    pairs.into_iter().for_each(|(name, value)| fields.push(name, value));
    Ok(fields)
}
