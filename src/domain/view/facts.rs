//! The facts that rules see, under the names by which they see them.

use chrono::{FixedOffset, NaiveDate, NaiveTime};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::domain::order::Order;
use crate::domain::shop::Shop;
use crate::domain::time::{Timestamp, Window, in_zone};
use crate::domain::zone;

/// A moment as CEL knows it.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub(super) Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        cel::Timestamp(
            self.0.0.with_timezone(&FixedOffset::east_opt(0).unwrap_or_else(|| unreachable!("zero is an offset"))),
        )
        .serialize(serializer)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The end of a day by the customer's clock, which is looked for only where a condition asks.
#[derive(Clone, Copy, Debug)]
pub struct EndOfDay<'a> {
    pub(super) day: NaiveDate,
    pub(super) order: &'a Order,
    pub(super) shop: &'a Shop,
}

impl Serialize for EndOfDay<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zone = zone::of_recipient(&self.order.customer, &self.order.delivery, self.shop);
        let next = self.day.succ_opt().unwrap_or(self.day).and_time(NaiveTime::MIN);
        Moment(Timestamp(in_zone(next, zone))).serialize(serializer)
    }
}

impl JsonSchema for EndOfDay<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Moment::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Moment::json_schema(generator)
    }
}

/// The event that set the rule going; not there when a deadline or a second look did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventView<'a> {
    /// The event's type, such as `parcel.tracked`.
    #[serde(rename = "type")]
    pub event_type: &'a str,
    pub time: Moment,
    /// The scan's status.
    pub status: Option<&'a str>,
    /// The carrier's own code.
    pub code: Option<&'a str>,
    pub place: Option<&'a str>,
    /// Why, where an event says so.
    pub reason: Option<&'a str>,
    /// With `support.contacted`.
    pub topic: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct WindowView {
    pub earliest: Moment,
    pub latest: Moment,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ItemView<'a> {
    pub sku: &'a str,
    pub name: &'a str,
    pub category: Option<&'a str>,
    pub quantity: u32,
    pub unit_price: f64,
    pub perishable: bool,
    pub cold_chain: bool,
    /// The end of its best-before day, by the customer's clock.
    pub best_before: Option<EndOfDay<'a>>,
    pub bulky: bool,
    /// There is something to tell about its use.
    pub has_usage: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderView<'a> {
    pub id: &'a str,
    pub placed_at: Moment,
    pub currency: &'a str,
    pub total: f64,
    /// `home`, `pickup_point` or `store`.
    pub method: &'a str,
    pub service: Option<&'a str>,
    pub express: bool,
    pub country: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub is_gift: bool,
    /// What there is to worry about: `value`, `perishable`, `bulky`, `urgent`, `cherished`.
    pub concerns: Vec<&'a str>,
    /// It is handed over against a signature.
    pub signature: bool,
    /// The amount for which it is insured on its way.
    pub insured: Option<f64>,
    /// When somebody is to be there for it.
    pub appointment: Option<WindowView>,
    /// The end of the day for which the present is wanted, by the customer's clock.
    pub wanted_by: Option<EndOfDay<'a>>,
    /// The end of the earliest best-before day, by the customer's clock.
    pub best_before: Option<EndOfDay<'a>>,
    pub promise: Option<WindowView>,
    pub first_promise: Option<WindowView>,
    /// Hours by which the shop's last word on the promise differs from the one before; 0 without.
    pub promise_moved_hours: f64,
    pub items: Vec<ItemView<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct JourneyView<'a> {
    /// Where the buyer stands.
    pub phase: &'a str,
    pub cancelled: bool,
    pub collected: bool,
    /// All of the order has reached the buyer.
    pub arrived: bool,
    pub arrived_at: Option<Moment>,
    /// A carrier has announced an arrival that still lies ahead.
    pub expected_later: bool,
    /// A shipment with all or the last of the order has left.
    pub all_shipped: bool,
    pub parcels: usize,
    pub support_contacts: u32,
    /// The messages that the buyer was told.
    pub told: Vec<&'a str>,
    /// The last of them, and when it was decided.
    pub last_told: Option<&'a str>,
    pub last_told_at: Option<Moment>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShipmentView<'a> {
    pub id: &'a str,
    /// `all`, `some` or `last`.
    pub extent: &'a str,
    pub parcels: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ParcelView<'a> {
    pub carrier: &'a str,
    pub tracking_number: &'a str,
    pub epoch: u32,
    /// What is known last.
    pub status: &'a str,
    pub last_scan_at: Moment,
    pub scans: usize,
    /// Nothing more is to come under this number.
    pub over: bool,
    pub arrived: bool,
    pub is_return: bool,
    pub eta: Option<WindowView>,
    /// Hours by which the carrier's last word on the arrival differs from what was expected before.
    pub eta_moved_hours: f64,
    /// It had stopped before its last scan: trouble was reported, or nothing for 20 hours.
    pub was_stopped: bool,
    /// Hours by which the expected arrival is later than what the buyer expects; 0 if it is not.
    pub late_by_hours: f64,
    /// The messages that the buyer was told about this parcel.
    pub told: Vec<&'a str>,
    /// The last message about this parcel or about the order as a whole.
    pub last_told: Option<&'a str>,
}

/// It waits to be collected, at a pickup point or in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HoldView<'a> {
    /// `chosen` or `imposed`.
    pub kind: &'a str,
    pub since: Moment,
    pub until: Option<Moment>,
    /// The point is known by name.
    pub has_point: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ShopView<'a> {
    pub name: &'a str,
    pub country: &'a str,
    pub locale: &'a str,
}

/// All roots together; only for their schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its JSON Schema is used")]
pub struct Everything<'a> {
    event: EventView<'a>,
    order: OrderView<'a>,
    journey: JourneyView<'a>,
    shipment: ShipmentView<'a>,
    parcel: ParcelView<'a>,
    hold: HoldView<'a>,
    shop: ShopView<'a>,
    now: Moment,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self { earliest: Moment(window.earliest), latest: Moment(window.latest) }
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}
