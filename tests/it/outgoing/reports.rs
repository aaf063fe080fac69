//! What is told of decisions and attempts: by the published schemas, the same in both formats,
//! with ids that tell a repetition, and nothing personal (I9).

use std::collections::BTreeSet;
use std::path::Path;

use apache_avro::types::Value as Avro;
use reassure::domain::decision::{Cause, Decision, Entry, NotificationId, Reason, Sent, Skipped, Verdict};
use reassure::domain::event::Waybill;
use reassure::domain::journey::{ParcelKey, Phase, Subject};
use reassure::domain::notification::Outcome;
use reassure::domain::order::Channel;
use reassure::domain::party::Party;
use reassure::envelope::{Encoding, encode_report};
use reassure::outcome::{Report, ReportType, of_attempt, of_entry};
use reassure::ports::{AttemptRecord, Leased, Next};
use serde_json::Value;

use crate::store::fixture::{at, attempt, email, id, key};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn decision(rule: &str, verdict: Verdict) -> Decision {
    let waybill = Waybill { carrier: "colissimo".to_owned(), tracking_number: "6A1".to_owned() };
    let subject = Subject::Parcel(ParcelKey { waybill, epoch: 1 });
    Decision { rule: rule.into(), message: "delay".to_owned(), to: Party::Buyer, subject, verdict }
}

fn entry(cause: Cause) -> Entry {
    let sent = |channel, name: &str| Sent { channel, notification: id(name) };
    let skipped = || vec![Skipped { channel: Channel::Sms, reason: Reason::PhoneMissing }];
    Entry {
        at: at(10),
        cause,
        phase: Phase::Delay,
        note: Some("Ada Tester's parcel".to_owned()),
        decisions: vec![
            decision("delay", Verdict::Send { notifications: vec![sent(Channel::Email, "n1")], skipped: skipped() }),
            decision("silence", Verdict::Defer { until: at(99), reason: Reason::AwaitingDeadline }),
            decision(
                "usage",
                Verdict::Suppress {
                    reason: Reason::NoChannel,
                    detail: Some("ada@example.org".to_owned()),
                    skipped: skipped(),
                },
            ),
            decision("usage", Verdict::Suppress { reason: Reason::ConditionFalse, detail: None, skipped: vec![] }),
        ],
    }
}

fn causes() -> [Cause; 4] {
    [
        Cause::Event {
            event_type: "parcel.tracked".to_owned(),
            source: "/carriers".to_owned(),
            id: "7".to_owned(),
            time: at(5),
        },
        Cause::Timer { rule: "delay".into(), due: at(9) },
        Cause::Deferral { rule: "delay".into(), until: at(9) },
        Cause::Attempt { notification: NotificationId("n0".to_owned()) },
    ]
}

fn leased() -> Leased {
    let (notification, content) = email("n1");
    Leased { notification, key: key("A"), content, attempts: 2 }
}

fn attempts() -> Vec<AttemptRecord> {
    let ends = [Next::Accepted, Next::Retry(at(40)), Next::Wait(at(50)), Next::Dead, Next::Held];
    let mut attempts: Vec<AttemptRecord> =
        ends.into_iter().enumerate().map(|(second, next)| attempt("n1", second as i64, next)).collect();
    attempts[4] = AttemptRecord { status: None, provider_id: None, outcome: Outcome::Unknown, ..attempts[4].clone() };
    attempts
}

/// Every kind of report.
fn reports(check: impl FnMut(&Report<'_>)) {
    let (key, leased, attempts) = (key("A"), leased(), attempts());
    let entries = causes().map(entry);
    let decided = entries.iter().flat_map(|entry| of_entry(&key, entry, Some(TRACE)));
    decided.chain(attempts.iter().map(|record| of_attempt(&leased, record))).collect::<Vec<_>>().iter().for_each(check);
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(path)).unwrap()
}

fn json_schema(report_type: ReportType) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&file(&format!("json/outcomes/{}.json", report_type.as_str()))).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn structured(report: &Report<'_>) -> Value {
    serde_json::from_slice(&encode_report(report, "/reassure/test", Encoding::Json)).unwrap()
}

#[test]
fn each_is_what_its_schema_says() {
    let validators = ReportType::ALL.map(json_schema);
    let mut seen = BTreeSet::new();
    reports(|report| {
        let (kind, told) = (report.data.report_type(), structured(report));
        let faults: Vec<String> = validators[kind as usize].iter_errors(&told).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{told:#}: {faults:?}");
        assert_eq!(told["type"], kind.as_str());
        assert_eq!((&told["subject"], &told["traceparent"]), (&"A".into(), &TRACE.into()));
        seen.insert(kind.as_str());
    });
    assert_eq!(seen.len(), ReportType::ALL.len());
}

#[test]
fn the_published_examples_are_what_is_written() {
    let mut entry = entry(causes()[0].clone());
    entry.decisions.truncate(1);
    let key = key("A");
    let (leased, attempts) = (leased(), attempts());
    for report in [of_entry(&key, &entry, Some(TRACE)).remove(0), of_attempt(&leased, &attempts[1])] {
        let example = file(&format!("examples/outcomes/{}.json", report.data.report_type().as_str()));
        let example: Value = serde_json::from_str(&example).unwrap();
        assert_eq!(example, structured(&report), "{:#}", structured(&report));
    }
}

/// The JSON that says the same, as far as reports need it: nulls and empty lists are left out, and
/// moments are milliseconds.
fn plain(value: Avro) -> Option<Value> {
    Some(match value {
        Avro::Null => return None,
        Avro::Union(_, inner) => return plain(*inner),
        Avro::String(it) => it.into(),
        Avro::Long(it) | Avro::TimestampMillis(it) => it.into(),
        Avro::Array(items) if items.is_empty() => return None,
        Avro::Array(items) => items.into_iter().filter_map(plain).collect(),
        Avro::Record(fields) => {
            Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name, plain(value)?))).collect())
        }
        other => panic!("{other:?}"),
    })
}

fn in_millis(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str().map(reassure::domain::time::Timestamp::parse)) {
                    ("time" | "until" | "retry_at", Some(Ok(moment))) => *value = moment.millis().into(),
                    _ => in_millis(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_millis),
        _ => {}
    }
}

#[test]
fn avro_says_the_same_as_json() {
    reports(|report| {
        let kind = report.data.report_type();
        let schema = file(&format!("avro/outcomes/{}.avsc", kind.as_str()));
        let schema = apache_avro::Schema::parse_str(&schema).unwrap();
        let bytes = encode_report(report, "/reassure/test", Encoding::Avro);
        let (header, mut datum) = bytes.split_at(10);
        assert_eq!(header[..2], [0xC3, 0x01]);
        assert_eq!(header[2..], schema.fingerprint::<apache_avro::rabin::Rabin>().bytes[..]);
        let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap();
        let read = plain(reader.read_value(&mut datum).unwrap()).unwrap();
        assert!(datum.is_empty());
        let mut told = structured(report);
        in_millis(&mut told);
        for name in ["id", "source", "time", "data"] {
            assert_eq!(read[name], told[name], "{name}");
        }
    });
}

#[test]
fn a_repetition_has_the_same_id_and_nothing_else_has() {
    let mut ids = BTreeSet::new();
    let mut count = 0;
    let mut again = Vec::new();
    reports(|report| {
        count += 1;
        ids.insert(report.id.clone());
        again.push(report.id.clone());
    });
    assert_eq!(ids.len(), count, "two of them share an id");
    let mut second = Vec::new();
    reports(|report| second.push(report.id.clone()));
    assert_eq!(again, second);
    let entry = entry(causes()[0].clone());
    let (one, other) = (key("A"), key("B"));
    assert_ne!(of_entry(&one, &entry, None)[0].id, of_entry(&other, &entry, None)[0].id, "of another order");
}

#[test]
fn nothing_personal_is_told() {
    reports(|report| {
        for format in [Encoding::Json, Encoding::Avro] {
            let bytes = encode_report(report, "/reassure/test", format);
            let told = String::from_utf8_lossy(&bytes).to_lowercase();
            for secret in ["ada", "example.org", "parcel is late", "attempt at"] {
                assert!(!told.contains(secret), "{secret} in {told}");
            }
        }
    });
}
