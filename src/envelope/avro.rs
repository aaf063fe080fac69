//! Avro single-object encoding: `C3 01`, the schema's CRC-64-AVRO fingerprint, the datum.
//!
//! The fingerprint is looked up among the schemas in `schemas/avro`, so no registry is needed.
//! What was written with one of them is read with it, then matched to today's types by name:
//! unknown fields are skipped and missing ones take their default, as with JSON.

use std::fmt;
use std::io::{self, Read};
use std::sync::LazyLock;

use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{NamesRef, ResolvedSchema};
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Schema, util};
use serde_json::{Map, Value};

use super::Refusal;
use super::frame::{Moment, Parts};
use crate::domain::event::{Event, EventType};
use crate::domain::time::Timestamp;
use crate::schema;

/// With what a single object begins.
pub const MAGIC: [u8; 2] = [0xC3, 0x01];
const FINGERPRINT: usize = 8;

/// What a length prefix may ask for before its bytes have been seen.
const MAX_ALLOCATION: usize = 8 * 1024 * 1024;

/// A schema of ours, ready to read with.
pub(super) struct Known {
    event_type: EventType,
    fingerprint: [u8; FINGERPRINT],
    pub schema: &'static Schema,
    resolved: ResolvedSchema<'static>,
    reader: GenericDatumReader<'static>,
}

/// The schemas of `schemas/avro`, those of today and those kept for what was published before.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    bound_allocations();
    let current = EventType::ALL.iter().map(|event_type| schema::avro_schema(*event_type));
    let kept = schema::kept_avro_schemas().map(str::to_owned);
    let mut known: Vec<Known> = Vec::new();
    for text in current.chain(kept) {
        let next = Known::of(&text).expect("every schema in schemas/avro is valid; a test reads each");
        if known.iter().all(|it| it.fingerprint != next.fingerprint) {
            known.push(next);
        }
    }
    known
});

/// Takes effect once for the process; the default would let one bad length ask for 512 MiB.
pub(super) fn bound_allocations() {
    util::max_allocation_bytes(MAX_ALLOCATION);
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("event_type", &self.event_type).finish_non_exhaustive()
    }
}

impl Known {
    fn of(text: &str) -> Result<Self, String> {
        let schema = Schema::parse_str(text).map_err(|error| error.to_string())?;
        let name = schema.name().map(|name| name.name().to_owned()).unwrap_or_default();
        let event_type = EventType::ALL.iter().find(|it| format!("{it:?}") == name);
        let event_type = *event_type.ok_or_else(|| format!("{name} is the name of no event"))?;
        let fingerprint = fingerprint(&schema);
        // kept for the life of the process, so that its reader can be kept with it
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let resolved = ResolvedSchema::try_from(schema).map_err(|error| error.to_string())?;
        let reader = GenericDatumReader::builder(schema).build().map_err(|error| error.to_string())?;
        Ok(Self { event_type, fingerprint, schema, resolved, reader })
    }

    /// The event of a datum that was written with this schema.
    pub fn event(&self, datum: &[u8]) -> Result<Parts, Refusal> {
        event(self.event_type, to_json(read_datum(&self.reader, datum)?).unwrap_or_default())
    }

    /// The schema that events of this type are written with today.
    pub fn current(event_type: EventType) -> &'static Self {
        // the current schemas come first, in the order of EventType::ALL
        &KNOWN[event_type as usize]
    }

    /// The one that says the same as `schema`.
    pub fn same_as(schema: &Schema) -> Option<&'static Self> {
        let wanted = fingerprint(schema);
        KNOWN.iter().find(|known| known.fingerprint == wanted)
    }

    /// The records that the schema refers to by name.
    pub fn names(&self) -> &NamesRef<'static> {
        self.resolved.get_names()
    }
}

fn fingerprint(schema: &Schema) -> [u8; FINGERPRINT] {
    let mut fingerprint = [0; FINGERPRINT];
    fingerprint.copy_from_slice(&schema.fingerprint::<Rabin>().bytes);
    fingerprint
}

/// Takes a single object apart.
pub(super) fn single_object(value: &[u8]) -> Result<Parts, Refusal> {
    let Some((header, datum)) = value.split_at_checked(MAGIC.len() + FINGERPRINT) else {
        return Err(malformed(
            "is too short for Avro single-object encoding: C3 01, 8 bytes of fingerprint, the datum",
        ));
    };
    let known = KNOWN.iter().find(|known| header.ends_with(&known.fingerprint)).ok_or_else(|| {
        Refusal::decode(
            "unknown_schema",
            "the schema's fingerprint is none that is known; use a schema of schemas/avro",
        )
    })?;
    known.event(datum)
}

fn malformed(what: &str) -> Refusal {
    Refusal::decode("malformed_avro", format!("the value {what}"))
}

/// Reads a datum to its end, which must be its schema's end too.
pub(super) fn read_datum(reader: &GenericDatumReader<'_>, datum: &[u8]) -> Result<Avro, Refusal> {
    let mut datum = Datum { rest: datum, overrun: false };
    let read = reader.read_value(&mut datum);
    if datum.overrun {
        return Err(malformed("ends before its schema does"));
    }
    let read = read.map_err(|_| malformed("is not what its schema says"))?;
    if datum.rest.is_empty() { Ok(read) } else { Err(malformed("goes on after its schema ends")) }
}

/// The event of a record of ours, as JSON.
pub(super) fn event(event_type: EventType, whole: Value) -> Result<Parts, Refusal> {
    let Value::Object(mut fields) = whole else {
        return Err(malformed("is no record"));
    };
    let mut text = |field: &str| match fields.remove(field) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Refusal::decode("missing_field", format!("{field} is missing; every event needs it"))),
    };
    let (id, source) = (text("id")?, text("source")?);
    let time = match fields.remove("time") {
        Some(Value::String(text)) => Moment::Text(text),
        time => Moment::Millis(
            time.as_ref()
                .and_then(Value::as_i64)
                .ok_or_else(|| Refusal::decode("missing_field", "time is missing; every event needs it"))?,
        ),
    };
    let data = fields.remove("data").unwrap_or_default();
    // a header carries the traceparent
    Ok(Parts { id, source, time, event_type, traceparent: None, data })
}

/// A datum that remembers when more was asked of it than it has, and fails in a way that the
/// library does not take for an end: at an end it goes on with nulls.
struct Datum<'a> {
    rest: &'a [u8],
    overrun: bool,
}

impl Read for Datum<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() > self.rest.len() {
            self.overrun = true;
            return Err(io::Error::other("the datum has ended"));
        }
        self.rest.read(buffer)
    }
}

/// The JSON that says the same; what is null is left out.
pub(super) fn to_json(value: Avro) -> Option<Value> {
    Some(match value {
        Avro::Null => return None,
        Avro::Union(_, inner) => return to_json(*inner),
        Avro::Boolean(it) => it.into(),
        Avro::Int(it) => it.into(),
        Avro::Long(it) | Avro::TimestampMillis(it) => it.into(),
        Avro::TimestampMicros(it) => it.div_euclid(1_000).into(),
        Avro::Float(it) => it.into(),
        Avro::Double(it) => it.into(),
        Avro::String(it) | Avro::Enum(_, it) => it.into(),
        Avro::Array(items) => items.into_iter().map(|item| to_json(item).unwrap_or_default()).collect(),
        Avro::Record(fields) => {
            let given = fields.into_iter().filter_map(|(name, value)| Some((name, to_json(value)?)));
            Value::Object(given.collect())
        }
        Avro::Map(fields) => {
            let given = fields.into_iter().filter_map(|(name, value)| Some((name, to_json(value)?)));
            Value::Object(given.collect())
        }
        _ => return None,
    })
}

/// An event in Avro single-object encoding. Its moments are cut to the millisecond; its
/// `traceparent` belongs into a header of the record.
pub fn encode_avro(event: &Event) -> Vec<u8> {
    let known = Known::current(event.body.event_type());
    let data = serde_json::to_value(&event.body).expect("an event has text keys only, so it is always JSON");
    let whole = Map::from_iter([
        ("id".to_owned(), Value::from(event.id.as_str())),
        ("source".to_owned(), Value::from(event.source.as_str())),
        ("time".to_owned(), Value::from(event.time.millis())),
        ("data".to_owned(), data),
    ]);
    let datum = to_avro(&Value::Object(whole), known.schema, known.names());
    let mut bytes = Vec::from(MAGIC);
    bytes.extend_from_slice(&known.fingerprint);
    let writer = GenericDatumWriter::builder(known.schema).build().expect("the schema was read before");
    writer.write_value_ref(&mut bytes, &datum).expect("the schema is made from the type; a test writes each");
    bytes
}

/// The Avro value of this schema that says the same; what is missing takes the schema's default.
pub(super) fn to_avro(value: &Value, schema: &Schema, names: &NamesRef<'_>) -> Avro {
    match (schema, value) {
        (Schema::Ref { name }, _) => match names.get(name) {
            Some(schema) => to_avro(value, schema, names),
            None => Avro::Null,
        },
        (Schema::Union(union), Value::Null) => {
            let null = union.variants().iter().position(|it| matches!(it, Schema::Null));
            Avro::Union(null.unwrap_or_default() as u32, Box::new(Avro::Null))
        }
        (Schema::Union(union), _) => {
            let (at, inner) = union
                .variants()
                .iter()
                .enumerate()
                .find(|(_, it)| !matches!(it, Schema::Null))
                .unwrap_or((0, &Schema::Null));
            Avro::Union(at as u32, Box::new(to_avro(value, inner, names)))
        }
        (Schema::Record(record), _) => {
            let field = |field: &apache_avro::schema::RecordField| {
                let given = value.get(&field.name).or(field.default.as_ref()).unwrap_or(&Value::Null);
                (field.name.clone(), to_avro(given, &field.schema, names))
            };
            Avro::Record(record.fields.iter().map(field).collect())
        }
        (Schema::Array(array), Value::Array(items)) => {
            Avro::Array(items.iter().map(|item| to_avro(item, &array.items, names)).collect())
        }
        (Schema::TimestampMillis, Value::String(text)) => {
            Avro::TimestampMillis(Timestamp::parse(text).map(Timestamp::millis).unwrap_or_default())
        }
        (Schema::TimestampMillis, _) => Avro::TimestampMillis(value.as_i64().unwrap_or_default()),
        (Schema::Long, _) => Avro::Long(value.as_i64().unwrap_or_default()),
        (Schema::Double, _) => Avro::Double(value.as_f64().unwrap_or_default()),
        (Schema::Boolean, _) => Avro::Boolean(value.as_bool().unwrap_or_default()),
        (Schema::String, Value::String(text)) => Avro::String(text.clone()),
        _ => Avro::Null,
    }
}
