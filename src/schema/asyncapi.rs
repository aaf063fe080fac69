//! Every topic and what is on it, as AsyncAPI 3 describes it: for those who publish to the service
//! and those who read what it tells. The messages refer to the schemas beside this document.

use serde_json::{Map, Value, json};

use crate::domain::event::EventType;
use crate::outcome::ReportType;

const CLOUD_EVENT: &str = "application/cloudevents+json";
const JSON_SCHEMA: &str = "application/schema+json;version=draft-2020-12";
const AVRO_SCHEMA: &str = "application/vnd.apache.avro+json;version=1.9.0";

/// The document.
pub fn document() -> Value {
    let mut messages = Map::new();
    for name in EventType::ALL.iter().map(|event_type| event_type.as_str()) {
        messages.extend(event(name));
    }
    for name in ReportType::ALL.map(ReportType::as_str) {
        messages.extend(report(name));
    }
    messages.insert("dead_letter".to_owned(), dead_letter());
    messages.insert("dead_letter.redriven".to_owned(), redriven());
    let mut channels = Map::new();
    // the topics of `config/default.toml`: what is usually on each; any type may be on any topic. Plain
    // JSON and what adapters read are described by the configuration, and so by nothing here
    for (name, description, of_parcels) in [
        ("orders", "Orders, shipments and customers, as shops publish them.", false),
        ("carriers", "Carriers' scans and new dates of arrival.", true),
    ] {
        let names = EventType::ALL.iter().map(|event_type| event_type.as_str());
        let names = names.filter(|name| name.starts_with("parcel.") == of_parcels);
        let forms = names.flat_map(|name| event(name).map(|(form, _)| form));
        channels.insert(name.to_owned(), channel(&format!("reassure.{name}"), description, forms));
    }
    let told = ReportType::ALL.iter().flat_map(|it| report(it.as_str()).map(|(form, _)| form));
    channels.insert(
        "outcomes".to_owned(),
        channel("reassure.outcomes", "Each decision and each attempt (`outgoing.outcomes`).", told),
    );
    let letters = ["dead_letter".to_owned(), "dead_letter.redriven".to_owned()];
    channels.insert(
        "dead_letters".to_owned(),
        channel("reassure.dlq", "Records that could not become events (`outgoing.dead_letters`).", letters),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "reassure",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Events about orders and parcels come in; the right message goes out to the buyer, and \
                what was decided and what became of it is told. The names of topics are the configuration's.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": CLOUD_EVENT,
        "channels": channels,
        "operations": {
            "take_in_orders": operation("receive", "orders"),
            "take_in_scans": operation("receive", "carriers"),
            "tell_outcomes": operation("send", "outcomes"),
            "bury": operation("send", "dead_letters"),
        },
        "components": { "messages": messages },
    })
}

fn channel(address: &str, description: &str, messages: impl IntoIterator<Item = String>) -> Value {
    let refer = |name: String| {
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        (name, reference)
    };
    let messages: Map<String, Value> = messages.into_iter().map(refer).collect();
    json!({ "address": address, "description": description, "messages": messages })
}

fn operation(action: &str, channel: &str) -> Value {
    json!({ "action": action, "channel": { "$ref": format!("#/channels/{channel}") } })
}

fn key(description: &str) -> Value {
    json!({ "kafka": { "key": { "type": "string", "description": description }, "bindingVersion": "0.5.0" } })
}

fn refer(format: &str, file: &str) -> Value {
    json!({ "schemaFormat": format, "schema": { "$ref": file } })
}

fn texts(headers: &[(&str, &str)], required: &[&str]) -> Value {
    let header = |(name, description): &(&str, &str)| {
        ((*name).to_owned(), json!({ "type": "string", "description": description }))
    };
    let properties: Map<String, Value> = headers.iter().map(header).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// An event in each of its forms.
fn event(name: &str) -> [(String, Value); 5] {
    let bindings = key("What keeps records in order: the order's id, or the parcel's number.");
    let traceparent = ("traceparent", "W3C trace context, handed on to the providers.");
    let structured = json!({
        "name": name,
        "title": format!("{name}, structured"),
        "contentType": CLOUD_EVENT,
        "headers": texts(&[("content-type", CLOUD_EVENT)], &[]),
        "payload": refer(JSON_SCHEMA, &format!("./json/{name}.json")),
        "bindings": bindings,
    });
    let attributes = [
        ("ce_specversion", "1.0"),
        ("ce_id", "With the source it tells a repetition."),
        ("ce_source", "Who publishes."),
        ("ce_type", name),
        ("ce_time", "When it happened."),
        ("content-type", "application/json"),
        traceparent,
    ];
    let binary = json!({
        "name": name,
        "title": format!("{name}, attributes in headers"),
        "contentType": "application/json",
        "headers": texts(&attributes, &["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"]),
        "payload": refer(JSON_SCHEMA, &format!("./json/{name}.json#/$defs/Data")),
        "bindings": bindings,
    });
    let avro = json!({
        "name": name,
        "title": format!("{name}, Avro"),
        "description": "Single-object encoding: C3 01, the schema's CRC-64-AVRO fingerprint, the datum.",
        "contentType": "application/avro",
        "headers": texts(&[traceparent], &[]),
        "payload": refer(AVRO_SCHEMA, &format!("./avro/{name}.avsc")),
        "bindings": bindings,
    });
    let mut framed = bindings.clone();
    framed["kafka"]["schemaIdLocation"] = json!("payload");
    framed["kafka"]["schemaIdPayloadEncoding"] = json!("confluent");
    let confluent = json!({
        "name": name,
        "title": format!("{name}, Avro with a registry"),
        "description": "Confluent's framing: the schema's id before the datum, or its GUID in a header. The writer's \
            schema is the registry's, and is matched to this one.",
        "contentType": "application/avro",
        "headers": texts(&[("__value_schema_id", "The schema's GUID, where the value does not name its id."), traceparent], &[]),
        "payload": refer(AVRO_SCHEMA, &format!("./avro/{name}.avsc")),
        "bindings": framed,
    });
    let outbox = json!({
        "name": name,
        "title": format!("{name}, Debezium's outbox"),
        "description": "What Debezium's event router makes of an outbox row, on a topic whose format is debezium. The \
            payload may also be the JSON as a string.",
        "contentType": "application/json",
        "headers": texts(&[("id", "Tells a repetition."), ("eventType", name)], &["id"]),
        "payload": refer(JSON_SCHEMA, &format!("./json/{name}.json#/$defs/Data")),
        "bindings": bindings,
    });
    [("", structured), (".binary", binary), (".avro", avro), (".confluent", confluent), (".debezium", outbox)]
        .map(|(form, message)| (format!("{name}{form}"), message))
}

/// What is told of our work, in each of its forms.
fn report(name: &str) -> [(String, Value); 2] {
    let bindings = key("`<shop>/<order>`: what is told of an order stays in order.");
    let traceparent = ("traceparent", "That of the event which it follows from.");
    let structured = json!({
        "name": name,
        "title": format!("{name}, with outgoing.format = json"),
        "contentType": CLOUD_EVENT,
        "headers": texts(&[("content-type", CLOUD_EVENT), traceparent], &["content-type"]),
        "payload": refer(JSON_SCHEMA, &format!("./json/outcomes/{name}.json")),
        "bindings": bindings,
    });
    let avro = json!({
        "name": name,
        "title": format!("{name}, with outgoing.format = avro"),
        "description": "Single-object encoding: C3 01, the schema's CRC-64-AVRO fingerprint, the datum.",
        "contentType": "application/avro",
        "headers": texts(&[traceparent], &[]),
        "payload": refer(AVRO_SCHEMA, &format!("./avro/outcomes/{name}.avsc")),
        "bindings": bindings,
    });
    [(name.to_owned(), structured), (format!("{name}.avro"), avro)]
}

fn dead_letter() -> Value {
    let mut headers = texts(
        &[
            ("__connect.errors.topic", "Where the record came from."),
            ("__connect.errors.partition", "The same: the partition, as decimal digits."),
            ("__connect.errors.offset", "The same: the offset, as decimal digits."),
            ("__connect.errors.stage", "Which step refused it: decode or validate."),
            ("__connect.errors.exception.class.name", "A stable code, such as malformed_json."),
            ("__connect.errors.exception.message", "What is wrong and what would be right, without personal data."),
            ("reassure.omitted_bytes", "Set where the record was more than the topic takes: only this is left of it."),
        ],
        &[
            "__connect.errors.topic",
            "__connect.errors.partition",
            "__connect.errors.offset",
            "__connect.errors.stage",
            "__connect.errors.exception.class.name",
            "__connect.errors.exception.message",
        ],
    );
    headers["description"] = json!("Beside them stand the headers that the record came with.");
    json!({
        "name": "dead_letter",
        "title": "A record that could not become an event",
        "description": "Key, value and timestamp are as they came; nothing can be said of what they hold.",
        "contentType": "application/octet-stream",
        "headers": headers,
        "payload": {},
    })
}

fn redriven() -> Value {
    let place = [("reassure.redriven", "`<partition>:<offset>` of the dead letter on this topic.")];
    json!({
        "name": "dead_letter.redriven",
        "title": "A dead letter has been put back",
        "description": "Has no value. It stands on the partition of its dead letter.",
        "headers": texts(&place, &["reassure.redriven"]),
        "payload": { "type": "null" },
    })
}
