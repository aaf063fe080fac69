//! Dead letters as records, and back.

use bytes::Bytes;
use reassure::dead_letter::{Entry, Letter, marker, own_headers, parse_place, publication, shortened};
use reassure::domain::time::Timestamp;
use reassure::ports::{DeadRecord, Partition, Publication, Record, Stream};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn headers(pairs: &[(&str, &[u8])]) -> Vec<(String, Bytes)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value))).collect()
}

fn dead() -> DeadRecord {
    DeadRecord {
        record: Record {
            partition: Partition { topic: "shop.orders".into(), number: 3 },
            offset: 4711,
            key: Some(bytes("A-1")),
            value: Some(bytes("{\"broken")),
            headers: headers(&[("content-type", b"application/cloudevents+json"), ("raw", b"\xff\x00")]),
            timestamp: Some(1_772_438_400_000),
        },
        stage: "decode",
        cause: "malformed_json",
        detail: "line 1 column 8: a string without its end".to_owned(),
        at: Timestamp::from_millis(1_772_438_500_000),
    }
}

/// The publication as a reader of the topic finds it.
fn on_topic(publication: &Publication) -> Record {
    Record {
        partition: Partition { topic: "reassure.dlq".into(), number: 1 },
        offset: 7,
        key: publication.key.clone(),
        value: publication.value.clone(),
        headers: publication.headers.clone(),
        timestamp: publication.timestamp,
    }
}

fn letter(record: &Record) -> Letter {
    match Entry::read(record) {
        Entry::Letter(letter) => letter,
        Entry::Marker { .. } => panic!("a marker"),
    }
}

fn text(publication: &Publication, name: &str) -> String {
    let (_, value) = publication.headers.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}"));
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn a_dead_letter_is_the_record_as_it_came_with_the_headers_of_kafka_connect() {
    let (dead, published) = (dead(), publication(&dead()));
    assert_eq!(published.stream, Stream::DeadLetters);
    assert_eq!((&published.key, &published.value), (&dead.record.key, &dead.record.value));
    assert_eq!(published.timestamp, dead.record.timestamp);
    assert_eq!(published.headers[..2], dead.record.headers, "its own come first, untouched");
    for (name, value) in [
        ("__connect.errors.topic", "shop.orders"),
        ("__connect.errors.partition", "3"),
        ("__connect.errors.offset", "4711"),
        ("__connect.errors.stage", "decode"),
        ("__connect.errors.exception.class.name", "malformed_json"),
        ("__connect.errors.exception.message", "line 1 column 8: a string without its end"),
    ] {
        assert_eq!(text(&published, name), value);
    }
    let record = on_topic(&published);
    assert_eq!(own_headers(&record), dead.record.headers, "what is redriven is what came");
    let letter = letter(&record);
    assert_eq!((letter.partition, letter.offset, letter.bytes, letter.omitted), (1, 7, 8, false));
    assert_eq!(letter.origin(), Some((dead.record.partition, 4711)));
    assert_eq!(letter.cause.as_deref(), Some("malformed_json"));
}

#[test]
fn one_that_dies_again_tells_of_its_last_death_alone() {
    let mut again = dead();
    again.record.headers = publication(&dead()).headers;
    again.record.offset = 4800;
    let published = publication(&again);
    assert_eq!(published.headers.len(), publication(&dead()).headers.len());
    assert_eq!(text(&published, "__connect.errors.offset"), "4800");
}

#[test]
fn one_that_is_too_large_keeps_where_it_came_from_and_why() {
    let short = shortened(&publication(&dead()));
    assert_eq!((&short.key, &short.value), (&None, &None));
    assert!(own_headers(&on_topic(&short)).is_empty());
    let letter = letter(&on_topic(&short));
    assert_eq!((letter.bytes, letter.omitted), (8, true));
    assert_eq!(letter.origin().unwrap().1, 4711);
    assert_eq!(letter.detail.as_deref(), Some("line 1 column 8: a string without its end"));
}

#[test]
fn those_of_spring_are_read_too() {
    let record = Record {
        headers: headers(&[
            ("kafka_dlt-original-topic", b"shop.orders"),
            ("kafka_dlt-original-partition", &3_i32.to_be_bytes()),
            ("kafka_dlt-original-offset", &4711_i64.to_be_bytes()),
            ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.listener.ListenerExecutionFailedException"),
            ("kafka_dlt-exception-cause-fqcn", b"java.lang.IllegalStateException"),
            ("kafka_dlt-exception-message", b"no"),
            ("kafka_dlt-exception-stacktrace", b"at \xff"),
            ("id", b"1"),
        ]),
        ..on_topic(&publication(&dead()))
    };
    let letter = letter(&record);
    assert_eq!(letter.origin(), Some((Partition { topic: "shop.orders".into(), number: 3 }, 4711)));
    assert_eq!(letter.cause.as_deref(), Some("java.lang.IllegalStateException"));
    assert_eq!(own_headers(&record), headers(&[("id", b"1")]));
}

#[test]
fn whatever_else_is_on_the_topic_is_a_letter_of_unknown_origin() {
    let odd = [
        headers(&[]),
        headers(&[("__connect.errors.offset", b"many"), ("kafka_dlt-original-partition", b"123")]),
        headers(&[("__connect.errors.topic", b"\xff\xfe"), ("reassure.redriven", b"1-2")]),
        headers(&[("__connect.errors.partition", b"99999999999"), ("__connect.errors.offset", b"1")]),
    ];
    for headers in odd {
        let record = Record { headers, ..on_topic(&publication(&dead())) };
        assert_eq!(letter(&record).origin(), None, "{:?}", record.headers);
    }
}

#[test]
fn a_marker_names_the_letter_that_was_put_back() {
    let (name, value) = marker(1, 7);
    let record =
        Record { headers: headers(&[(name, value.as_bytes())]), value: None, ..on_topic(&publication(&dead())) };
    assert_eq!(Entry::read(&record), Entry::Marker { partition: 1, offset: 7 });
    assert_eq!(parse_place("1:7"), Some((1, 7)));
    for wrong in ["", "1", "1:", ":7", "ntf_0:1x", "1:7:9"] {
        assert_eq!(parse_place(wrong), None, "{wrong}");
    }
}
