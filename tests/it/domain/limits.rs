//! When nothing may be said, tried on thousands of generated journeys.

use std::cell::Cell;
use std::sync::Arc;

use anyhow::{Result, ensure};
use chrono::{Datelike, Timelike, Weekday};
use chrono_tz::{Europe, Tz};
use reassure::domain::order::{Channel, Order};
use reassure::domain::party::Party;
use reassure::domain::step::Transition;
use serde_json::json;

use super::journeys::Life;
use super::story::{rules, shop_with};
use crate::generated::always;

/// Where the generated orders go; a country with several zones goes by the shop's, and so does who gives
/// a present.
fn zone_of(order: &Order, to: Party) -> Tz {
    let gives = to == Party::Buyer && order.gift.is_some();
    if order.delivery.country() == Some("GB") && !gives { Europe::London } else { Europe::Paris }
}

/// No message in quiet hours, whoever hears it, unless the rule overrides them.
#[test]
fn nothing_is_said_in_quiet_hours_without_the_override() {
    let hours = "21:00-08:00, sunday";
    let shop = shop_with(json!({ "quiet_hours": { "email": hours, "sms": hours } }));
    let rules = rules().for_shop(Arc::new(shop));
    let (sent, waited) = (Cell::new(0), Cell::new(0));
    always(2_000, |case| {
        let mut check = |life: &Life, taken: &Transition| -> Result<()> {
            for notification in &taken.notifications {
                let rule = life.rules.get(&notification.rule);
                let to = rule.map(|rule| rule.to).unwrap_or_default();
                let local = life.now.in_zone(zone_of(&taken.journey.order, to));
                let is_quiet = !(8..21).contains(&local.hour()) || local.weekday() == Weekday::Sun;
                let may = notification.channel == Channel::Webhook || rule.is_some_and(|rule| rule.ignores_quiet_hours);
                ensure!(may || !is_quiet, "{} rings at {local} by {}", notification.rule, notification.channel);
                sent.set(sent.get() + 1);
            }
            waited.set(waited.get() + taken.journey.deferred.len());
            Ok(())
        };
        let mut life = Life::with(rules.clone());
        for recorded in &case.events {
            life.record(recorded, &mut check)?;
        }
        life.pass(life.now.plus(chrono::Duration::days(60)), &mut check)
    });
    assert!(sent.get() > 5_000 && waited.get() > 1_000, "{} sent, {} waited", sent.get(), waited.get());
}
