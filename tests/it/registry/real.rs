//! A registry that is not ours: what a publisher registers there is read.

use reassure::envelope::{Format, WriterSchema, schema_id};
use reassure::ports::{Registry, RegistryError, SchemaId};
use serde_json::{Value, json};

use super::client::{client, settings};
use crate::envelope::confluent::{bytes, cases, framed};
use crate::envelope::read_as;
use crate::stack;

/// Registers a schema below a subject of its own, and returns its number.
async fn register(url: &str, subject: &str, body: &Value) -> u32 {
    let request = reqwest::Client::new()
        .post(format!("{url}/subjects/{subject}/versions"))
        .header("content-type", "application/vnd.schemaregistry.v1+json")
        .body(body.to_string());
    let answer = request.send().await.unwrap();
    let text = answer.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    answer["id"].as_u64().and_then(|id| id.try_into().ok()).unwrap_or_else(|| panic!("{text}"))
}

#[tokio::test]
async fn what_a_publisher_registered_is_read() {
    let Some(url) = stack::registry() else { return };
    let registry = client(&settings(&url));
    let run = format!("envelopes-{:08x}", rand::random::<u32>());
    for (at, case) in cases().iter().enumerate() {
        let name = case["name"].as_str().unwrap();
        let mut references = Vec::new();
        for (number, reference) in case["references"].as_array().unwrap().iter().enumerate() {
            let subject = format!("{run}-{at}-{number}");
            register(&url, &subject, &json!({ "schema": reference.to_string() })).await;
            let full = format!("{}.{}", reference["namespace"].as_str().unwrap(), reference["name"].as_str().unwrap());
            references.push(json!({ "name": full, "subject": subject, "version": 1 }));
        }
        let body = json!({ "schema": case["schema"].to_string(), "references": references });
        let number = register(&url, &format!("{run}-{at}"), &body).await;

        let record = framed(number, &bytes(case["datum"].as_str().unwrap()));
        let id = schema_id(&record, &Format::Detect, &Default::default()).unwrap();
        assert_eq!(id, SchemaId::Number(number));
        let registered = registry.schema(id).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let schema = WriterSchema::parse(&registered).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let decoded = read_as(&record, &Format::Detect, Some(&schema)).unwrap_or_else(|it| panic!("{name}: {it:?}"));
        assert_eq!(decoded.event.id, "evt-1", "{name}");
    }
    assert_eq!(registry.schema(SchemaId::Number(999_999_999)).await, Err(RegistryError::Missing));
    assert_eq!(registry.schema(SchemaId::Guid([7; 16])).await, Err(RegistryError::Missing));
}
