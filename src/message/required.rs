//! What a message may not leave out, whoever words it.

use super::Part;

/// One thing that a message has to tell: any of these variables tells it.
pub struct Required {
    pub parts: &'static [Part],
    pub any_of: &'static [&'static str],
    /// What the customer would miss.
    pub why: &'static str,
}

const LETTER: &[Part] = &[Part::Html, Part::Text];

const fn letter(any_of: &'static [&'static str], why: &'static str) -> Required {
    Required { parts: LETTER, any_of, why }
}

const ORDER: Required = letter(&["order.id"], "which order it is about");
const ORDER_LINK: Required = letter(&["order.url"], "the link to the order");
const TRACKING: Required = letter(&["parcel.tracking_number", "parcels.tracking_number"], "the tracking number");
const TRACKING_LINK: Required = letter(&["parcel.tracking_url", "parcels.tracking_url"], "the link to the tracking");
const CONTACT: Required = letter(&["shop.email", "shop.phone", "shop.help_url"], "whom to ask");
const ARRIVAL: Required = letter(&["arrival", "order.promise"], "when it is to arrive");

const CONFIRMATION: &[Required] = &[
    ORDER,
    letter(&["order.placed_at"], "when the order was placed"),
    letter(&["order.items.name"], "what was ordered"),
    letter(&["order.items.variant"], "which variant was ordered"),
    letter(&["order.items.quantity"], "how many of each"),
    letter(&["order.items.price", "order.items.unit_price"], "what each costs"),
    Required { parts: &[Part::Html], any_of: &["order.items.image_alt"], why: "the pictures' descriptions" },
    letter(&["order.totals.total"], "the total"),
    letter(&["order.totals.shipping"], "the cost of delivery"),
    letter(&["order.totals.discount"], "the discount"),
    letter(&["order.totals.taxes.amount"], "the taxes"),
    letter(&["order.delivery.address.lines"], "the address"),
    letter(&["order.delivery.point.name"], "the pickup point"),
    ARRIVAL,
    ORDER_LINK,
    letter(&["shop.seller"], "who sells"),
    letter(&["shop.withdrawal_days"], "the right of withdrawal"),
    letter(&["shop.legal_guarantee"], "the legal guarantee"),
    CONTACT,
];

const SHIPPING: &[Required] = &[
    ORDER,
    letter(&["shipment.items.name"], "what has left"),
    letter(&["shipment.is_some"], "that more is to follow"),
    letter(&["shipment.is_last"], "that nothing more is to follow"),
    letter(&["parcel.carrier", "parcels.carrier"], "who carries it"),
    TRACKING,
    TRACKING_LINK,
    ARRIVAL,
    letter(&["order.delivery.address.lines"], "where it goes"),
    letter(&["order.delivery.point.name"], "the pickup point it goes to"),
    ORDER_LINK,
    CONTACT,
];

const DELAY: &[Required] = &[
    ORDER,
    letter(&["delay.before"], "the date given before"),
    letter(&["delay.after"], "the new date"),
    letter(&["delay.reason", "delay.carrier_says"], "the reason"),
    TRACKING,
    ORDER_LINK,
    CONTACT,
];

const ARRIVING: &[Required] = &[
    ORDER,
    letter(&["order.delivery.appointment"], "the appointment"),
    letter(&["order.delivery.needs_signature"], "that somebody has to sign"),
    TRACKING,
    ORDER_LINK,
    CONTACT,
];

const UNDER_WAY: &[Required] = &[ORDER, TRACKING, TRACKING_LINK, ARRIVAL, ORDER_LINK, CONTACT];

const PICKUP: &[Required] = &[
    ORDER,
    letter(&["hold.point.name"], "which point it waits at"),
    letter(&["hold.point.address.lines"], "the point's address"),
    letter(&["hold.hours.on"], "the opening hours"),
    letter(&["hold.until"], "until when it can be collected"),
    letter(&["hold.code"], "the code to show"),
    letter(&["hold.id_required"], "whether to bring an identity document"),
    Required { parts: &[Part::Sms], any_of: &["hold.point.name"], why: "which point it waits at" },
    Required { parts: &[Part::Sms], any_of: &["hold.until"], why: "until when it can be collected" },
    Required { parts: &[Part::Sms], any_of: &["hold.code"], why: "the code to show" },
    CONTACT,
];

const DELIVERED: &[Required] = &[
    ORDER,
    letter(&["delivered.at"], "when it was handed over"),
    letter(&["delivered.to_neighbour", "delivered.to"], "to whom it was handed"),
    letter(&["shop.returns_url"], "how to return something"),
    ORDER_LINK,
    CONTACT,
];

const COLLECTED: &[Required] = &[
    ORDER,
    letter(&["delivered.at"], "when it was collected"),
    letter(&["shop.returns_url"], "how to return something"),
    ORDER_LINK,
    CONTACT,
];

const USAGE: &[Required] = &[
    ORDER,
    letter(&["products.name"], "which product it is about"),
    letter(&["products.usage"], "how to care for it"),
    letter(&["products.guide_url"], "the guide"),
    letter(&["products.warranty_until"], "the end of the warranty"),
    letter(&["products.best_before"], "the best-before day"),
    CONTACT,
];

const CANCELLED: &[Required] =
    &[ORDER, letter(&["cancelled.reason"], "why"), letter(&["refund.amount"], "what is refunded"), CONTACT];

const RETURNED: &[Required] = &[ORDER, letter(&["refund.amount"], "what is refunded"), CONTACT];

const GIFT: &[Required] = &[TRACKING, TRACKING_LINK, ARRIVAL, CONTACT];

/// What `message` has to tell. A message that is the shop's own needs only to say of which
/// order it speaks and whom to ask.
pub fn of(message: &str) -> &'static [Required] {
    match message {
        "confirmation" => CONFIRMATION,
        "shipping" => SHIPPING,
        "delay" | "promise_missed" => DELAY,
        "arriving" => ARRIVING,
        "silence" | "recovery" => UNDER_WAY,
        "pickup_chosen" | "pickup_imposed" | "pickup_reminder" => PICKUP,
        "delivered" => DELIVERED,
        "collected" => COLLECTED,
        "usage" => USAGE,
        "cancelled" => CANCELLED,
        "returned" => RETURNED,
        "gift_arriving" => GIFT,
        _ => &[ORDER, CONTACT],
    }
}
