//! What the sink received, read as messages.

use reassure::sandbox::{Received, Vendor};
use serde_json::Value;

/// A request that the sink received, read as the message that it carries.
#[derive(Clone, Debug)]
pub struct Message {
    pub order: String,
    pub name: String,
    pub vendor: Vendor,
    pub received: Received,
}

impl Message {
    pub fn new(received: Received) -> Self {
        let body: Value = serde_json::from_str(&received.body).unwrap_or_default();
        let name = match received.vendor {
            Vendor::Webhook => &body["type"],
            Vendor::BrevoSms => &body["tag"],
            _ => &body["tags"][0]["value"],
        };
        // orders of these tests are Z and figures, and nothing else is
        let order = received.body.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
            word.strip_prefix('Z').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        });
        Self {
            order: order.unwrap_or("?").to_owned(),
            name: name.as_str().unwrap_or("?").to_owned(),
            vendor: received.vendor,
            received,
        }
    }

    pub fn is(&self, order: &str, name: &str, vendor: Vendor) -> bool {
        self.order == order && self.name == name && self.vendor == vendor
    }
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Received { status, taken, received_at, key, .. } = &self.received;
        write!(f, "{received_at} {} {} {:?} {status} taken={taken} {key}", self.order, self.name, self.vendor)
    }
}
