//! All that is known of one letter.

use std::process::ExitCode;

use anyhow::Context;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::item::{Item, from, printable};
use super::{Desk, Filter, NOT_FOUND, say};
use crate::dead_letter::{Entry, own_headers, parse_place};
use crate::ports::{DeadLetter, Record};

impl Desk {
    pub(super) fn show(&self, id: &str, value: bool, as_json: bool) -> anyhow::Result<ExitCode> {
        let on_topic = self.topic.as_ref().zip(parse_place(id));
        let found = match on_topic {
            Some((topic, place)) => topic.record(place)?.and_then(|record| match Entry::read(&record) {
                Entry::Letter(letter) => Some((Item::OnTopic(letter), Some(record))),
                Entry::Marker { .. } => None,
            }),
            None => self.stored(id)?,
        };
        let Some((item, record)) = found else {
            eprintln!("reassure: no dead letter has the id {id}");
            return Ok(ExitCode::from(NOT_FOUND));
        };
        let content = if value { self.content(&item)? } else { None };
        let mut told = item.json();
        if let Some(record) = &record {
            told["came_with"] = contents(record, value);
        }
        if let Some(content) = content {
            told["content"] = content;
        }
        if as_json {
            say(&serde_json::to_string_pretty(&told)?);
        } else {
            say(&in_words(&item, &told));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn stored(&self, id: &str) -> anyhow::Result<Option<(Item, Option<Record>)>> {
        let (items, _) = self.find(&Filter::default(), &[id.to_owned()])?;
        let Some(item) = items.into_iter().next() else { return Ok(None) };
        let record = match &item {
            Item::Stored(DeadLetter::Record { id, .. }) => {
                self.runtime.block_on(self.store.dead_record(*id)).context("the store")?
            }
            _ => None,
        };
        Ok(Some((item, record)))
    }

    /// What a message says.
    fn content(&self, item: &Item) -> anyhow::Result<Option<Value>> {
        let Item::Stored(DeadLetter::Notification { id, key, .. }) = item else { return Ok(None) };
        let timeline = self.runtime.block_on(self.store.timeline(key)).context("the store")?;
        let stories = timeline.into_iter().flat_map(|timeline| timeline.notifications);
        Ok(stories.into_iter().find(|story| story.id == *id).map(|story| json!(story.content)))
    }
}

/// What a record came with: sizes, and what it says if that is asked for.
fn contents(record: &Record, value: bool) -> Value {
    let told = |bytes: &Bytes| match std::str::from_utf8(bytes) {
        _ if !value => json!({ "bytes": bytes.len() }),
        Ok(text) => json!({ "bytes": bytes.len(), "text": text }),
        Err(_) => json!({ "bytes": bytes.len(), "base64": BASE64_STANDARD.encode(bytes) }),
    };
    let headers = own_headers(record);
    let headers: Vec<Value> =
        headers.iter().map(|(name, value)| json!({ "name": name, "value": told(value) })).collect();
    json!({
        "key": record.key.as_ref().map(told),
        "headers": headers,
        "value": record.value.as_ref().map(told),
    })
}

fn in_words(item: &Item, told: &Value) -> String {
    let mut lines = match item {
        Item::OnTopic(letter) => vec![
            format!("record     {}", item.id()),
            format!("from       {}", from(letter)),
            format!("published  {}", letter.at.map_or_else(|| "-".to_owned(), |at| at.to_string())),
            format!("stage      {}", printable(letter.stage.as_deref().unwrap_or("-"))),
            format!("cause      {}", printable(letter.cause.as_deref().unwrap_or("-"))),
            format!("detail     {}", printable(letter.detail.as_deref().unwrap_or("-"))),
        ],
        Item::Stored(_) => vec![item.line()],
    };
    let bytes = |it: &Value| -> String {
        let size = format!("{} bytes", it["bytes"]);
        match it["text"].as_str().or(it["base64"].as_str()) {
            Some(text) => format!("{size}: {}", printable(text)),
            None => size,
        }
    };
    if let Some(came_with) = told.get("came_with") {
        lines.push(format!(
            "key        {}",
            came_with.get("key").filter(|it| !it.is_null()).map_or("none".to_owned(), bytes)
        ));
        for header in came_with["headers"].as_array().into_iter().flatten() {
            let name = printable(header["name"].as_str().unwrap_or_default());
            lines.push(format!("header     {name}, {}", bytes(&header["value"])));
        }
        let value = came_with.get("value").filter(|it| !it.is_null());
        lines.push(format!("value      {}", value.map_or("none".to_owned(), bytes)));
    }
    if let Some(content) = told.get("content") {
        lines.push(serde_json::to_string_pretty(content).unwrap_or_default());
    }
    lines.join("\n")
}
