//! The vocabularies of the sources, as they document them, against the shipped tables: each code
//! has one status, the cautious one; what is not listed waits for a person or is kept as unknown.

use reassure::domain::event::{Body, ParcelStatus};
use reassure::envelope::Refusal;
use serde_json::{Value, json};

use super::{decoded, record, shipped};

/// A source's codes, and a payload with one of them.
struct Vocabulary {
    adapter: &'static str,
    codes: &'static [(&'static str, &'static str)],
    payload: fn(&str) -> Value,
    headers: &'static [(&'static str, &'static str)],
    /// What becomes of a code that is not listed.
    unlisted: Unlisted,
}

#[derive(PartialEq)]
enum Unlisted {
    Waits,
    KeptAs(&'static str),
}

const SHOP: &[(&str, &str)] = &[("shop", "maison-aubert")];

fn aftership(code: &str) -> Value {
    let tag = code.split('_').next().unwrap();
    let scan = if code.contains('_') { json!({ "tag": tag, "subtag": code }) } else { json!({ "tag": tag }) };
    let mut scan = scan;
    scan["checkpoint_time"] = json!("2026-05-05T10:00:00");
    json!({ "event": "tracking_update", "msg": { "id": "t", "tracking_number": "N1", "slug": "ups", "checkpoints": [scan] } })
}

fn easypost(status: &str, detail: Option<&str>) -> Value {
    let scan = json!({ "status": status, "status_detail": detail, "datetime": "2026-05-05T10:00:00Z" });
    let tracker =
        json!({ "object": "Tracker", "id": "t", "tracking_code": "N1", "carrier": "USPS", "tracking_details": [scan] });
    json!({ "object": "Event", "description": "tracker.updated", "result": tracker })
}

fn shippo(status: &str, code: Option<&str>) -> Value {
    let substatus = code.map(|code| json!({ "code": code }));
    let scan = json!({ "status": status, "substatus": substatus, "status_date": "2026-05-05T10:00:00Z" });
    json!({ "event": "track_updated", "data": { "tracking_number": "N1", "carrier": "usps", "tracking_history": [scan] } })
}

fn seventeentrack(code: &str) -> Value {
    let scan = json!({ "time_iso": "2026-05-05T10:00:00Z", "sub_status": code });
    let tracking = json!({ "providers": [{ "provider": { "name": "La Poste" }, "events": [scan] }] });
    json!({ "event": "TRACKING_UPDATED", "data": { "number": "N1", "track_info": { "tracking": tracking } } })
}

fn laposte(code: &str) -> Value {
    let scan = json!({ "code": code, "date": "2026-05-05T10:00:00+02:00" });
    json!({ "shipment": { "idShip": "N1", "holder": 4, "event": [scan] } })
}

fn dhl(code: &str) -> Value {
    let scan = json!({ "statusCode": code, "timestamp": "2026-05-05T10:00:00" });
    json!({ "shipments": [{ "id": "N1", "status": scan, "events": [scan] }] })
}

fn ups(kind: &str, code: Option<&str>) -> Value {
    let scan = json!({ "status": { "type": kind, "code": code }, "date": "20260505", "time": "100000" });
    json!({ "trackResponse": { "shipment": [{ "package": [{ "trackingNumber": "N1", "activity": [scan] }] }] } })
}

fn shopify(code: &str) -> Value {
    json!({ "id": 1, "status": code, "happened_at": "2026-05-05T10:00:00Z", "tracking_number": "N1", "tracking_company": "UPS" })
}

const ALL: &[Vocabulary] = &[
    Vocabulary {
        adapter: "aftership",
        codes: &[
            ("Pending", "unknown"),
            ("InfoReceived", "announced"),
            ("InTransit", "in_transit"),
            ("OutForDelivery", "out_for_delivery"),
            ("AttemptFail", "attempt_failed"),
            ("Delivered", "delivered"),
            ("AvailableForPickup", "held_at_pickup"),
            ("Exception", "exception"),
            ("Expired", "unknown"),
            ("Delivered_001", "delivered"),
            ("Delivered_002", "collected"),
            ("Delivered_003", "delivered"),
            ("Delivered_004", "delivered"),
            ("Delivered_005", "delivered"),
            ("AvailableForPickup_001", "held_at_pickup"),
            ("AttemptFail_001", "attempt_failed"),
            ("AttemptFail_002", "attempt_failed"),
            ("AttemptFail_003", "attempt_failed"),
            ("InTransit_001", "in_transit"),
            ("InTransit_002", "picked_up"),
            ("InTransit_003", "in_transit"),
            ("InTransit_004", "in_transit"),
            ("InTransit_005", "in_transit"),
            ("InTransit_006", "in_customs"),
            ("InTransit_007", "in_transit"),
            ("InTransit_008", "in_transit"),
            ("InTransit_009", "in_transit"),
            ("InfoReceived_001", "announced"),
            ("OutForDelivery_001", "out_for_delivery"),
            ("OutForDelivery_003", "out_for_delivery"),
            ("OutForDelivery_004", "in_transit"),
            ("Pending_001", "unknown"),
            ("Expired_001", "unknown"),
            ("Exception_001", "exception"),
            ("Exception_002", "exception"),
            ("Exception_003", "refused"),
            ("Exception_004", "delayed"),
            ("Exception_005", "delayed"),
            ("Exception_006", "exception"),
            ("Exception_007", "exception"),
            ("Exception_008", "exception"),
            ("Exception_009", "exception"),
            ("Exception_010", "returning"),
            ("Exception_011", "returned"),
            ("Exception_012", "damaged"),
            ("Exception_013", "lost"),
            ("Exception_016", "delayed"),
            ("Exception_017", "delayed"),
            ("Exception_018", "exception"),
            ("Exception_019", "delayed"),
            ("Exception_020", "exception"),
            ("Exception_021", "lost"),
        ],
        payload: aftership,
        headers: SHOP,
        unlisted: Unlisted::KeptAs("unknown"),
    },
    Vocabulary {
        adapter: "easypost",
        codes: &[
            ("unknown", "unknown"),
            ("pre_transit", "announced"),
            ("in_transit", "in_transit"),
            ("out_for_delivery", "out_for_delivery"),
            ("delivered", "delivered"),
            ("available_for_pickup", "held_at_pickup"),
            ("return_to_sender", "returning"),
            ("failure", "exception"),
            ("cancelled", "exception"),
            ("error", "unknown"),
        ],
        payload: |code| easypost(code, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "easypost",
        codes: &[
            ("address_correction", "exception"),
            ("arrived_at_destination", "in_transit"),
            ("arrived_at_facility", "in_transit"),
            ("arrived_at_pickup_location", "held_at_pickup"),
            ("awaiting_information", "announced"),
            ("cancelled", "exception"),
            ("damaged", "damaged"),
            ("delayed", "delayed"),
            ("delivery_exception", "exception"),
            ("departed_facility", "in_transit"),
            ("departed_origin_facility", "in_transit"),
            ("expired", "unknown"),
            ("failure", "exception"),
            ("held", "exception"),
            ("in_transit", "in_transit"),
            ("label_created", "announced"),
            ("lost", "lost"),
            ("missorted", "delayed"),
            ("out_for_delivery", "out_for_delivery"),
            ("received_at_destination_facility", "in_transit"),
            ("received_at_origin_facility", "picked_up"),
            ("refused", "refused"),
            ("return", "returning"),
            ("status_update", "in_transit"),
            ("transferred_to_destination_carrier", "in_transit"),
            ("transit_exception", "exception"),
            ("unknown", "in_transit"),
            ("weather_delay", "delayed"),
        ],
        payload: |code| easypost("in_transit", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "shippo",
        codes: &[
            ("PRE_TRANSIT", "announced"),
            ("TRANSIT", "in_transit"),
            ("DELIVERED", "delivered"),
            ("RETURNED", "returning"),
            ("FAILURE", "exception"),
            ("UNKNOWN", "unknown"),
        ],
        payload: |code| shippo(code, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "shippo",
        codes: &[
            ("information_received", "announced"),
            ("address_issue", "exception"),
            ("contact_carrier", "exception"),
            ("delayed", "delayed"),
            ("delivery_attempted", "attempt_failed"),
            ("delivery_rescheduled", "delayed"),
            ("delivery_scheduled", "in_transit"),
            ("location_inaccessible", "attempt_failed"),
            ("notice_left", "attempt_failed"),
            ("out_for_delivery", "out_for_delivery"),
            ("package_accepted", "picked_up"),
            ("package_arrived", "in_transit"),
            ("package_damaged", "damaged"),
            ("package_departed", "in_transit"),
            ("package_forwarded", "in_transit"),
            ("package_held", "exception"),
            ("package_processed", "in_transit"),
            ("package_processing", "in_transit"),
            ("pickup_available", "held_at_pickup"),
            ("reschedule_delivery", "exception"),
            ("delivered", "delivered"),
            ("return_to_sender", "returning"),
            ("package_unclaimed", "returning"),
            ("package_undeliverable", "exception"),
            ("package_disposed", "lost"),
            ("package_lost", "lost"),
            ("other", "unknown"),
        ],
        payload: |code| shippo("TRANSIT", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "seventeentrack",
        codes: &[
            ("NotFound_Other", "unknown"),
            ("NotFound_InvalidCode", "unknown"),
            ("InfoReceived", "announced"),
            ("InTransit_PickedUp", "picked_up"),
            ("InTransit_Other", "in_transit"),
            ("InTransit_Departure", "in_transit"),
            ("InTransit_Arrival", "in_transit"),
            ("InTransit_CustomsProcessing", "in_customs"),
            ("InTransit_CustomsReleased", "in_transit"),
            ("InTransit_CustomsRequiringInformation", "in_customs"),
            ("Expired_Other", "unknown"),
            ("AvailableForPickup_Other", "held_at_pickup"),
            ("OutForDelivery_Other", "out_for_delivery"),
            ("Delivered_Other", "delivered"),
            ("DeliveryFailure_Other", "attempt_failed"),
            ("DeliveryFailure_NoBody", "attempt_failed"),
            ("DeliveryFailure_Security", "exception"),
            ("DeliveryFailure_Rejected", "refused"),
            ("DeliveryFailure_InvalidAddress", "exception"),
            ("Exception_Other", "exception"),
            ("Exception_Returning", "returning"),
            ("Exception_Returned", "returned"),
            ("Exception_NoBody", "exception"),
            ("Exception_Security", "exception"),
            ("Exception_Damage", "damaged"),
            ("Exception_Rejected", "refused"),
            ("Exception_Delayed", "delayed"),
            ("Exception_Lost", "lost"),
            ("Exception_Destroyed", "lost"),
            ("Exception_Cancel", "exception"),
        ],
        payload: seventeentrack,
        headers: SHOP,
        unlisted: Unlisted::KeptAs("unknown"),
    },
    Vocabulary {
        adapter: "laposte",
        codes: &[
            ("DR1", "announced"),
            ("PC1", "picked_up"),
            ("PC2", "picked_up"),
            ("ET1", "in_transit"),
            ("ET2", "in_transit"),
            ("ET3", "in_transit"),
            ("ET4", "in_transit"),
            ("EP1", "in_transit"),
            ("DO1", "in_customs"),
            ("DO2", "in_transit"),
            ("DO3", "in_customs"),
            ("PB1", "exception"),
            ("PB2", "in_transit"),
            ("MD2", "out_for_delivery"),
            ("ND1", "exception"),
            ("AG1", "held_at_pickup"),
            ("RE1", "returning"),
            ("DI1", "delivered"),
            ("DI2", "returned"),
        ],
        payload: laposte,
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "dhl",
        codes: &[
            ("pre-transit", "announced"),
            ("transit", "in_transit"),
            ("delivered", "delivered"),
            ("failure", "exception"),
            ("unknown", "unknown"),
        ],
        payload: dhl,
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "ups",
        codes: &[
            ("H1", "exception"),
            ("H2", "exception"),
            ("H3", "exception"),
            ("H4", "exception"),
            ("H8", "returning"),
            ("HA", "delayed"),
            ("YP", "in_transit"),
            ("ZP", "held_at_pickup"),
            ("ZQ", "held_at_pickup"),
        ],
        payload: |code| ups("I", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "ups",
        codes: &[
            ("M", "announced"),
            ("P", "picked_up"),
            ("I", "in_transit"),
            ("O", "out_for_delivery"),
            ("D", "delivered"),
            ("X", "exception"),
            ("RS", "returning"),
        ],
        payload: |kind| ups(kind, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "shopify",
        codes: &[
            ("LABEL_PURCHASED", "announced"),
            ("LABEL_PRINTED", "announced"),
            ("CONFIRMED", "announced"),
            ("CARRIER_PICKED_UP", "picked_up"),
            ("IN_TRANSIT", "in_transit"),
            ("DELAYED", "delayed"),
            ("OUT_FOR_DELIVERY", "out_for_delivery"),
            ("ATTEMPTED_DELIVERY", "attempt_failed"),
            ("READY_FOR_PICKUP", "held_at_pickup"),
            ("PICKED_UP", "collected"),
            ("DELIVERED", "delivered"),
            ("FAILURE", "exception"),
        ],
        payload: shopify,
        headers: &[("X-Shopify-Topic", "fulfillment_events/create"), ("shop", "maison-aubert")],
        unlisted: Unlisted::Waits,
    },
];

impl Vocabulary {
    /// The status that a code becomes on the way that the service takes.
    fn status(&self, code: &str) -> Result<&'static str, Refusal> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let events = decoded(&shipped(self.adapter), &record(&(self.payload)(code), &headers))?;
        let [event] = events.as_slice() else { panic!("{}: {code}: {events:?}", self.adapter) };
        let Body::ParcelTracked(scan) = &event.body else { panic!("{}: {code}: {event:?}", self.adapter) };
        assert_eq!(scan.waybill.tracking_number, "N1");
        assert!(
            scan.code.as_deref().is_some_and(|kept| kept.eq_ignore_ascii_case(code)),
            "{}: {code} is not kept",
            self.adapter
        );
        Ok(ParcelStatus::as_str(scan.status))
    }
}

#[test]
fn every_code_has_its_one_status() {
    let mut wrong = Vec::new();
    for vocabulary in ALL {
        for (code, status) in vocabulary.codes {
            let found = vocabulary.status(code);
            if found.as_ref() != Ok(status) {
                wrong.push(format!("{} {code}: {found:?}, not {status}", vocabulary.adapter));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The test's own lists must not contradict themselves either.
#[test]
fn no_code_stands_in_two_phases() {
    for vocabulary in ALL {
        let mut codes: Vec<_> = vocabulary.codes.iter().map(|(code, _)| code).collect();
        codes.sort();
        let listed = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), listed, "{}", vocabulary.adapter);
    }
}

#[test]
fn a_code_that_is_not_listed_waits_for_a_person_or_is_kept_as_the_adapter_says() {
    for vocabulary in ALL {
        match (vocabulary.status("Newly_099"), &vocabulary.unlisted) {
            (Ok(status), Unlisted::KeptAs(kept)) => assert_eq!(status, *kept, "{}", vocabulary.adapter),
            (Err(refusal), Unlisted::Waits) => {
                assert_eq!(refusal.cause, "unmapped_code", "{}: {refusal:?}", vocabulary.adapter);
                let detail = refusal.detail.to_lowercase();
                assert!(detail.starts_with(vocabulary.adapter) && detail.contains("'newly_099'"), "{detail}");
            }
            (found, _) => panic!("{}: {found:?}", vocabulary.adapter),
        }
    }
}

/// What does not look like a code may be anything, also something of a person (I9).
#[test]
fn what_is_no_code_is_not_repeated() {
    for vocabulary in ALL.iter().filter(|vocabulary| vocabulary.unlisted == Unlisted::Waits) {
        let refusal = vocabulary.status("jane doe <jane@personal.test>").unwrap_err();
        assert_eq!(refusal.cause, "unmapped_code", "{}", vocabulary.adapter);
        assert!(!refusal.detail.to_lowercase().contains("jane"), "{}", refusal.detail);
    }
}
