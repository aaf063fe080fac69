//! One order's events, written down one after the other.

use serde_json::{Value, json};

use super::goods::{self, Buyer};
use crate::domain::time::{Timestamp, parse_span};

/// A Monday morning in Paris.
const BEGIN: &str = "2026-03-09T08:00:00+01:00";

/// One order's events.
pub struct Tale {
    pub shop: &'static str,
    pub order: &'static str,
    pub begin: Timestamp,
    pub carrier: &'static str,
    pub number: String,
    pub events: Vec<Value>,
}

impl Tale {
    /// An order placed so long after the begin of the play.
    pub fn new(order: &'static str, after: &str, buyer: Buyer, goods: Value, more: Value) -> Self {
        let shop = match &order[..2] {
            "ML" => "maison-lumen",
            "LG" => "lumen-goods",
            _ => "atelier-nord",
        };
        let carrier = match shop {
            "maison-lumen" => "colissimo",
            "lumen-goods" => "royal-mail",
            _ => "postes-canada",
        };
        let begin = Timestamp::parse(BEGIN).unwrap_or(Timestamp::from_millis(0)).plus(span(after));
        let number = format!("{}{}0{}", carrier[..2].to_uppercase(), 4_410 + order.len(), &order[3..]);
        let mut tale = Self { shop, order, begin, carrier, number, events: Vec::new() };
        let mut data = goods::order(tale.shop, order, &buyer, goods);
        if let (Some(data), Some(more)) = (data.as_object_mut(), more.as_object()) {
            data.extend(more.clone());
        }
        if data.get("promise").is_none_or(Value::is_null) {
            data["promise"] = tale.window("2d", "4d");
        }
        tale.push("0s", "order.placed", data);
        tale
    }

    pub fn at(&self, after: &str) -> Timestamp {
        self.begin.plus(span(after))
    }

    pub fn window(&self, from: &str, until: &str) -> Value {
        json!({ "earliest": self.at(from), "latest": self.at(until) })
    }

    pub fn push(&mut self, after: &str, event_type: &str, mut data: Value) {
        if let Some(data) = data.as_object_mut() {
            data.insert("shop".to_owned(), self.shop.into());
            let is_carriers = event_type.starts_with("parcel.") || event_type.starts_with("customer.");
            if !is_carriers {
                data.insert("order_id".to_owned(), self.order.into());
            }
        }
        let id = format!("{}-{}", self.order, self.events.len() + 1);
        let source = if event_type.starts_with("parcel.") {
            format!("/carriers/{}", self.carrier)
        } else {
            format!("/shops/{}", self.shop)
        };
        self.events.push(json!({
            "specversion": "1.0", "id": id, "source": source, "type": event_type,
            "time": self.at(after), "datacontenttype": "application/json", "data": data,
        }));
    }

    pub fn order(mut self, after: &str, step: &str) -> Self {
        self.push(after, &format!("order.{step}"), json!({}));
        self
    }

    pub fn order_with(mut self, after: &str, step: &str, data: Value) -> Self {
        self.push(after, &format!("order.{step}"), data);
        self
    }

    pub fn event(mut self, after: &str, event_type: &str, data: Value) -> Self {
        self.push(after, event_type, data);
        self
    }

    pub fn shipped(self, after: &str) -> Self {
        self.shipped_as(after, "all", 1, json!([]))
    }

    /// A shipment with one parcel, the `which`-th number of this order.
    pub fn shipped_as(mut self, after: &str, extent: &str, which: usize, lines: Value) -> Self {
        let parcel = self.parcel(which);
        let shipment = format!("{}-S{which}", self.order);
        self.push(
            after,
            "shipment.created",
            json!({ "shipment_id": shipment, "extent": extent, "items": lines, "parcels": [parcel] }),
        );
        self
    }

    pub fn parcel(&self, which: usize) -> Value {
        let number = format!("{}{which}", self.number);
        let url = format!("https://{}.example/track/{number}", self.carrier);
        json!({ "carrier": self.carrier, "tracking_number": number, "tracking_url": url })
    }

    pub fn scan(self, after: &str, status: &str) -> Self {
        self.scan_with(after, status, 1, json!({}))
    }

    pub fn scan_with(mut self, after: &str, status: &str, which: usize, more: Value) -> Self {
        let mut data =
            json!({ "carrier": self.carrier, "tracking_number": format!("{}{which}", self.number), "status": status });
        if let (Some(data), Some(more)) = (data.as_object_mut(), more.as_object()) {
            data.extend(more.clone());
        }
        self.push(after, "parcel.tracked", data);
        self
    }

    /// The last event arrives so much later than it happened.
    pub fn learnt(mut self, after: &str) -> Self {
        let at = self.at(after);
        if let Some(event) = self.events.last_mut() {
            event["recordedtime"] = json!(at);
        }
        self
    }

    /// The last event is published twice.
    pub fn twice(mut self) -> Self {
        self.events.extend(self.events.last().cloned());
        self
    }

    pub fn held(self, after: &str, until: &str, code: Option<&str>) -> Self {
        let until = self.at(until);
        let hold = json!({ "point": goods::point(self.shop), "until": until, "code": code, "id_required": true });
        self.scan_with(after, "held_at_pickup", 1, json!({ "hold": hold }))
    }
}

fn span(text: &str) -> chrono::Duration {
    parse_span(text).unwrap_or_default()
}

impl Tale {
    pub fn promised(mut self, from: &str, until: &str) -> Self {
        let window = self.window(from, until);
        if let Some(event) = self.events.first_mut() {
            event["data"]["promise"] = window;
        }
        self
    }

    pub fn by_appointment(mut self, from: &str, until: &str) -> Self {
        let window = self.window(from, until);
        if let Some(event) = self.events.first_mut() {
            event["data"]["delivery"]["appointment"] = window;
        }
        self
    }

    pub fn revised(self, after: &str, from: &str, until: &str) -> Self {
        let window = self.window(from, until);
        self.order_with(after, "updated", json!({ "promise": window }))
    }

    pub fn event_of_parcel(self, after: &str, until: &str, reason: &str) -> Self {
        let window = self.window("5d", until);
        let number = format!("{}1", self.number);
        let data = json!({ "carrier": self.carrier, "tracking_number": number, "eta": window, "reason": reason });
        self.event(after, "parcel.eta_changed", data)
    }

    pub fn ready(self, after: &str, until: &str) -> Self {
        let until = self.at(until);
        self.order_with(
            after,
            "ready_for_collection",
            json!({ "point": goods::store(), "until": until, "code": "R-118" }),
        )
    }

    pub fn replaced(self, after: &str) -> Self {
        let shipment = format!("{}-S1", self.order);
        let old = json!({ "carrier": self.carrier, "tracking_number": format!("{}1", self.number) });
        let new = self.parcel(2);
        self.event(after, "shipment.replaced", json!({ "shipment_id": shipment, "replaced": old, "replacement": new }))
    }

    pub fn support(self, after: &str) -> Self {
        self.event(after, "support.contacted", json!({ "channel": "email", "topic": "where_is_my_order" }))
    }
}
