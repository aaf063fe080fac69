//! The sample shop: some twenty orders whose stories, between them, set every rule of the
//! default set going.

mod goods;
mod tale;

use chrono_tz::Tz;
use serde_json::json;

use super::play::{Cue, cue};

use goods::{buyers, items};
use tale::Tale;

/// The zone of a sample shop; Paris for any other.
pub fn zone(shop: &str) -> Tz {
    match shop {
        "lumen-goods" => Tz::Europe__London,
        "atelier-nord" => Tz::America__Montreal,
        _ => Tz::Europe__Paris,
    }
}

/// Everything that the sample shop publishes, in the order in which it does.
pub fn cues() -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    for tale in tales() {
        let mut before = tale.begin;
        for event in tale.events {
            let next = cue(&serde_json::to_vec(&event).unwrap_or_default(), before);
            before = next.at;
            cues.push(next);
        }
    }
    cues.sort_by_key(|cue| cue.at);
    cues
}

fn tales() -> Vec<Tale> {
    let [claire, lucas, awa, hugo, grace, tom, priya, noa, luce, sam] = buyers();
    let none = || json!({});
    vec![
        // all goes well, and the lamp has something to tell about its use
        Tale::new("ML-1001", "1h", claire.clone(), items::lamp(), none())
            .order("5m", "confirmed")
            .order("2h", "preparing")
            .order_with("20h", "packed", json!({ "packaging": "boîte neutre, cales en carton" }))
            .shipped("1d")
            .scan("1d 4h", "picked_up")
            .scan("1d 16h", "in_transit")
            .scan("2d 1h", "out_for_delivery")
            .scan_with("2d 5h", "delivered", 1, json!({ "delivered_to": "letterbox" })),
        // the carrier tells of a delay, then it moves again
        Tale::new("ML-1002", "2h", lucas.clone(), items::lamp(), none())
            .shipped("1d")
            .scan("1d 3h", "picked_up")
            .scan_with("1d 20h", "delayed", 1, json!({ "code": "PB1", "text": "Incident sur la plate-forme de tri" }))
            .scan("3d 2h", "in_transit")
            .scan("4d", "out_for_delivery")
            .scan("4d 4h", "delivered"),
        // the expected day moves
        Tale::new("ML-1003", "3h", awa.clone(), items::cushions(), none())
            .shipped("1d")
            .scan("1d 5h", "in_transit")
            .event_of_parcel("2d", "6d", "Intempéries sur la route")
            .event_of_parcel("4d", "6d 20h", "Intempéries sur la route")
            .scan("5d 23h", "delivered"),
        // silence, then life
        Tale::new("ML-1004", "4h", hugo.clone(), items::cushions(), json!({ "promise": null }))
            .promised("1d", "12d")
            .shipped("1d")
            .scan("1d 6h", "picked_up")
            .scan("6d", "in_transit")
            .scan("7d", "delivered"),
        // cheese cannot wait
        Tale::new("ML-1005", "5h", claire.clone(), items::cheese(), json!({ "promise": null }))
            .promised("1d", "4d")
            .shipped("6h")
            .scan("8h", "picked_up")
            .scan("1d 20h", "out_for_delivery")
            .scan("2d 1h", "delivered"),
        // a pickup point that the buyer chose; collected at the last moment
        Tale::new(
            "ML-1006",
            "6h",
            lucas.clone(),
            items::lamp(),
            json!({ "delivery": goods::to_point("maison-lumen") }),
        )
        .shipped("1d")
        .scan("1d 4h", "in_transit")
        .held("2d", "12d", Some("4827"))
        .scan("11d 20h", "collected"),
        // nobody at home: an imposed hold
        Tale::new("ML-1007", "7h", awa.clone(), items::cushions(), none())
            .shipped("1d")
            .scan("2d 1h", "out_for_delivery")
            .scan("2d 4h", "attempt_failed")
            .held("2d 20h", "17d", None)
            .scan("4d", "collected"),
        // two parcels, each told what is in it
        Tale::new("ML-1008", "8h", hugo.clone(), items::lamp_and_cushions(), none())
            .shipped_as("1d", "some", 1, json!([{ "sku": "LAMPE-01", "quantity": 1 }]))
            .shipped_as("2d", "last", 2, json!([{ "sku": "COUSSIN-02", "quantity": 2 }]))
            .scan("2d 1h", "delivered")
            .scan_with("2d 3h", "in_transit", 2, none())
            .scan_with("3d 2h", "delivered", 2, none()),
        Tale::new("ML-1009", "9h", claire, items::lamp(), none())
            .order("2h", "preparing")
            .order_with("5h", "cancelled", json!({ "reason": "à votre demande" }))
            .order_with("6h", "refunded", json!({ "amount": "149.90" })),
        // refused at the door: it comes back
        Tale::new("ML-1010", "10h", lucas, items::cushions(), none())
            .shipped("1d")
            .scan("2d", "out_for_delivery")
            .scan("2d 3h", "refused")
            .scan("3d", "returning")
            .scan("6d", "returned"),
        // furniture, collected in the store after a reminder
        Tale::new("ML-1011", "11h", awa, items::table(), json!({ "delivery": goods::to_store(), "promise": null }))
            .promised("3d", "20d")
            .order("1d", "preparing")
            .ready("3d", "13d")
            .order("12d 16h", "collected"),
        // furniture to the door, by appointment
        Tale::new("ML-1012", "12h", hugo, items::table(), json!({ "promise": null }))
            .promised("3d", "6d")
            .by_appointment("3d 14h", "3d 16h")
            .shipped("1d")
            .scan("2d", "in_transit")
            .scan("3d 12h", "out_for_delivery")
            .scan("3d 15h", "delivered"),
        // valuable, left with a neighbour; doubled events and a scan that comes days late
        Tale::new("LG-2001", "1h 10m", grace.clone(), items::necklace(), none())
            .twice()
            .shipped("1d")
            .twice()
            .scan("1d 4h", "picked_up")
            .scan("2d", "out_for_delivery")
            .scan_with("2d 4h", "delivered", 1, json!({ "delivered_to": "neighbour" }))
            .twice()
            .scan("1d 20h", "in_transit")
            .learnt("5d"),
        // the day passes and nobody says a word
        Tale::new("LG-2002", "2h 10m", tom.clone(), items::teapot(), none())
            .shipped("1d")
            .scan("2d", "in_transit")
            .scan("3d 20h", "in_transit")
            .scan("5d", "out_for_delivery")
            .scan("5d 4h", "delivered"),
        // it was to be here within a day
        Tale::new(
            "LG-2003",
            "3h 10m",
            priya.clone(),
            items::teapot(),
            json!({ "delivery": goods::express(), "promise": null }),
        )
        .promised("20h", "1d 4h")
        .shipped("5h")
        .scan("7h", "picked_up")
        .scan("1d 1h", "in_transit")
        .scan("1d 20h", "out_for_delivery")
        .scan("1d 22h", "delivered"),
        Tale::new("LG-2004", "4h 10m", grace.clone(), items::teapot(), none())
            .shipped("1d")
            .scan("1d 4h", "in_transit")
            .scan_with("3d 12h", "lost", 1, json!({ "text": "declared lost" })),
        // the carrier knows the parcel before the shop does
        Tale::new("LG-2005", "5h 10m", tom.clone(), items::teapot(), none())
            .scan("20h", "announced")
            .scan("22h", "picked_up")
            .shipped("1d")
            .scan("2d 2h", "delivered"),
        // another number; the old one is no news any more
        Tale::new("LG-2006", "6h 10m", priya.clone(), items::necklace(), none())
            .shipped("1d")
            .scan("1d 3h", "picked_up")
            .replaced("1d 12h")
            .scan("1d 14h", "delayed")
            .scan_with("2d 2h", "in_transit", 2, none())
            .scan_with("3d", "delivered", 2, none()),
        // a present, and only a phone number
        Tale::new(
            "LG-2007",
            "7h 10m",
            sam,
            items::necklace(),
            json!({ "gift": {
                "recipient_name": "Ellis",
                "recipient": { "name": "Ellis", "email": "ellis@example.net", "locale": "en-GB" },
                "wanted_on": "2026-03-14",
            } }),
        )
        .shipped("1d")
        .scan("2d", "out_for_delivery")
        .scan("2d 3h", "delivered"),
        // the address comes later, and with it the confirmation
        Tale::new("LG-2008", "8h 10m", noa.without_contact(), items::teapot(), none())
            .event("3h", "customer.updated", json!({ "customer": noa.as_customer() }))
            .shipped("1d")
            .scan("2d", "delivered"),
        // out of the country, then sent back by the buyer on the same waybill
        Tale::new("AN-3001", "1h 20m", luce.clone(), items::blanket(), json!({ "promise": null }))
            .promised("3d", "9d")
            .shipped("1d")
            .scan("2d", "in_customs")
            .scan("6d", "in_transit")
            .scan("7d", "delivered")
            .scan("12d", "returning")
            .scan("15d", "returned"),
        // forgotten on the way: nothing more is sent
        Tale::new("AN-3002", "2h 20m", luce.named("luce-2"), items::blanket(), json!({ "promise": null }))
            .promised("3d", "9d")
            .shipped("1d")
            .event("2d", "customer.erased", json!({ "customer_id": "luce-2" }))
            .scan("3d", "out_for_delivery")
            .scan("3d 2h", "delivered"),
        // an English reader in Québec; the promise is revised, and the customer asks all the same
        Tale::new("AN-3003", "3h 20m", grace.named("grace-3"), items::blanket(), json!({ "promise": null }))
            .promised("3d", "6d")
            .revised("2d", "5d", "8d")
            .support("3d")
            .shipped("4d")
            .scan("5d", "in_transit")
            .scan("7d", "delivered"),
    ]
}
