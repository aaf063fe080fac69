//! The events that an adapter emits, held against the schemas of their types.

use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::{Fields, Reader};
use crate::adapter::data::{Each, Edge, Field, Kind, Node, Object};
use crate::adapter::{Emit, Names};
use crate::domain::event::EventType;
use crate::domain::written::yaml::Yaml;
use crate::schema::{DataSchema, kind_of, vocabulary, without_null};

const KEYS: [&str; 8] = ["type", "each", "let", "when", "id", "time", "subject", "data"];

impl Reader<'_> {
    pub(super) fn emit(&mut self, source: Spanned<Yaml>, outer: &[String]) -> Option<Emit> {
        let begin = source.referenced;
        let mut fields = self.mapping("emit", source);
        for (key, _) in fields.iter().filter(|(key, _)| !KEYS.contains(&key.value.as_str())) {
            let what = format!("an event has no '{}'", key.value);
            self.unknown(key.referenced, what, &key.value, KEYS.into_iter());
        }
        for key in ["type", "id", "time", "data"] {
            if !fields.iter().any(|(known, _)| known.value == key) {
                self.fault(begin, format!("the event has no '{key}'"), None);
            }
        }
        let mut names = outer.to_vec();
        let event_type = take(&mut fields, "type").and_then(|value| self.event_type(&value));
        let each = match take(&mut fields, "each") {
            Some(Spanned { value: Yaml::List(lists), .. }) => {
                lists.iter().filter_map(|value| self.each(value, &mut names)).collect()
            }
            Some(one) => self.each(&one, &mut names).into_iter().collect(),
            None => Vec::new(),
        };
        let own: Names = take(&mut fields, "let").map(|value| self.names(value, &mut names)).unwrap_or_default();
        let mut part = |key: &str| take(&mut fields, key).and_then(|value| self.expression(key, &value, &names));
        let (when, time, subject) = (part("when"), part("time"), part("subject"));
        let id = match take(&mut fields, "id") {
            Some(Spanned { value: Yaml::List(parts), .. }) => {
                parts.iter().filter_map(|part| self.expression("id", part, &names)).collect()
            }
            Some(one) => self.expression("id", &one, &names).into_iter().collect(),
            None => Vec::new(),
        };
        let event_type = event_type?;
        let schema = DataSchema::of(event_type);
        let data = take(&mut fields, "data").map(|value| {
            let at = value.referenced;
            let fields = self.mapping("data", value);
            Shape { schema, names }.object(self, "", &schema.data, fields, at)
        });
        Some(Emit { event_type, each, names: own, when, id, time: time?, subject, data: data? })
    }

    fn event_type(&mut self, value: &Spanned<Yaml>) -> Option<EventType> {
        let name = self.text("type", value);
        let known = EventType::parse(&name);
        if known.is_none() {
            let names = EventType::ALL.iter().map(|known| known.as_str());
            self.unknown(value.referenced, format!("there is no event type '{name}'"), &name, names);
        }
        known
    }

    /// `<name> in <list>`
    fn each(&mut self, value: &Spanned<Yaml>, names: &mut Vec<String>) -> Option<Each> {
        let text = self.text("each", value);
        let Some((name, list)) = text.split_once(" in ") else {
            let right = "write it as 'scan in payload.scans'".to_owned();
            self.fault(value.referenced, "each: a name and a list are needed", Some(right));
            return None;
        };
        let list = self.compile(list, value.referenced, names);
        let name = name.trim().to_owned();
        self.own_name(
            &Spanned { value: name.clone(), ..Spanned::new(name.clone(), value.referenced, value.defined) },
            names,
        );
        Some(Each { name, list: list? })
    }
}

/// Takes the value of a key out.
fn take(fields: &mut Fields, key: &str) -> Option<Spanned<Yaml>> {
    let at = fields.iter().position(|(known, _)| known.value == key)?;
    Some(fields.remove(at).1)
}

/// A part of an event's schema, and the names that its expressions may use.
struct Shape {
    schema: &'static DataSchema,
    names: Vec<String>,
}

impl Shape {
    fn object(
        &self,
        reader: &mut Reader<'_>,
        path: &str,
        schema: &'static Value,
        mut given: Fields,
        at: Location,
    ) -> Object {
        let event = self.schema.name;
        let when = take(&mut given, "when").and_then(|value| reader.expression("when", &value, &self.names));
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for name in &required {
            // the shop is the adapter's own concern
            if *name != "shop" && !given.iter().any(|(key, _)| key.value == *name) {
                reader.fault(at, format!("{event} needs '{path}{name}'"), None);
            }
        }
        let Some(properties) = schema["properties"].as_object() else { return Object { when, fields: Vec::new() } };
        let mut fields = Vec::new();
        for (key, value) in given {
            let Some(property) = properties.get(&key.value).filter(|_| key.value != "shop") else {
                let known = properties.keys().map(String::as_str).filter(|name| *name != "shop");
                let what = format!("{event} has no field '{path}{}'", key.value);
                reader.unknown(key.referenced, what, &key.value, known);
                continue;
            };
            let path = format!("{path}{}", key.value);
            if let Some(node) = self.node(reader, &path, property, value) {
                fields.push(Field { required: required.contains(&key.value.as_str()), name: key.value, node });
            }
        }
        Object { when, fields }
    }

    fn node(
        &self,
        reader: &mut Reader<'_>,
        path: &str,
        property: &'static Value,
        value: Spanned<Yaml>,
    ) -> Option<Node> {
        let resolved = self.schema.resolve(without_null(property).0);
        let at = value.referenced;
        match (kind_of(resolved), value.value) {
            (Some("object"), Yaml::Mapping(fields)) => {
                Some(Node::Object(self.object(reader, &format!("{path}."), resolved, fields, at)))
            }
            (Some("object"), other) => {
                let what = format!("{path}: its fields are needed, not {}", other.kind());
                reader.fault(at, what, Some("an object of the payload is never taken over as a whole".to_owned()));
                None
            }
            (Some("array"), Yaml::List(elements)) => {
                let items = &resolved["items"];
                let nodes = elements.into_iter().filter_map(|element| self.node(reader, path, items, element));
                Some(Node::List(nodes.collect()))
            }
            (Some("array"), Yaml::Mapping(fields)) => self.for_each(reader, path, &resolved["items"], fields, at),
            (_, Yaml::Mapping(fields)) => self.fixed(reader, path, resolved, fields, at),
            (_, Yaml::Text(source)) => {
                let kind = self.kind(path, resolved);
                let Some(kind) = kind else {
                    reader.fault(at, format!("{path}: write 'each: … in …' and the fields of each"), None);
                    return None;
                };
                let expression = reader.compile(&source, at, &self.names)?;
                Some(Node::Leaf { expression, kind })
            }
            (_, Yaml::Truth(truth)) => self.constant(reader, path, resolved, Value::Bool(truth), at),
            (_, Yaml::Number(number)) => self.constant(reader, path, resolved, Value::Number(number), at),
            (_, other) => {
                reader.fault(at, format!("{path}: an expression is needed, not {}", other.kind()), None);
                None
            }
        }
    }

    /// One object for each element of a list.
    fn for_each(
        &self,
        reader: &mut Reader<'_>,
        path: &str,
        items: &'static Value,
        mut fields: Fields,
        at: Location,
    ) -> Option<Node> {
        let resolved = self.schema.resolve(without_null(items).0);
        let Some(each) = take(&mut fields, "each").filter(|_| kind_of(resolved) == Some("object")) else {
            let right = "write 'each: line in payload.lines' and the fields of each, or a list".to_owned();
            reader.fault(at, format!("{path}: is a list"), Some(right));
            return None;
        };
        let mut names = self.names.clone();
        let each = reader.each(&each, &mut names);
        let inner = Shape { schema: self.schema, names };
        let object = inner.object(reader, &format!("{path}[]."), resolved, fields, at);
        Some(Node::Each { each: each?, object })
    }

    /// `{ is: <word> }`
    fn fixed(
        &self,
        reader: &mut Reader<'_>,
        path: &str,
        resolved: &'static Value,
        mut fields: Fields,
        at: Location,
    ) -> Option<Node> {
        match (take(&mut fields, "is"), fields.as_slice()) {
            (Some(Spanned { value: Yaml::Text(text), .. }), []) => {
                self.constant(reader, path, resolved, Value::String(text), at)
            }
            _ => {
                let right = "write an expression, or '{ is: <the value itself> }'".to_owned();
                reader.fault(at, format!("{path}: is no object"), Some(right));
                None
            }
        }
    }

    fn constant(
        &self,
        reader: &mut Reader<'_>,
        path: &str,
        resolved: &'static Value,
        value: Value,
        at: Location,
    ) -> Option<Node> {
        match self.kind(path, resolved)?.bring(value, None) {
            Ok(value) => value.map(Node::Fixed),
            Err(failure) => {
                reader.fault(at, format!("{path}: it {}", failure.what), None);
                None
            }
        }
    }

    /// What the schema wants there; `None` for objects and lists of objects.
    fn kind(&self, path: &str, resolved: &Value) -> Option<Kind> {
        let words = vocabulary(resolved);
        let edge = if path.ends_with("latest") || path.ends_with("until") { Edge::End } else { Edge::Begin };
        Some(match kind_of(resolved) {
            Some("object") => return None,
            Some("array") => {
                let items = self.schema.resolve(without_null(&resolved["items"]).0);
                Kind::ListOf(Box::new(self.kind(path, items)?))
            }
            Some("boolean") => Kind::Truth,
            Some("integer") => Kind::Whole,
            _ if resolved["format"] == "date-time" => Kind::Moment(edge),
            _ if resolved["format"] == "date" => Kind::Day,
            _ if resolved.get("pattern").is_some() => Kind::Amount,
            _ if !words.is_empty() => Kind::Word(words.into_iter().map(str::to_owned).collect()),
            _ => Kind::Text,
        })
    }
}
