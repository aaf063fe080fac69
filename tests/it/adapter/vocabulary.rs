//! The vocabularies of the sources, as they document them, against the shipped tables: each code
//! has one status, the cautious one; what is not listed waits for a person or is kept as unknown.

mod codes;

use reassure::domain::event::{Body, ParcelStatus};
use reassure::envelope::Refusal;
use serde_json::{Value, json};

use super::{decoded, record, shipped};

/// A source's codes, and a payload with one of them.
struct Vocabulary {
    adapter: &'static str,
    codes: codes::Codes,
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
        codes: codes::AFTERSHIP,
        payload: aftership,
        headers: SHOP,
        unlisted: Unlisted::KeptAs("unknown"),
    },
    Vocabulary {
        adapter: "easypost",
        codes: codes::EASYPOST,
        payload: |code| easypost(code, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "easypost",
        codes: codes::EASYPOST_DETAILS,
        payload: |code| easypost("in_transit", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "shippo",
        codes: codes::SHIPPO,
        payload: |code| shippo(code, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "shippo",
        codes: codes::SHIPPO_SUBSTATUSES,
        payload: |code| shippo("TRANSIT", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "seventeentrack",
        codes: codes::SEVENTEENTRACK,
        payload: seventeentrack,
        headers: SHOP,
        unlisted: Unlisted::KeptAs("unknown"),
    },
    Vocabulary {
        adapter: "laposte",
        codes: codes::LAPOSTE,
        payload: laposte,
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary { adapter: "dhl", codes: codes::DHL, payload: dhl, headers: SHOP, unlisted: Unlisted::Waits },
    Vocabulary {
        adapter: "ups",
        codes: codes::UPS_CODES,
        payload: |code| ups("I", Some(code)),
        headers: SHOP,
        unlisted: Unlisted::KeptAs("in_transit"),
    },
    Vocabulary {
        adapter: "ups",
        codes: codes::UPS_TYPES,
        payload: |kind| ups(kind, None),
        headers: SHOP,
        unlisted: Unlisted::Waits,
    },
    Vocabulary {
        adapter: "shopify",
        codes: codes::SHOPIFY,
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
