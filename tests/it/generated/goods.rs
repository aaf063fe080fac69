//! What is ordered, by whom, and how it is to arrive.

use chrono::NaiveDate;
use rand::Rng;
use rand::rngs::StdRng;
use reassure::domain::order::{
    Address, Amount, Channel, Concern, Customer, Delivery, DeliveryMethod, Gift, Item, Order, Point, Totals,
};
use reassure::domain::time::{Timestamp, Window};

/// The shops, each with its carrier and its country.
pub const SHOPS: [(&str, &str, &str); 3] =
    [("atelier", "colissimo", "FR"), ("lumen", "royal-mail", "GB"), ("nord", "postes-canada", "CA")];

/// What makes one order differ from another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    pub number: u64,
    /// Several orders can have the same.
    pub customer: u64,
    pub method: DeliveryMethod,
    pub express: bool,
    pub valuable: bool,
    pub perishable: bool,
    pub bulky: bool,
    pub gift: bool,
    pub usage: bool,
    pub items: u8,
    pub contact: Contact,
    /// Days from the order to the latest end of the promise; 0 without a promise.
    pub promised_days: u8,
}

/// How the buyer can be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contact {
    Both,
    EmailOnly,
    PhoneOnly,
    Nothing,
    /// Both are known, and one is not wanted.
    Declined(Channel),
    /// An address that is none.
    Broken,
}

impl Shape {
    pub fn new(number: u64, random: &mut StdRng) -> Self {
        let mut one_in = |odds: u32| random.random_ratio(1, odds);
        let express = one_in(12);
        let contact = match () {
            () if one_in(20) => Contact::PhoneOnly,
            () if one_in(25) => Contact::EmailOnly,
            () if one_in(80) => Contact::Nothing,
            () if one_in(100) => Contact::Broken,
            () if one_in(25) => Contact::Declined(if one_in(2) { Channel::Email } else { Channel::Sms }),
            () => Contact::Both,
        };
        let method = match random.random_range(0..100) {
            0..60 => DeliveryMethod::Home,
            60..88 => DeliveryMethod::PickupPoint,
            _ => DeliveryMethod::Store,
        };
        let mut one_in = |odds: u32| random.random_ratio(1, odds);
        Self {
            number,
            customer: if one_in(4) { number.saturating_sub(7) } else { number },
            method,
            express,
            valuable: one_in(10),
            perishable: one_in(16),
            bulky: one_in(20),
            gift: one_in(25),
            usage: one_in(3),
            contact,
            items: random.random_range(1..=4),
            promised_days: match (express, random.random_range(0..20)) {
                (_, 0) => 0,
                (true, _) => 1,
                (false, _) => random.random_range(3..=6),
            },
        }
    }

    pub fn shop(&self) -> &'static str {
        self.place().0
    }

    pub fn carrier(&self) -> &'static str {
        self.place().1
    }

    fn place(&self) -> (&'static str, &'static str, &'static str) {
        SHOPS[usize::try_from(self.number % 3).expect("below three")]
    }

    pub fn order_id(&self) -> String {
        format!("G-{:08}", self.number)
    }

    pub fn customer_id(&self) -> String {
        // of the same shop, whoever's number it is
        format!("c-{}-{:08}", self.number % 3, self.customer)
    }

    pub fn order(&self, placed_at: Timestamp) -> Order {
        let unit_price = if self.valuable { 2_490_000 } else { 190_000 };
        let items: Vec<Item> = (0..self.items).map(|index| self.item(index, unit_price)).collect();
        let total = Amount::from_ten_thousandths(unit_price * i64::from(self.items));
        Order {
            customer: self.customer_with(self.contact),
            currency: "EUR".to_owned(),
            items,
            totals: Totals { items: total, total, ..Totals::default() },
            delivery: self.delivery(),
            promise: (self.promised_days > 0).then(|| self.promise(placed_at, self.promised_days)),
            order_url: Some(format!("https://{}.example/orders/{}", self.shop(), self.order_id())),
            gift: self.gift.then(|| Gift {
                recipient_name: Some("Camille Exemple".into()),
                recipient: Some(Customer {
                    email: Some(format!("gift{}@example.org", self.number).as_str().into()),
                    ..Customer::default()
                }),
                wanted_on: NaiveDate::from_ymd_opt(2026, 12, 24),
            }),
            concerns: if self.number.is_multiple_of(50) { vec![Concern::Cherished] } else { Vec::new() },
        }
    }

    pub fn promise(&self, placed_at: Timestamp, days: u8) -> Window {
        let day = chrono::Duration::days(i64::from(days));
        Window { earliest: placed_at.plus(day - chrono::Duration::days(1)), latest: placed_at.plus(day) }
    }

    fn item(&self, index: u8, unit_price: i64) -> Item {
        let first = index == 0;
        Item {
            sku: sku(index),
            name: ["Desk lamp, brass", "Cheese, aged", "Cushion, linen", "Tea pot"][usize::from(index % 4)].to_owned(),
            variant: None,
            quantity: 1,
            unit_price: Amount::from_ten_thousandths(unit_price),
            image_url: None,
            image_alt: None,
            category: Some("home".to_owned()),
            perishable: self.perishable && first,
            cold_chain: self.perishable && first,
            best_before: None,
            bulky: self.bulky && first,
            usage: (self.usage && first).then(|| "Wipe with a dry cloth.".to_owned()),
            guide_url: None,
            warranty_months: None,
        }
    }

    pub fn customer_with(&self, contact: Contact) -> Customer {
        let (email, phone) = match contact {
            Contact::Both | Contact::Declined(_) => (true, true),
            Contact::EmailOnly | Contact::Broken => (true, false),
            Contact::PhoneOnly => (false, true),
            Contact::Nothing => (false, false),
        };
        let address = match contact {
            Contact::Broken => "no address at all".to_owned(),
            _ => format!("buyer{}@example.org", self.customer),
        };
        Customer {
            id: Some(self.customer_id()),
            name: Some("Camille Exemple".into()),
            email: email.then(|| address.as_str().into()),
            phone: phone.then(|| "+33639980001".into()),
            locale: Some(
                ["fr-FR", "en-GB", "fr-CA"][usize::try_from(self.number % 3).expect("below three")].to_owned(),
            ),
            time_zone: None,
            channels: match contact {
                Contact::Declined(unwanted) => {
                    Some(Channel::ALL.into_iter().filter(|channel| *channel != unwanted).collect())
                }
                _ => None,
            },
            marketing: None,
        }
    }

    fn delivery(&self) -> Delivery {
        Delivery {
            method: self.method,
            service: Some(if self.express { "Express 24 h" } else { "Standard" }.to_owned()),
            express: self.express,
            address: (self.method == DeliveryMethod::Home).then(|| self.address()),
            point: (self.method != DeliveryMethod::Home).then(|| self.point()),
            appointment: None,
            signature: false,
            insured: None,
        }
    }

    fn address(&self) -> Address {
        Address {
            name: Some("Camille Exemple".into()),
            lines: vec!["4 rue des Essais".into()],
            postal_code: "69007".to_owned(),
            city: "Lyon".to_owned(),
            country: self.place().2.to_owned(),
        }
    }

    pub fn point(&self) -> Point {
        Point {
            id: Some("P-17".to_owned()),
            name: "Relais de la Gare".to_owned(),
            address: Address { name: None, ..self.address() },
            opening_hours: Vec::new(),
            map_url: None,
        }
    }
}

pub fn sku(index: u8) -> String {
    format!("SKU-{index}")
}
