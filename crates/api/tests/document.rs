//! The OpenAPI document: complete, sound, and true of what is sent.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use support::{Api, CONTACT, OPERATOR};

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

fn document() -> Value {
    serde_json::from_str(&baton_api::document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
            all.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    all
}

#[tokio::test]
async fn it_is_served_as_it_is() {
    let api = Api::new();
    let answer = api.get("/api/v1/openapi.json", "").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json, document());
}

#[test]
fn it_names_exactly_the_routes_of_the_design() {
    let expected = "
        GET / | GET /healthz | GET /readyz | GET /metrics
        GET /api/v1/openapi.json | GET /api/v1/events
        POST /api/v1/sessions | DELETE /api/v1/sessions/current
        GET /api/v1/agents | GET /api/v1/agents/me | PUT /api/v1/agents/me/status
        GET /api/v1/agents/me/quick-connects
        POST /api/v1/contacts | GET /api/v1/contacts/{contactId}
        POST /api/v1/contacts/{contactId}/accept | POST /api/v1/contacts/{contactId}/reject
        POST /api/v1/contacts/{contactId}/clear | POST /api/v1/contacts/{contactId}/hold
        POST /api/v1/contacts/{contactId}/resume | POST /api/v1/contacts/{contactId}/swap
        POST /api/v1/contacts/{contactId}/join | POST /api/v1/contacts/{contactId}/leave
        POST /api/v1/contacts/{contactId}/undo
        POST /api/v1/contacts/{contactId}/hold-all | POST /api/v1/contacts/{contactId}/end
        PUT /api/v1/contacts/{contactId}/attributes | POST /api/v1/contacts/{contactId}/connections
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/hold
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/resume
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/swap
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/join
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/mute
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/unmute
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/drop
        POST /api/v1/contacts/{contactId}/connections/{connectionId}/digits
        GET /api/v1/conferences | GET /api/v1/conferences/{name} | POST /api/v1/conferences/{name}/connections
        POST /api/v1/conferences/{name}/connections/{connectionId}/mute
        POST /api/v1/conferences/{name}/connections/{connectionId}/unmute
        POST /api/v1/conferences/{name}/connections/{connectionId}/drop
        POST /api/v1/contacts/{contactId}/monitor | POST /api/v1/agents/{username}/monitor
        GET /api/v1/contacts/{contactId}/record | GET /api/v1/contacts/{contactId}/ladder
        GET /api/v1/records | GET /api/v1/conversations/{contactId}
        GET /api/v1/calls | GET /api/v1/queues | GET /api/v1/trunks
        GET /api/v1/registrations | DELETE /api/v1/registrations/{phone}
        GET /api/v1/subscriptions | GET /api/v1/trace
        GET /api/v1/bans | DELETE /api/v1/bans/{address}
        GET /api/v1/directory | PUT /api/v1/directory
        GET /api/v1/directory/{table}/{name} | PUT /api/v1/directory/{table}/{name}
        DELETE /api/v1/directory/{table}/{name}";
    let expected: BTreeSet<String> = expected.split(['|', '\n']).map(|route| route.trim().to_owned()).collect();
    let found =
        operations(&document()).into_iter().map(|(method, path, _)| format!("{} {path}", method.to_uppercase()));
    let found: BTreeSet<String> = found.chain([String::new()]).collect();
    assert_eq!(found, expected);
}

/// Each documented route is in the router; and the router has no other, because routes are only ever added together
/// with their documentation.
#[tokio::test]
async fn every_route_is_in_it_and_every_route_of_it_is_there() {
    let files = [
        "agents",
        "conferences",
        "connections",
        "contacts",
        "directory",
        "events",
        "node",
        "operations",
        "records",
        "sessions",
        "trace",
    ];
    for file in files {
        let path = format!("{}/src/routes/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(".routes(routes!("), "{file}");
        assert!(!text.contains(".route("), "{file}: a route without documentation");
    }
    for (method, path, _) in operations(&document()) {
        let api = Api::new();
        let path = path.replace("{contactId}", CONTACT).replace("{connectionId}", "7");
        let path = path.replace("{table}", "queues").replace("{name}", "Support").replace("{phone}", "x");
        let path = path.replace("{address}", "192.0.2.1");
        // A trace ends when the server stops.
        api.services.trace.close();
        let answer = api.ask(&method.to_uppercase(), &path, OPERATOR, "").await;
        assert!(!matches!(answer.status.as_u16(), 404 | 405), "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_route_asks_for_a_token_just_when_the_document_says_so() {
    let api = Api::new();
    for (method, path, operation) in operations(&document()) {
        let public = operation["security"] == serde_json::json!([{}]);
        let path = path.replace("{contactId}", CONTACT).replace("{connectionId}", "7");
        let answer = api.ask(&method.to_uppercase(), &path, "", "").await;
        assert_eq!(answer.status == 401, !public, "{method} {path}: {}", answer.text);
        assert!(public || !operation["responses"]["401"].is_null(), "{method} {path}");
    }
}

#[test]
fn it_is_sound() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["security"], serde_json::json!([{"bearer": []}]));
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].to_string()).collect();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect(&place).to_owned()), "{place}");
        assert!(!operation["summary"].as_str().expect(&place).is_empty());
        assert!(tags.contains(&operation["tags"][0].to_string()), "{place}");
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<_> = in_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let placed: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(named, placed, "{place}");
        let keyed = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        let takes_key = method != "get" && !path.contains("/sessions");
        assert_eq!(keyed, takes_key, "{place}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{place} {status}");
            if status.parse::<u16>().unwrap() >= 400 {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{place} {status}");
            }
        }
    }
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    let schemas: BTreeSet<String> = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(references, schemas, "every reference leads somewhere, every schema is referred to");
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(target) if key == "$ref" => drop(found.insert(target.clone())),
                    value => collect_references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

/// What is sent against what is said: every key is described, every required key is there.
#[tokio::test]
async fn answers_are_as_described() {
    let api = Api::new();
    let anna = api.log_in("anna").await;
    let document = document();
    let questions = BTreeMap::from([
        ("/api/v1/agents/me", anna.as_str()),
        ("/api/v1/agents/me/quick-connects", &anna),
        ("/api/v1/agents", OPERATOR),
        ("/api/v1/calls", OPERATOR),
        ("/api/v1/queues", OPERATOR),
        ("/api/v1/registrations", OPERATOR),
        ("/api/v1/subscriptions", OPERATOR),
        ("/api/v1/trunks", OPERATOR),
        ("/api/v1/bans", OPERATOR),
        ("/api/v1/directory", OPERATOR),
        ("/api/v1/contacts/{contactId}", OPERATOR),
        ("/api/v1/contacts/{contactId}/ladder", OPERATOR),
    ]);
    for (path, token) in questions {
        let answer = api.get(&path.replace("{contactId}", CONTACT), token).await;
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"];
        check(&document, &content["application/json"]["schema"], &answer.json, path);
    }
    let refused = api.get("/api/v1/records?limit=x", OPERATOR).await;
    check(&document, &serde_json::json!({"$ref": "#/components/schemas/Problem"}), &refused.json, "problem");
}

/// A JSON Schema check of the parts that are used here.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        let schema = document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}"));
        return check(document, schema, value, place);
    }
    for each in schema["allOf"].as_array().into_iter().flatten() {
        check_type(each, value, place);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let fits = |each: &&Value| {
            let quiet = std::panic::AssertUnwindSafe(|| check(document, each, value, place));
            std::panic::catch_unwind(quiet).is_ok()
        };
        assert!(any.iter().find(fits).is_some(), "{place}: {value} is none of {schema}");
        return;
    }
    check_type(schema, value, place);
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} of {schema}");
    }
    if let (Some(items), Some(_)) = (value.as_array(), schema.get("items")) {
        for item in items {
            check(document, &schema["items"], item, place);
        }
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for (key, value) in fields {
            let schema = properties.get(key).unwrap_or_else(|| panic!("{place}: {key} is not described"));
            check(document, schema, value, &format!("{place}/{key}"));
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(required.as_str().unwrap()), "{place}: {required} is missing");
        }
    }
}

fn check_type(schema: &Value, value: &Value, place: &str) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{place}: {found} of {types:?}");
}
