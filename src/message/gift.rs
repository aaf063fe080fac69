//! What a present must not give away: the recipient is told that something comes, when and where, and
//! neither what it cost nor what it is.

use serde_json::Value;

/// All that the recipient's letter has, by its path; with a path, all that is below it. What templates
/// come to see one day stays a secret until it stands here.
const SHOWN: [&str; 36] = [
    "locale",
    "zone",
    "title",
    "message",
    "shop",
    "customer",
    "order.id",
    "order.placed_at",
    "order.delivery.is_home",
    "order.delivery.is_pickup_point",
    "order.delivery.is_store",
    "order.delivery.address",
    "order.delivery.point",
    "order.delivery.appointment",
    "order.delivery.needs_signature",
    "order.promise",
    "order.gift",
    "order.is_split",
    "arrival",
    // safety comes before the surprise
    "keep_cold",
    "shipment.is_all",
    "shipment.is_some",
    "shipment.is_last",
    "shipment.left_at",
    "parcel",
    "parcels",
    "several_parcels",
    "together",
    "together_count",
    "delay.before",
    "delay.after",
    "delay.is_overdue",
    "delay.is_damaged",
    "delay.is_sooner",
    "hold",
    "delivered",
];

/// Leaves in the facts what does not spoil it. A template that uses more cannot be written.
pub fn keep_secret(facts: &mut Value) {
    prune(facts, "");
}

fn prune(facts: &mut Value, within: &str) {
    let Value::Object(facts) = facts else { return };
    facts.retain(|name, fact| {
        let path = if within.is_empty() { name.clone() } else { format!("{within}.{name}") };
        if SHOWN.contains(&&*path) {
            return true;
        }
        let leads_on = SHOWN.iter().any(|shown| shown.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.')));
        if leads_on {
            prune(fact, &path);
        }
        leads_on
    });
}

#[cfg(test)]
mod tests {
    use handlebars::Context;

    use super::*;
    use crate::domain::contact::Recipient;
    use crate::domain::order::Channel;
    use crate::message::sample::{self, for_recipient};
    use crate::message::{Letter, Scene};

    /// Whatever a template asks for, of whatever journey.
    #[test]
    fn nothing_that_is_left_names_the_goods_or_a_sum() {
        let mut hidden = 0;
        for sample in sample::all() {
            let sample = for_recipient(sample, "gift_arriving");
            let letter = Letter {
                shop_id: "shop",
                shop: &sample.shop,
                journey: &sample.journey,
                subject: &sample.subject,
                message: "gift_arriving",
                channel: Channel::Email,
                recipient: &Recipient::Email("louise@example.org".into()),
                notification: &sample::notification(),
                now: sample.now,
            };
            let mut facts = Context::wraps(Scene::new(&letter, "en", None)).expect("facts").data().clone();
            let is_told = |facts: &Value, secret: &str| facts.to_string().contains(secret);
            let goods = sample.journey.order.items.iter().map(|item| &*item.name);
            let secrets: Vec<&str> = goods.chain(["\"currency\"", "\"quantity\"", "\"packaging\""]).collect();
            hidden += secrets.iter().filter(|secret| is_told(&facts, secret)).count();
            keep_secret(&mut facts);
            for secret in secrets {
                assert!(!is_told(&facts, secret), "{}: {secret} in {facts:#}", sample.name);
            }
            assert!(facts.pointer("/order/id").is_some() && facts.pointer("/shop/name").is_some(), "{facts:#}");
        }
        assert!(hidden > 50, "only {hidden} secrets were there to keep");
    }
}
