//! Avro whose schema is in a registry, under the wire format of Confluent's clients.
//!
//! The value begins with a byte 0 and the schema's number in four bytes, the highest first; or the
//! header `__value_schema_id` holds a byte 1 and the schema's GUID, and the value is the datum
//! alone. (<https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/>)
//!
//! What is read is what the writer's schema says, matched to ours by Avro's rules: see
//! [`conform`](super::conform).

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{NamesRef, ResolvedSchema};
use apache_avro::types::Value as Avro;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Days, NaiveDate};
use serde_json::{Map, Value};

use super::avro::{self, Known};
use super::frame::Parts;
use super::{Refusal, conform, header};
use crate::domain::event::EventType;
use crate::ports::{Record, Registered, SchemaId};

const NUMBERED: u8 = 0;
const GUID: u8 = 1;
const HEADER: &str = "__value_schema_id";
/// The byte 0 and the number.
const PREFIX: usize = 5;

/// A schema with more parts, spelled out, is not read: it would take a short record to fill the
/// memory.
const MOST_PARTS: usize = 10_000;
const DEEPEST: usize = 64;
/// The longest value of a fixed size.
const LONGEST_FIXED: usize = 1024 * 1024;

/// The schema that the record names.
pub(super) fn id(record: &Record, value: &[u8]) -> Option<SchemaId> {
    guid(record).or_else(|| match value {
        [NUMBERED, a, b, c, d, ..] => Some(SchemaId::Number(u32::from_be_bytes([*a, *b, *c, *d]))),
        _ => None,
    })
}

fn guid(record: &Record) -> Option<SchemaId> {
    match header(record, &[HEADER])? {
        [GUID, guid @ ..] => guid.try_into().ok().map(SchemaId::Guid),
        _ => None,
    }
}

/// What is left of the value once the framing is taken off.
pub(super) fn datum<'a>(record: &Record, value: &'a [u8]) -> &'a [u8] {
    if guid(record).is_some() { value } else { value.get(PREFIX..).unwrap_or_default() }
}

/// The schema, which is there unless no registry is configured.
pub(super) fn schema(known: Option<&WriterSchema>) -> Result<&WriterSchema, Refusal> {
    known.ok_or_else(|| {
        Refusal::decode("no_registry", "the value is Avro whose schema is in a registry; set registry.url to read it")
    })
}

/// The schema that a record was written with, ready to read with.
#[derive(Debug)]
pub struct WriterSchema {
    schema: Schema,
    /// Those that it refers to, each after those that it refers to itself.
    references: Vec<Schema>,
    /// The event whose record it is, by its name.
    event_type: Option<EventType>,
    /// It is one of `schemas/avro`: nothing has to be resolved.
    ours: Option<&'static Known>,
}

impl WriterSchema {
    /// Reads a schema as the registry gave it.
    ///
    /// # Errors
    /// Why nothing can be read with it.
    pub fn parse(registered: &Registered) -> Result<Self, Refusal> {
        let refuse = |what: &str| Refusal::decode("unreadable_schema", format!("the schema in the registry {what}"));
        if !registered.kind.eq_ignore_ascii_case("AVRO") {
            return Err(refuse("is no Avro; only Avro is read"));
        }
        avro::bound_allocations();
        let (schema, references) = Schema::parse_str_with_list(&registered.text, &registered.references)
            .map_err(|_| refuse("is not valid Avro; correct it, or register what it refers to"))?;
        let mut whole = Self { schema, references, event_type: None, ours: None };
        let resolved = whole.resolved().map_err(|_| refuse("refers to a name that it does not have"))?;
        Survey { names: resolved.get_names(), parts: 0 }.look(&whole.schema, 0).map_err(refuse)?;
        drop(resolved);
        let name = whole.schema.name().map(|name| name.name().to_owned());
        whole.event_type = EventType::ALL.iter().copied().find(|it| name.as_deref() == Some(&format!("{it:?}")));
        whole.ours = whole.references.is_empty().then(|| Known::same_as(&whole.schema)).flatten();
        Ok(whole)
    }

    fn resolved(&self) -> apache_avro::AvroResult<ResolvedSchema<'_>> {
        ResolvedSchema::new_with_schemata(self.references.iter().chain([&self.schema]).collect())
    }

    /// The event of a datum.
    pub(super) fn event(&self, datum: &[u8]) -> Result<Parts, Refusal> {
        if let Some(known) = self.ours {
            return known.event(datum);
        }
        let event_type = self.event_type.ok_or_else(|| {
            let names: Vec<String> = EventType::ALL.iter().map(|it| format!("{it:?}")).collect();
            let right = "or name the topic's format in events.topics (json, debezium or an adapter)";
            let detail = format!("the schema's record is none of ours; known are {}; {right}", names.join(", "));
            Refusal::decode("incompatible_schema", detail)
        })?;
        let reader = Known::current(event_type);
        avro::event(event_type, conform::conform(self.json(datum)?, reader.schema, reader.names())?)
    }

    /// The data of a datum that is an event's data alone.
    pub(super) fn data(&self, datum: &[u8], event_type: EventType) -> Result<Value, Refusal> {
        let reader = Known::current(event_type);
        conform::conform_data(self.json(datum)?, reader.schema, reader.names())
    }

    /// The datum as JSON, as its own schema says: moments and days as text, decimals as text with
    /// their digits, bytes as text (in base64 if they are none); what is null is left out.
    ///
    /// # Errors
    /// If the datum is not what its schema says.
    pub fn json(&self, datum: &[u8]) -> Result<Value, Refusal> {
        let unresolved = |_| Refusal::decode("unreadable_schema", "the schema refers to a name that it does not have");
        let resolved = self.resolved().map_err(unresolved)?;
        let names = resolved.get_names().clone();
        let reader = GenericDatumReader::builder(&self.schema).resolved_writer_schemata(resolved).build();
        let read = avro::read_datum(&reader.map_err(unresolved)?, datum)?;
        Ok(plain(read, &self.schema, &names).unwrap_or_default())
    }
}

/// Measures a schema before it is read with: what is recursive, without end or without width is
/// read by nobody who wants to live.
struct Survey<'a> {
    names: &'a NamesRef<'a>,
    parts: usize,
}

impl Survey<'_> {
    /// The least bytes that a value takes.
    fn look(&mut self, schema: &Schema, depth: usize) -> Result<usize, &'static str> {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            return Err("is recursive or has too many parts; spell out less");
        }
        let mut inner = |schema: &Schema| self.look(schema, depth + 1);
        Ok(match schema {
            Schema::Null => 0,
            Schema::Ref { name } => {
                let named = *self.names.get(name).ok_or("refers to a name that it does not have")?;
                self.look(named, depth + 1)?
            }
            Schema::Record(record) => {
                record.fields.iter().map(|field| inner(&field.schema)).sum::<Result<usize, _>>()?
            }
            Schema::Union(union) => {
                union.variants().iter().try_for_each(|variant| inner(variant).map(drop))?;
                1
            }
            Schema::Map(map) => inner(&map.types).map(|_| 1)?,
            Schema::Array(array) if inner(&array.items)? == 0 => {
                return Err("has a list whose elements take no bytes; a few bytes would make it endless");
            }
            Schema::Fixed(fixed) if fixed.size > LONGEST_FIXED => return Err("has a fixed size above 1 MiB"),
            Schema::Fixed(fixed) => fixed.size,
            _ => 1,
        })
    }
}

/// The JSON that says the same.
fn plain(value: Avro, schema: &Schema, names: &NamesRef<'_>) -> Option<Value> {
    if let Schema::Ref { name } = schema {
        return plain(value, names.get(name)?, names);
    }
    Some(match (value, schema) {
        (Avro::Union(at, inner), Schema::Union(union)) => {
            return plain(*inner, union.variants().get(at as usize)?, names);
        }
        (Avro::Record(fields), Schema::Record(record)) => {
            let fields = fields.into_iter().zip(&record.fields);
            let given = fields.filter_map(|((name, value), field)| Some((name, plain(value, &field.schema, names)?)));
            Value::Object(given.collect::<Map<_, _>>())
        }
        (Avro::Map(fields), Schema::Map(map)) => {
            let given = fields.into_iter().filter_map(|(name, value)| Some((name, plain(value, &map.types, names)?)));
            Value::Object(given.collect::<Map<_, _>>())
        }
        (Avro::Array(items), Schema::Array(array)) => {
            items.into_iter().map(|item| plain(item, &array.items, names).unwrap_or_default()).collect()
        }
        (Avro::Decimal(unscaled), Schema::Decimal(decimal)) => {
            let bytes = Vec::try_from(&unscaled).ok()?;
            decimal_text(&bytes, decimal.scale)?.into()
        }
        (Avro::BigDecimal(it), _) => it.to_string().into(),
        (Avro::Uuid(it), _) => it.to_string().into(),
        (Avro::Bytes(bytes) | Avro::Fixed(_, bytes), _) => match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => BASE64_STANDARD.encode(error.as_bytes()).into(),
        },
        (Avro::Date(days), _) => day(days)?.to_string().into(),
        (Avro::TimestampMillis(it), _) => moment(DateTime::from_timestamp_millis(it)?, true),
        (Avro::TimestampMicros(it), _) => moment(DateTime::from_timestamp_micros(it)?, true),
        (Avro::TimestampNanos(it), _) => moment(DateTime::from_timestamp_nanos(it), true),
        (Avro::LocalTimestampMillis(it), _) => moment(DateTime::from_timestamp_millis(it)?, false),
        (Avro::LocalTimestampMicros(it), _) => moment(DateTime::from_timestamp_micros(it)?, false),
        (Avro::LocalTimestampNanos(it), _) => moment(DateTime::from_timestamp_nanos(it), false),
        (Avro::TimeMillis(it), _) => it.into(),
        (Avro::TimeMicros(it), _) => it.into(),
        (value, _) => return avro::to_json(value),
    })
}

/// A local moment stays without a zone: it is the shop's.
fn moment(moment: DateTime<chrono::Utc>, zoned: bool) -> Value {
    let zone = if zoned { "Z" } else { "" };
    format!("{}{zone}", moment.format("%Y-%m-%dT%H:%M:%S%.f")).into()
}

fn day(days: i32) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    let span = Days::new(days.unsigned_abs().into());
    if days < 0 { epoch.checked_sub_days(span) } else { epoch.checked_add_days(span) }
}

/// A decimal out of its unscaled value in two's complement, the highest byte first.
fn decimal_text(bytes: &[u8], scale: usize) -> Option<String> {
    const WIDTH: usize = size_of::<i128>();
    if bytes.len() > WIDTH || scale > 2 * WIDTH {
        return None;
    }
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut wide = [if negative { 0xFF } else { 0 }; WIDTH];
    wide[WIDTH - bytes.len()..].copy_from_slice(bytes);
    let unscaled = i128::from_be_bytes(wide);
    let digits = format!("{:0>1$}", unscaled.unsigned_abs(), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if negative { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}
