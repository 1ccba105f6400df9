//! The OpenAPI document, generated from the code.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, PathItem, RefOr};
use utoipa::{Modify, OpenApi as _};

/// What is not said by the endpoints themselves.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "baton",
        description = "Contacts, their controls, agents, records and the directory of a baton node.\n\n\
            JSON in camelCase; times in milliseconds since the Unix epoch; errors are problem documents (RFC 9457). \
            Every POST, PUT and DELETE takes an `Idempotency-Key`: the same request with the same key within 24 hours \
            gets the same answer (with `Idempotency-Replayed: true`) and is done once; another request with that key is \
            refused with 422. Unknown query parameters and unknown keys are refused.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    security(("bearer" = [])),
    modifiers(&Bearer),
    tags(
        (name = "sessions", description = "Logging in and out"),
        (name = "agents", description = "Agents"),
        (name = "contacts", description = "Contacts and their controls"),
        (name = "connections", description = "The parties of a contact"),
        (name = "conferences", description = "Conference rooms and their guests"),
        (name = "supervision", description = "Supervisors of contacts"),
        (name = "records", description = "Contact records and ladders"),
        (name = "operations", description = "What is going on"),
        (name = "directory", description = "The business that calls are led through; for administrators"),
        (name = "events", description = "The WebSocket"),
        (name = "node", description = "The node itself"),
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of `POST /api/v1/sessions`, or the operator's."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    }
}

/// The document without paths.
pub(crate) fn base() -> OpenApi {
    Document::openapi()
}

/// The names of the query parameters by method and path.
pub(crate) fn query_parameters(document: &OpenApi) -> BTreeMap<(String, String), Vec<String>> {
    let mut table = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let names = operation.parameters.iter().flatten().filter_map(query_name).collect();
            table.insert((method.to_owned(), path.clone()), names);
        }
    }
    table
}

fn query_name(parameter: &RefOr<Parameter>) -> Option<String> {
    match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    }
}

/// The operations of a path by method, in lower case.
pub(crate) fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let methods = [("get", &item.get), ("put", &item.put), ("post", &item.post), ("delete", &item.delete)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}
