//! The query of a request.

use std::collections::BTreeSet;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::Uri;
use cesar_base::names::visible;

use crate::admission::form::Fields;
use crate::refusal::{Code, Refusal};

/// Names that may be repeated.
const LISTS: [&str; 1] = ["status"];

/// The pairs of the query.
pub(crate) type QueryFields = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The fields of the query.
pub(crate) fn fields(query: QueryFields) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    pairs(query)?
        .into_iter()
        .for_each(|(name, value)| fields.push(name, value));
    Ok(fields)
}

/// The pairs of the query, each name once, but for the names of lists.
pub(crate) fn pairs(query: QueryFields) -> Result<Vec<(String, String)>, Refusal> {
    let Query(pairs) = query.map_err(|error| Refusal::bad(Code::InvalidQuery, error.body_text()))?;
    let is_list = |name: &str| LISTS.contains(&name) || name.ends_with("[]");
    let mut known = BTreeSet::new();
    let twice = pairs
        .iter()
        .find(|(name, _)| !known.insert(name.as_str()) && !is_list(name));
    match twice {
        None => Ok(pairs),
        Some((name, _)) => {
            let name: String = name.chars().take(100).collect();
            let text = format!("the query has `{name}` more than once; send it once");
            Err(Refusal::bad(Code::SaidTwice, text).param(name))
        }
    }
}

/// The fields of a body and of the query of its request, which are one set.
pub(crate) fn joined(body: Fields, uri: &Uri) -> Result<Fields, Refusal> {
    body.with_query(fields(Query::try_from_uri(uri))?).map_err(|name| {
        let name: String = name.chars().take(100).collect();
        let text = format!(
            "`{}` has one value in the body and another in the query; send one",
            visible(&name)
        );
        Refusal::bad(Code::SaidTwice, text).param(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &[&str]) -> Result<usize, (Code, Option<String>)> {
        let query = query.iter().map(|name| ((*name).to_owned(), "x".to_owned()));
        let pairs = pairs(Ok(Query(query.collect())));
        pairs
            .map(|pairs| pairs.len())
            .map_err(|refusal| (refusal.code, refusal.param))
    }

    #[test]
    fn a_repeated_name_is_refused() {
        assert_eq!(names(&["format", "revision"]), Ok(2));
        assert_eq!(names(&["status", "status", "a[]", "a[]"]), Ok(4));
        let twice = |name: &str| Err((Code::SaidTwice, Some(name.to_owned())));
        assert_eq!(names(&["format", "preset", "format"]), twice("format"));
        assert_eq!(names(&["original", "original"]), twice("original"));
        assert!(
            fields(Ok(Query(vec![
                ("limit".into(), "1".into()),
                ("limit".into(), "2".into())
            ])))
            .is_err()
        );
    }
}
