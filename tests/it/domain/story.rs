//! Stories: an order, what happens to it line by line, and what the rules make of it, as one text.
//!
//! A line is `<when> <what>`. `+1d12h` counts from the start; `+5d@+1d` arrives at +5d and
//! happened at +1d. Deadlines fall due by themselves as time goes on. What there is to say:
//!
//! ```text
//! confirmed | preparing | packed | collected | cancelled | refunded | erased | support
//! ready [until=+9d]
//! update [promise=+5d] [method=pickup_point] [url=u] [item=sku] [gift=name [email=a@b.c]]
//! customer [email=a@b.c] [phone=+33…] [channels=email,sms] [marketing=email]   `none` is white space
//! ship S1 all A1 A2 [eta=+3d]          replace S1 A1 A2
//! scan A1 in_transit [code=X] [until=+9d] [eta=+4d] [to=neighbour] [notified=true]          eta A1 +5d
//! again                                the line before once more, as an event of its own
//! repeated                             the line before once more, as the same event
//! wait                                 nothing but time
//! look <rule>                          a second look at what the rule sent last
//! withdraw <rule> <reason>             … which then does not leave
//! receipt <rule> <channel> <receipt>   what is heard of the rule's last message on that channel
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use reassure::domain::apply::begin;
use reassure::domain::decision::{Cause, Reason, Verdict};
use reassure::domain::event::{Body, Event, OrderPlaced};
use reassure::domain::journey::{Journey, ParcelKey, Subject};
use reassure::domain::notification::Notification;
use reassure::domain::order::Order;
use reassure::domain::receipt::{Receipt, Received};
use reassure::domain::rule::RuleSet;
use reassure::domain::shop::Shop;
use reassure::domain::spending::Elsewhere;
use reassure::domain::step::{Input, Moment, Obstacle, Transition, step, still_holds};
use reassure::domain::time::{Timestamp, parse_span, spell_span};
use serde_json::{Map, Value, json};

use super::shop::lay;
pub use super::shop::{shop, shop_with};

/// A Monday morning.
const START: i64 = 1_772_438_400_000;

/// The moment so long after the start: `+1d12h`, `-2h`.
pub fn at(text: &str) -> Timestamp {
    let start = Timestamp::from_millis(START);
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some("0"), _) => start,
        (Some(span), _) => start.plus(parse_span(span).expect(text)),
        (_, Some(span)) => start.plus(-parse_span(span).expect(text)),
        _ => panic!("'{text}' is no moment"),
    }
}

pub fn spell(at: Timestamp) -> String {
    let since = at.since(Timestamp::from_millis(START));
    let sign = if since < chrono::Duration::zero() { '-' } else { '+' };
    format!("{sign}{}", spell_span(since).replace(' ', "")).replace("+0s", "+0")
}

/// The default rules, read once.
pub fn rules() -> RuleSet {
    static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
        RuleSet::new(reassure::rules::load(None).expect("the default rules have no fault"), Arc::new(shop()))
    });
    RULES.clone()
}

/// Rules of the test's own, for the same shop.
pub fn own_rules(yaml: &str) -> RuleSet {
    own_rules_of(yaml, shop())
}

/// Rules of the test's own, for a shop of its own.
pub fn own_rules_of(yaml: &str, shop: Shop) -> RuleSet {
    RuleSet::new(reassure::domain::rule::parse("own.yaml", yaml).expect("rules without a fault"), Arc::new(shop))
}

/// An order to come home within four days; `changes` are laid over it.
pub fn order_with(changes: Value) -> Order {
    let mut order = json!({
        "customer": {
            "id": "c-1", "name": "Ada Lovelace", "email": "ada@example.org", "phone": "+33612345678"
        },
        "currency": "EUR",
        "items": [{ "sku": "CUP", "name": "Cup", "quantity": 1, "unit_price": "50.00" }],
        "totals": { "items": "50.00", "total": "50.00" },
        "delivery": { "method": "home" },
        "promise": { "earliest": at("+2d"), "latest": at("+4d") }
    });
    lay(changes, &mut order);
    serde_json::from_value(order).expect("an order")
}

pub fn order() -> Order {
    order_with(json!({}))
}

pub fn collected_at(method: &str) -> Order {
    order_with(json!({ "delivery": { "method": method } }))
}

/// The event of a line (without its moment).
pub fn event(what: &str, id: &str, time: Timestamp) -> Event {
    let words: Vec<&str> = what.split_whitespace().collect();
    let plain: Vec<&str> = words.iter().skip(1).copied().filter(|word| !word.contains('=')).collect();
    let given: BTreeMap<&str, &str> = words.iter().filter_map(|word| word.split_once('=')).collect();
    let window = |text: &str| json!({ "earliest": at(text).plus(chrono::Duration::hours(-2)), "latest": at(text) });
    let parcel = |number: &str| json!({ "carrier": "colissimo", "tracking_number": number });
    let mut data = Map::from_iter([("shop".to_owned(), json!("atelier")), ("order_id".to_owned(), json!("R1"))]);
    let mut put = |key: &str, value: Option<Value>| data.extend(value.map(|value| (key.to_owned(), value)));
    let kind = match words[0] {
        "confirmed" => "order.confirmed",
        "preparing" => "order.preparing",
        "packed" => "order.packed",
        "collected" => "order.collected",
        "cancelled" => "order.cancelled",
        "support" => "support.contacted",
        "refunded" => {
            put("amount", Some(json!("10.00")));
            "order.refunded"
        }
        "erased" => {
            put("customer_id", Some(json!("c-1")));
            "customer.erased"
        }
        "ready" => {
            put("until", given.get("until").map(|until| json!(at(until))));
            "order.ready_for_collection"
        }
        "update" => {
            let recipient = given.get("email").map(|email| json!({ "email": email }));
            let gift = |name| json!({ "recipient_name": name, "recipient": recipient });
            put("promise", given.get("promise").map(|promise| window(promise)));
            put("delivery", given.get("method").map(|method| json!({ "method": method })));
            put("order_url", given.get("url").map(|url| json!(url)));
            put("gift", given.get("gift").map(gift));
            let item = |sku| json!([{ "sku": sku, "name": "Cup", "quantity": 1, "unit_price": "5" }]);
            put("items", given.get("item").map(item));
            "order.updated"
        }
        "customer" => {
            let mut customer = Map::from_iter([("id".to_owned(), json!("c-1"))]);
            for (key, value) in &given {
                let value = match *key {
                    "channels" | "marketing" => {
                        json!(value.split(',').filter(|name| !name.is_empty()).collect::<Vec<_>>())
                    }
                    _ if *value == "none" => json!("  "),
                    _ => json!(value),
                };
                customer.insert((*key).to_owned(), value);
            }
            put("customer", Some(Value::Object(customer)));
            "customer.updated"
        }
        "ship" => {
            put("shipment_id", Some(json!(plain[0])));
            put("extent", Some(json!(plain[1])));
            put("parcels", Some(plain[2..].iter().map(|number| parcel(number)).collect()));
            put("eta", given.get("eta").map(|eta| window(eta)));
            "shipment.created"
        }
        "replace" => {
            put("shipment_id", Some(json!(plain[0])));
            put("replaced", Some(parcel(plain[1])));
            put("replacement", Some(parcel(plain[2])));
            "shipment.replaced"
        }
        "scan" | "eta" => {
            put("carrier", Some(json!("colissimo")));
            put("tracking_number", Some(json!(plain[0])));
            if words[0] == "eta" {
                put("eta", Some(window(plain[1])));
            } else {
                put("status", Some(json!(plain[1])));
                put("eta", given.get("eta").map(|eta| window(eta)));
                put("code", given.get("code").map(|code| json!(code)));
                put("notified_by_carrier", given.get("notified").map(|notified| json!(*notified == "true")));
                put("delivered_to", given.get("to").map(|to| json!(to)));
                put("hold", given.get("until").map(|until| json!({ "until": at(until) })));
            }
            if words[0] == "eta" { "parcel.eta_changed" } else { "parcel.tracked" }
        }
        other => panic!("'{other}' is nothing that happens"),
    };
    let kind = reassure::domain::event::EventType::parse(kind).expect(kind);
    let body = kind.read(Value::Object(data)).unwrap_or_else(|error| panic!("{what}: {error}"));
    Event { id: id.to_owned(), source: "/test".to_owned(), time, traceparent: None, body }
}

/// The event that begins a story.
pub fn placed(order: Order, time: Timestamp) -> Event {
    let body = Body::OrderPlaced(OrderPlaced { shop: "atelier".to_owned(), order_id: "R1".to_owned(), order });
    Event { id: "placed".to_owned(), source: "/test".to_owned(), time, traceparent: None, body }
}

/// A story while it is told.
pub struct Story {
    pub journey: Journey,
    pub rules: RuleSet,
    pub now: Timestamp,
    /// Everything that was decided to be sent, in order.
    pub sent: Vec<Notification>,
    /// Every step that was taken.
    pub steps: Vec<Transition>,
    /// What has been told elsewhere, if that is known.
    pub elsewhere: Option<Elsewhere>,
    last: Option<Event>,
    lines: String,
    only: Vec<String>,
}

impl Story {
    /// Places the order at the start.
    pub fn of(order: Order) -> Self {
        Self::with(order, rules())
    }

    pub fn with(order: Order, rules: RuleSet) -> Self {
        Self::placed(placed(order, at("+0")), rules, at("+0"))
    }

    /// An order that reaches the service at `now`.
    pub fn placed(event: Event, rules: RuleSet, now: Timestamp) -> Self {
        let Body::OrderPlaced(data) = &event.body else { panic!("a story begins with an order") };
        let journey = begin(data, event.time);
        let (sent, steps, lines, only) = Default::default();
        let mut story = Self { journey, rules, now, sent, steps, last: None, lines, only, elsewhere: None };
        story.take(Input::Event(&event));
        story
    }

    /// Shows only what these rules come to.
    #[must_use]
    pub fn showing(mut self, rules: &str) -> Self {
        self.only = rules.split_whitespace().map(str::to_owned).collect();
        self
    }

    /// Lets everything in `script` happen; returns what was decided.
    pub fn tell(&mut self, script: &str) -> String {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (when, what) = line.split_once(' ').unwrap_or_else(|| panic!("'{line}' says nothing"));
            let (arrives, happened) = when.split_once('@').unwrap_or((when, when));
            self.pass(at(arrives));
            self.line(what.trim(), at(happened));
        }
        self.told()
    }

    /// What was decided so far, by the rules that are shown.
    pub fn told(&self) -> String {
        let shown = |line: &&str| {
            self.only.is_empty() || self.only.iter().any(|rule| line.split(['[', ' ']).any(|word| word == rule))
        };
        self.lines.lines().filter(shown).collect::<Vec<_>>().join("\n")
    }

    /// Lets time pass; deadlines fall due one after the other.
    pub fn pass(&mut self, until: Timestamp) {
        let mut woken = 0;
        while let Some(at) = self.journey.wakes_at().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.take(Input::Due);
            woken += 1;
            assert!(woken < 10_000, "a deadline falls due for ever: {:?}", self.journey.timers);
        }
        self.now = self.now.max(until);
    }

    fn line(&mut self, what: &str, happened: Timestamp) {
        let words: Vec<&str> = what.split_whitespace().collect();
        match words[0] {
            "wait" => {}
            "look" => {
                let looks = self.last_of(words[1]).into_iter().map(|sent| {
                    let verdict = still_holds(&self.journey, &sent, &self.rules, self.now);
                    format!(" {}:{}", sent.channel, answer(verdict))
                });
                let looks: String = looks.collect();
                writeln!(self.lines, "{} look {}{looks}", spell(self.now), words[1]).expect("a line");
            }
            "withdraw" => {
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == words[2]).expect(what);
                for sent in self.last_of(words[1]) {
                    self.take(Input::Withdrawn(&sent.id, reason));
                }
            }
            "receipt" => {
                let channel = |sent: &&Notification| sent.channel.as_str() == words[2];
                let sent = self.sent.iter().rev().filter(|sent| sent.rule.as_str() == words[1]).find(channel);
                if let Some(sent) = sent.cloned() {
                    self.hear(&sent, words[3]);
                }
            }
            "again" | "repeated" => {
                let mut event = self.last.clone().expect("something happened before");
                if what == "again" {
                    event.id = format!("e{}", self.steps.len());
                }
                self.take(Input::Event(&event));
            }
            _ => {
                let event = event(what, &format!("e{}", self.steps.len()), happened);
                self.take(Input::Event(&event));
                self.last = Some(event);
            }
        }
    }

    /// Something is heard of a message.
    pub fn hear(&mut self, sent: &Notification, receipt: &str) {
        let receipt = Receipt::ALL.into_iter().find(|known| known.as_str() == receipt).expect(receipt);
        let received = Received { notification: sent.id.clone(), channel: sent.channel, receipt, at: self.now };
        self.take(Input::Receipt(&received));
    }

    /// The notifications by which the rule spoke last.
    pub fn last_of(&self, rule: &str) -> Vec<Notification> {
        let of_rule = || self.sent.iter().filter(|sent| sent.rule.as_str() == rule);
        let last = of_rule().next_back().unwrap_or_else(|| panic!("'{rule}' has sent nothing"));
        of_rule().filter(|sent| sent.decided_at == last.decided_at && sent.subject == last.subject).cloned().collect()
    }

    pub fn take(&mut self, input: Input<'_>) {
        let transition =
            step(&self.journey, input, &self.rules, Moment { now: self.now, elsewhere: self.elsewhere.as_ref() })
                .expect("room for the event");
        self.journey = transition.journey.clone();
        self.sent.extend(transition.notifications.iter().cloned());
        for line in transition.entry.iter().flat_map(|entry| entry.decisions.iter().map(|one| (&entry.cause, one))) {
            let (cause, decision) = line;
            let cause = match cause {
                Cause::Event { event_type, .. } => event_type,
                Cause::Timer { .. } => "deadline",
                Cause::Deferral { .. } => "deferral",
                Cause::Attempt { .. } => "attempt",
                Cause::Receipt { .. } => "receipt",
            };
            let verdict = verdict(&decision.verdict);
            let subject = subject(&decision.subject);
            writeln!(self.lines, "{} {cause} {}{subject} {verdict}", spell(self.now), decision.rule).expect("a line");
        }
        self.steps.push(transition);
    }
}

fn answer(verdict: Result<(), Obstacle>) -> String {
    match verdict {
        Ok(()) => "ok".to_owned(),
        Err(Obstacle::Withdrawn(reason)) => reason.as_str().to_owned(),
        Err(Obstacle::QuietUntil(end)) => format!("until {}", spell(end)),
    }
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Order => String::new(),
        Subject::Shipment(id) => format!("[{id}]"),
        Subject::Parcel(ParcelKey { waybill, epoch: 0 }) => format!("[{}]", waybill.tracking_number),
        Subject::Parcel(ParcelKey { waybill, epoch }) => format!("[{}/{epoch}]", waybill.tracking_number),
    }
}

fn verdict(verdict: &Verdict) -> String {
    let skips = |skipped: &[reassure::domain::decision::Skipped]| -> String {
        skipped.iter().map(|one| format!(" -{}:{}", one.channel, one.reason.as_str())).collect()
    };
    match verdict {
        Verdict::Send { notifications, skipped } => {
            let sent: Vec<&str> = notifications.iter().map(|sent| sent.channel.as_str()).collect();
            format!("send {}{}", sent.join("+"), skips(skipped))
        }
        Verdict::Defer { until, .. } => format!("until {}", spell(*until)),
        Verdict::Suppress { reason, detail, skipped } => {
            let detail = detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("no {}{detail}{}", reason.as_str(), skips(skipped))
        }
    }
}

/// Holds what a story came to against what is expected, line by line.
#[track_caller]
pub fn same(found: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let found: Vec<&str> = found.lines().map(str::trim).collect();
    assert_eq!(found, expected, "\nfound:\n{}\n\nexpected:\n{}\n", found.join("\n"), expected.join("\n"));
}

/// What `rules` come to in this story.
#[track_caller]
pub fn story(order: Order, showing: &str, script: &str, expected: &str) {
    same(&Story::of(order).showing(showing).tell(script), expected);
}
