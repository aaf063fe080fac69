//! From a foreign payload to canonical events, by a mapping that is data.
//!
//! An adapter is a YAML file (`config/adapters/`) of expressions over what a platform or a carrier
//! sends. It is read once, every expression compiled and every field held against the schema of the
//! event; from then on it is a pure function. Only what a mapping names is read: there is no way to
//! take an object of the payload over as a whole ([`foreign`]).
//!
//! Platforms send the same payload again, and carriers their whole history each time. So the id of
//! an event is made of what the payload says, never of when it came, and a repetition is known as
//! one (I1).

mod carrier;
mod data;
mod expression;
mod foreign;
mod function;
pub mod library;
mod source;
mod table;

use std::sync::Arc;

use cel::Context;
use cel::common::value::Val;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub use carrier::Carriers;
pub use library::Library;

use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::envelope::{Adapt, Refusal};
use crate::ports::Record;
use data::{Each, Edge, Kind, Object};
use expression::{Expression, Failure};
use foreign::{Foreign, MOST_ELEMENTS};

/// The longest id that an event may have.
const LONGEST_ID: usize = 256;

/// What an adapter says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    pub says: String,
    /// Of the mapping.
    pub version: u64,
    /// Of the source's interface.
    pub api: String,
    /// Where the source's fields and codes are documented.
    pub documented_at: String,
}

/// A mapping from what one source sends to our events.
pub struct Adapter {
    about: About,
    /// For times that name none; `None`: the shop's.
    zone: Option<Tz>,
    takes: Expression,
    ignores: Option<Expression>,
    shop: Expression,
    /// The shop of payloads that name none.
    default_shop: Option<String>,
    names: Names,
    emits: Vec<Emit>,
    /// Functions and tables; a scope within it is made for each payload.
    scope: Context<'static, 'static>,
}

/// Names for parts of a payload, each looked up once.
type Names = Vec<(String, Expression)>;

/// One kind of event that a payload may hold.
struct Emit {
    event_type: EventType,
    /// Lists within lists, from the outside in.
    each: Vec<Each>,
    names: Names,
    when: Option<Expression>,
    id: Vec<Expression>,
    time: Expression,
    subject: Option<Expression>,
    data: Object,
}

/// What of a record expressions may look at, beside its payload.
struct Around {
    headers: Value,
    key: Value,
    topic: Value,
    received: Value,
}

impl Around {
    fn of(record: &Record) -> Self {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map_or(Value::Null, Value::from);
        // the names of HTTP, which know no case, spelled so that an expression can
        let name = |name: &str| name.to_ascii_lowercase().replace('-', "_");
        let headers = record.headers.iter().rev().map(|(key, value)| (name(key), text(value)));
        Self {
            headers: Value::Object(headers.collect()),
            key: record.key.as_deref().map_or(Value::Null, text),
            topic: Value::from(&*record.partition.topic),
            received: record.timestamp.map_or(Value::Null, |at| Timestamp::from_millis(at).to_string().into()),
        }
    }
}

impl Adapter {
    pub fn about(&self) -> &About {
        &self.about
    }

    /// An adapter with its name, as a topic's format names it.
    pub fn named(adapter: &Arc<Self>) -> (String, Arc<dyn Adapt>) {
        (adapter.about.name.clone(), Arc::clone(adapter) as _)
    }

    /// Whether this adapter is for such a payload. A payload that it cannot be asked of is not.
    pub fn takes(&self, payload: &Value, record: &Record) -> bool {
        let around = Around::of(record);
        let holds = self.scope(payload, &around).and_then(|scope| self.takes.holds(&scope));
        holds.unwrap_or(false)
    }

    fn scope<'a>(&'a self, payload: &'a Value, around: &'a Around) -> Result<Context<'a, 'a>, Failure> {
        // functions and tables live as long as the program, and so at least as long as the payload
        let whole: &'a Context<'a, 'a> = &self.scope;
        let mut scope = whole.new_inner_scope();
        let roots = [
            ("payload", payload),
            ("headers", &around.headers),
            ("key", &around.key),
            ("topic", &around.topic),
            ("received", &around.received),
        ];
        for (name, value) in roots {
            scope.add_variable_as_val(name, element(value).map_err(|failure| failure.within(name))?);
        }
        Ok(scope)
    }

    fn events(&self, payload: &Value, record: &Record) -> Result<Vec<Value>, Failure> {
        let around = Around::of(record);
        let mut scope = self.scope(payload, &around)?;
        if !self.takes.holds(&scope).map_err(|failure| failure.within("match"))? {
            return Err(Failure::new("unmatched_payload", "the adapter is not for such a payload"));
        }
        if let Some(ignores) = &self.ignores
            && ignores.holds(&scope).map_err(|failure| failure.within("ignore"))?
        {
            return Ok(Vec::new());
        }
        name_all(&self.names, &mut scope)?;
        let shop = self.shop(&scope).map_err(|failure| failure.within("shop"))?;
        let mut events = Vec::new();
        for emit in &self.emits {
            let name = emit.event_type.as_str();
            let mut one = |scope: &Context<'_, '_>| {
                if events.len() == MOST_ELEMENTS {
                    return Err(Failure::new("too_many", format!("the payload is more than {MOST_ELEMENTS} events")));
                }
                events.extend(self.event(emit, &shop, scope)?);
                Ok(())
            };
            nested(&emit.each, &scope, &mut one).map_err(|failure| failure.within(name))?;
        }
        // some send the newest first; whoever reads events of one record expects a story
        events.sort_by_cached_key(|event| event["time"].as_str().and_then(|time| Timestamp::parse(time).ok()));
        Ok(events)
    }

    fn shop(&self, scope: &Context<'_, '_>) -> Result<String, Failure> {
        let named = Kind::Text.bring(self.shop.value(scope)?, None)?;
        let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
        named.or_else(|| self.default_shop.clone()).ok_or_else(|| {
            let right = "name it in the record's header 'shop', or once for all as adapters.shop";
            Failure::new("missing_field", format!("the payload names no shop; {right}"))
        })
    }

    fn event(&self, emit: &Emit, shop: &str, scope: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
        let mut scope = scope.new_inner_scope();
        name_all(&emit.names, &mut scope)?;
        if let Some(when) = &emit.when
            && !when.holds(&scope).map_err(|failure| failure.within("when"))?
        {
            return Ok(None);
        }
        let moment = Kind::Moment(Edge::Begin);
        let time = emit.time.value(&scope).and_then(|time| moment.bring(time, self.zone));
        let missing = || Failure::new("missing_field", "is missing in the payload");
        let time = time.and_then(|time| time.ok_or_else(missing)).map_err(|failure| failure.within("time"))?;
        let id = id(emit, &scope).map_err(|failure| failure.within("id"))?;
        let mut data = Map::from_iter([("shop".to_owned(), Value::from(shop))]);
        data.extend(emit.data.make(&scope, self.zone)?.unwrap_or_default());
        let mut event = json!({
            "specversion": "1.0",
            "id": id,
            "source": format!("/{}/{shop}", self.about.name),
            "type": emit.event_type.as_str(),
            "time": time,
            "datacontenttype": "application/json",
            "data": data,
        });
        if let Some(subject) = &emit.subject {
            let subject = subject.value(&scope).and_then(|subject| Kind::Text.bring(subject, None));
            if let Some(subject) = subject.map_err(|failure| failure.within("subject"))? {
                event["subject"] = subject;
            }
        }
        Ok(Some(event))
    }
}

impl Adapt for Adapter {
    /// The events that a payload holds, in the order of their times; none, if it is to be ignored.
    ///
    /// # Errors
    /// Why it cannot be mapped: a code that no table lists (`unmapped_code`), a payload that is
    /// not this adapter's (`unmatched_payload`), a field that is missing or of a wrong type
    /// (`missing_field`, `invalid_field`), or too much of it (`too_many`).
    fn adapt(&self, payload: &Value, record: &Record) -> Result<Vec<Value>, Refusal> {
        self.events(payload, record).map_err(|failure| {
            let Failure { cause, at, what } = failure;
            let colon = if at.is_empty() { "" } else { ": " };
            Refusal { stage: "adapt", cause, detail: format!("{}: {at}{colon}{what}", self.about.name) }
        })
    }
}

/// Calls `work` for each element of the innermost list.
fn nested<'v>(
    each: &[Each],
    scope: &Context<'_, 'v>,
    work: &mut dyn FnMut(&Context<'_, 'v>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match each.split_first() {
        Some((outer, inner)) => outer.run(scope, |scope| nested(inner, scope, work)),
        None => work(scope),
    }
}

fn element(value: &Value) -> Result<Box<dyn Val + '_>, Failure> {
    Foreign::value(value)
        .map_err(|_| Failure::new("too_many", format!("a list has more than {MOST_ELEMENTS} elements")))
}

fn name_all(names: &Names, scope: &mut Context<'_, '_>) -> Result<(), Failure> {
    for (name, expression) in names {
        let value = expression.bare(scope).map_err(|failure| failure.within(name))?.into_owned();
        scope.add_variable_as_val(name.as_str(), value);
    }
    Ok(())
}

/// The parts of the id, with what kind of event it is in front: the ids of one source are one
/// space.
fn id(emit: &Emit, scope: &Context<'_, '_>) -> Result<String, Failure> {
    let mut id = emit.event_type.as_str().to_owned();
    let mut known = false;
    for part in &emit.id {
        let part = Kind::Text.bring(part.value(scope)?, None)?;
        known |= part.is_some();
        let part = part.as_ref().and_then(Value::as_str).unwrap_or("-");
        // a part must not run into the next
        id = format!("{id}/{}", part.replace('%', "%25").replace('/', "%2F"));
    }
    if !known {
        return Err(Failure::new("missing_field", "nothing in the payload tells this event from others"));
    }
    if id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        let digest = Sha256::digest(id.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        id = format!("{}/{digest}", emit.event_type.as_str());
    }
    Ok(id)
}
