//! Reads paths, queries and bodies; what cannot be read becomes a problem document that names the place.

use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use baton_contact::{ConnectionId, ContactId};
use serde::de::DeserializeOwned;
use tracing::Span;

use crate::problem::{ApiError, kind};
use crate::state::App;

/// Longest name in a path, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// A contact in the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContactPath(pub(crate) ContactId);

/// A connection of a contact in the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionPath(pub(crate) ContactId, pub(crate) ConnectionId);

/// A guest of a conference room in the path.
#[derive(Debug, Clone)]
pub(crate) struct GuestPath(pub(crate) String, pub(crate) ConnectionId);

/// Names in the path, in order.
#[derive(Debug, Clone)]
pub(crate) struct Names<const N: usize>(pub(crate) [String; N]);

/// A query, unknown parameters having been refused before.
#[derive(Debug, Clone)]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body.
#[derive(Debug, Clone)]
pub(crate) struct Body<T>(pub(crate) T);

/// A body's bytes within the limit, checked to be JSON by its media type.
#[derive(Debug, Clone)]
pub(crate) struct JsonBytes(pub(crate) Bytes);

impl FromRequestParts<App> for ContactPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Names([contact]) = Names::from_request_parts(parts, app).await?;
        contact_id(&contact).map(ContactPath)
    }
}

impl FromRequestParts<App> for ConnectionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Names([contact, connection]) = Names::from_request_parts(parts, app).await?;
        Ok(ConnectionPath(contact_id(&contact)?, connection_id(&connection)?))
    }
}

impl FromRequestParts<App> for GuestPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Names([room, connection]) = Names::from_request_parts(parts, app).await?;
        Ok(GuestPath(room, connection_id(&connection)?))
    }
}

impl<const N: usize> FromRequestParts<App> for Names<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|rejection| ApiError::new(kind::MALFORMED, format!("the path: {rejection}")))?;
        let names: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
        if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(ApiError::new(kind::NOT_FOUND, "no name is that long"));
        }
        let names = names.try_into().map_err(|_| ApiError::new(kind::INTERNAL, "the path has other names"))?;
        Ok(Names(names))
    }
}

fn connection_id(text: &str) -> Result<ConnectionId, ApiError> {
    let wrong = |_| ApiError::new(kind::NOT_FOUND, format!("{text:?} is no connection id (a number)"));
    text.parse().map(ConnectionId).map_err(wrong)
}

fn contact_id(text: &str) -> Result<ContactId, ApiError> {
    let id: ContactId = text.parse().map_err(|error| ApiError::new(kind::NOT_FOUND, format!("{text:?} is {error}")))?;
    Span::current().record("contact", tracing::field::display(id));
    Ok(id)
}

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query.map(|query| Query(query.0)).map_err(|rejection: QueryRejection| {
            // «Failed to deserialize query string: limit: invalid digit found in string»
            let text = rejection.body_text();
            let detail = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            let error = ApiError::new(kind::MALFORMED, format!("the query: {detail}"));
            match detail.split_once(": ") {
                Some((field, _)) => error.field(field),
                None => error,
            }
        })
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, app).await?;
        from_json(&bytes).map(Body)
    }
}

impl FromRequest<App> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(kind::MEDIA_TYPE, "send the body as `Content-Type: application/json`"));
        }
        let bytes_max = bytes_max(app, request.extensions());
        read_body(request.into_body(), bytes_max).await.map(JsonBytes)
    }
}

/// The largest body that a route takes. The path itself does not tell: within a nested router it lacks its beginning.
pub(crate) fn bytes_max(app: &App, extensions: &Extensions) -> usize {
    let route = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if route.starts_with("/api/v1/directory") {
        app.config.limits.directory_bytes_max
    } else {
        app.config.limits.body_bytes_max
    }
}

/// A whole body within a limit.
pub(crate) async fn read_body(body: axum::body::Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    to_bytes(body, bytes_max).await.map_err(|error| {
        let too_large = std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("limit"));
        if too_large {
            ApiError::new(kind::TOO_LARGE, format!("the body may have {bytes_max} bytes"))
        } else {
            ApiError::new(kind::MALFORMED, "the body ended early")
        }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// JSON into a type. What is no JSON is 400; what is, but not the right one, is 422. Both name line, column and field.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let refused = json_error(error.inner());
        if field == "." { refused } else { refused.field(field) }
    })?;
    deserializer.end().map_err(|error| json_error(&error))?;
    Ok(value)
}

fn json_error(error: &serde_json::Error) -> ApiError {
    let kind = if error.is_data() { kind::INVALID } else { kind::MALFORMED };
    ApiError::new(kind, error.to_string()).at(error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn wrong_json_is_named_by_line_column_and_field() {
        let problem = |text: &str| {
            let error = from_json::<BTreeMap<String, u8>>(text.as_bytes()).unwrap_err();
            (error.problem.status, error.problem.line, error.problem.column, error.problem.field.clone())
        };
        assert_eq!(problem("{\n \"a\": 1,\n \"b\": }"), (400, Some(3), Some(7), Some("b".to_owned())));
        assert_eq!(problem("{\n \"a\": 1,\n \"b\": 300}"), (422, Some(3), Some(9), Some("b".to_owned())));
        assert_eq!(problem("{} x"), (400, Some(1), Some(4), None));
        assert_eq!(problem(""), (400, Some(1), Some(1), None));
        assert_eq!(problem("[]"), (422, Some(1), Some(1), None));
    }
}
