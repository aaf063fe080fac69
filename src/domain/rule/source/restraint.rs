//! The keys by which a rule holds itself back.

use chrono::Duration;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::super::{CoolDown, Purpose};
use super::Reader;
use crate::domain::time::parse_span;

impl Reader<'_> {
    pub(super) fn cool_downs(&mut self, value: &Value, at: Location) -> Vec<CoolDown> {
        let Some(map) = value.as_object().filter(|map| !map.is_empty()) else {
            self.fault(at, "not_within: spans are needed, such as '6h: [delay]' or '1h: any'", None);
            return Vec::new();
        };
        let mut cool_downs = Vec::new();
        for (span, messages) in map {
            let after = match messages.as_str() {
                Some("any") => Vec::new(),
                _ => self.texts("not_within", messages, at),
            };
            match parse_span(span) {
                Ok(span) => cool_downs.push(CoolDown { span, after }),
                Err(what) => self.fault(at, format!("not_within: {what}"), None),
            }
        }
        cool_downs
    }

    pub(super) fn span(&mut self, key: &str, value: &Spanned<Value>) -> Option<Duration> {
        let text = self.text_of(key, value);
        parse_span(&text).map_err(|what| self.fault(value.referenced, format!("{key}: {what}"), None)).ok()
    }

    pub(super) fn purpose(&mut self, value: &Spanned<Value>) -> Purpose {
        serde_json::from_value(value.value.clone()).unwrap_or_else(|_| {
            self.fault(value.referenced, "purpose: service or marketing is needed", None);
            Purpose::Service
        })
    }

    pub(super) fn flag(&mut self, key: &str, value: &Spanned<Value>) -> bool {
        value.value.as_bool().unwrap_or_else(|| {
            self.fault(value.referenced, format!("{key}: true or false is needed"), None);
            false
        })
    }
}
