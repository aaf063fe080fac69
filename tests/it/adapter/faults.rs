//! What people get wrong when they write an adapter, told with the place and what would be right.

use super::adapter;

const SOUND: &str = "adapter: own
says: For this test.
version: 1
api: \"1\"
documented_at: https://example.test
match: payload.topic == \"scan\"
shop: headers.shop
tables:
  status:
    to: parcel_status
    codes: { A: in_transit, B: delivered }
let:
  parcel: payload.parcel
emit:
  - type: parcel.tracked
    each: scan in parcel.scans
    id: [parcel.number, scan.at]
    time: scan.at
    data:
      carrier: '\"ups\"'
      tracking_number: parcel.number
      status: status[scan.code]
      place: scan.city
";

/// The faults of the sound one with `wrong` in the place of `right`.
fn faults(right: &str, wrong: &str) -> String {
    assert!(SOUND.contains(right), "{right}");
    match adapter(&SOUND.replacen(right, wrong, 1)) {
        Ok(_) => "none".to_owned(),
        Err(faults) => faults.join("\n"),
    }
}

#[test]
fn the_sound_one_is_sound() {
    assert_eq!(faults("own", "own"), "none");
}

#[test]
fn each_fault_is_told_with_its_place_and_what_would_be_right() {
    let mut wrongly = Vec::new();
    for (right, wrong, told) in [
        ("says:", "say:", "own.yaml:2:1: an adapter has no 'say'\n    did you mean 'says'?"),
        ("version: 1", "version: one", "own.yaml:3:10: version: a whole number is needed"),
        (
            "adapter: own",
            "adapter: My Own",
            "own.yaml:1:10: 'My Own' is no name for an adapter: lower-case letters, digits and _ are",
        ),
        ("shop: headers.shop", "shop: header.shop", "own.yaml:7:7: 'header' is not known\n    did you mean 'headers'?"),
        ("payload.topic == \"scan\"", "payload.topic = \"scan\"", "own.yaml:6:22: not an expression"),
        (
            "shop: headers.shop",
            "shop: eiter(headers.shop, key)",
            "own.yaml:7:7: 'eiter' is not known\n    did you mean 'either'?",
        ),
        (
            "shop: headers.shop",
            "shop: has(headers.shop)",
            "own.yaml:7:19: 'has' always holds\n    a field that is not there is null",
        ),
        ("payload.topic == \"scan\"", "null != payload.topic", "own.yaml:6:8: null stands on the left"),
        ("time: scan.at", "time: moment(scan.at, \"%Q\")", "own.yaml:18:28: this is no form of a time"),
        (
            "A: in_transit",
            "A: in_transt",
            "own.yaml:11:17: there is no parcel status 'in_transt'\n    did you mean 'in_transit'?",
        ),
        ("to: parcel_status", "to: statuses", "own.yaml:10:9: to: there is no such vocabulary"),
        (
            "parcel: payload.parcel",
            "payload: payload.parcel",
            "own.yaml:13:3: 'payload' is the name of something else already",
        ),
        (
            "type: parcel.tracked",
            "type: parcel.trackd",
            "own.yaml:15:11: there is no event type 'parcel.trackd'\n    did you mean 'parcel.tracked'?",
        ),
        (
            "each: scan in",
            "each: scan of",
            "own.yaml:16:11: each: a name and a list are needed\n    write it as 'scan in payload.scans'",
        ),
        ("id: [parcel.number, scan.at]", "key: parcel.number", "own.yaml:17:5: an event has no 'key'"),
        (
            "place: scan.city",
            "plase: scan.city",
            "own.yaml:23:7: parcel.tracked has no field 'plase'\n    did you mean 'place'?",
        ),
        ("      carrier: '\"ups\"'\n", "", "own.yaml:20:7: parcel.tracked needs 'carrier'"),
        ("place: scan.city", "eta: scan.eta", "own.yaml:23:12: eta: its fields are needed, not a text"),
        ("place: scan.city", "eta: { earliest: scan.eta }", "own.yaml:23:12: parcel.tracked needs 'eta.latest'"),
        (
            "place: scan.city",
            "hold: { point: { adress: { city: scan.city } } }",
            "parcel.tracked has no field 'hold.point.adress'\n    did you mean 'address'?",
        ),
        (
            "place: scan.city",
            "hold: { id_required: { is: yes_please } }",
            "hold.id_required: it cannot be taken for true or false",
        ),
        (
            "status: status[scan.code]",
            "status: { is: in_transt }",
            "status: it cannot be taken for one of announced, picked_up",
        ),
        (
            "id: [parcel.number, scan.at]",
            "id: [either(parcel.number, scan.at)]",
            "put it in quotes, or on a line of its own",
        ),
        ("place: scan.city", "place: scan.city\n      place: scan.town", "own.yaml:24"),
        ("{ A: in_transit, B: delivered }", "{ A: in_transit, A: delivered }", "own.yaml:11"),
        ("place: scan.city", "shop: scan.city", "parcel.tracked has no field 'shop'"),
    ] {
        let found = faults(right, wrong);
        if !found.contains(told) {
            wrongly.push(format!("{wrong}\nfound: {found}\nexpected: {told}"));
        }
    }
    assert!(wrongly.is_empty(), "{}", wrongly.join("\n\n"));
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = SOUND.replace("headers.shop", "header.shop").replace("plase", "place").replace("scan.city", "scn.city");
    let faults = adapter(&text).err().unwrap();
    assert_eq!(faults.len(), 2, "{faults:#?}");
}

#[test]
fn what_is_missing_is_named() {
    let faults = adapter("adapter: own\n").err().unwrap();
    assert_eq!(faults.len(), 7, "{faults:#?}");
    assert!(faults.iter().all(|fault| fault.starts_with("own.yaml:1:1: the adapter has no '")), "{faults:#?}");
}
