//! What is told of our work, as the bytes of a record: a structured CloudEvent, or Avro in
//! single-object encoding.

use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::schema::ResolvedSchema;
use apache_avro::writer::datum::GenericDatumWriter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::avro::{MAGIC, to_avro};
use crate::domain::time::Timestamp;
use crate::outcome::{Data, Report, ReportType};
use crate::schema;

/// How outcomes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// CloudEvents 1.0, structured as JSON.
    #[default]
    Json,
    /// Avro single-object encoding, with the schemas of `schemas/avro/outcomes`.
    Avro,
}

impl Encoding {
    /// The record's `content-type`. A single object has none that is registered, and says by its
    /// first bytes what it is.
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/cloudevents+json; charset=UTF-8"),
            Self::Avro => None,
        }
    }
}

/// Writes a report of the deployment that `source` names.
pub fn encode_report(report: &Report<'_>, source: &str, format: Encoding) -> Vec<u8> {
    match format {
        Encoding::Json => structured(report, source),
        Encoding::Avro => single_object(report, source),
    }
}

fn structured(report: &Report<'_>, source: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Structured<'a> {
        specversion: &'static str,
        id: &'a str,
        source: &'a str,
        #[serde(rename = "type")]
        report_type: &'static str,
        subject: &'a str,
        time: Timestamp,
        datacontenttype: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        traceparent: Option<&'a str>,
        data: &'a Data<'a>,
    }
    let structured = Structured {
        specversion: "1.0",
        id: &report.id,
        source,
        report_type: report.data.report_type().as_str(),
        subject: report.data.order_id(),
        time: report.time,
        datacontenttype: "application/json",
        traceparent: report.traceparent,
        data: &report.data,
    };
    serde_json::to_vec(&structured).expect("a report has text keys only, so it is always JSON")
}

/// A schema, ready to write with.
struct Known {
    /// `C3 01` and the schema's fingerprint.
    header: Vec<u8>,
    schema: &'static Schema,
    names: ResolvedSchema<'static>,
    writer: GenericDatumWriter<'static>,
}

/// In the order of [`ReportType::ALL`], which is the order of declaration.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let known = |report_type| {
        let text = schema::avro_schema_of_report(report_type);
        // kept for the life of the process, so that its writer can be kept with it
        let schema: &'static Schema =
            Box::leak(Box::new(Schema::parse_str(&text).expect("it is made from the type; a test reads it")));
        let mut header = Vec::from(MAGIC);
        header.extend_from_slice(&schema.fingerprint::<Rabin>().bytes);
        Known {
            header,
            schema,
            names: ResolvedSchema::try_from(schema).expect("it refers to its own records only"),
            writer: GenericDatumWriter::builder(schema).build().expect("it has been resolved"),
        }
    };
    ReportType::ALL.map(known).into()
});

fn single_object(report: &Report<'_>, source: &str) -> Vec<u8> {
    let known = &KNOWN[report.data.report_type() as usize];
    let whole = json!({
        "id": report.id,
        "source": source,
        "time": report.time.millis(),
        "data": report.data,
    });
    let datum = to_avro(&whole, known.schema, known.names.get_names());
    let mut bytes = known.header.clone();
    known.writer.write_value_ref(&mut bytes, &datum).expect("the schema is made from the type; a test writes each");
    bytes
}
