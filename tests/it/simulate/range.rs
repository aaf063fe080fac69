//! A range of topics, as `reassure simulate` reads it.

use std::process::Command;

use reassure::bus::embedded::EmbeddedBroker;
use reassure::bus::producer::Outbound;
use serde_json::Value;

use crate::bus::producer_at;
use crate::generated::Stream;
use crate::stack;

/// How many events were read, or the exit status.
fn read(brokers: &str, topic: &str, edges: &[&str]) -> Result<u64, i32> {
    let output = Command::new(env!("CARGO_BIN_EXE_reassure"))
        .args(["simulate", "-o", "json", "--topic", topic])
        .args(edges)
        .env_remove("REASSURE_CONFIG")
        .env("REASSURE__BUS__BROKERS", brokers)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    match serde_json::from_str::<Value>(&told) {
        Ok(told) if output.status.success() => Ok(told["events"]["read"].as_u64().unwrap()),
        _ => Err(output.status.code().unwrap()),
    }
}

/// Publishes so many generated events on one partition.
async fn publish(brokers: &str, topic: &str, count: usize) {
    let lines: Vec<String> = Stream::new(3, 100, 1_000).take(count).map(|recorded| recorded.line()).collect();
    let record = |line| Outbound { topic, value: Some(line), partition: Some(0), ..Outbound::default() };
    let records: Vec<Outbound<'_>> = lines.iter().map(|line| record(line.as_bytes())).collect();
    producer_at(brokers).publish_all(&records).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_cut_a_range_out_of_a_topic() {
    let broker = EmbeddedBroker::start(&[("range", 1)]).unwrap();
    let brokers = broker.bootstrap_servers();
    publish(&brokers, "range", 300).await;
    let read = |edges: &[&str]| read(&brokers, "range", edges);
    assert_eq!(read(&[]), Ok(300));
    assert_eq!(read(&["--from", "100"]), Ok(200));
    assert_eq!(read(&["--from", "100", "--to", "120"]), Ok(20));
    // a second time: nothing was committed by the first
    assert_eq!(read(&["--from", "100", "--to", "5000"]), Ok(200));
    assert_eq!(read(&["--from", "300"]), Err(3));
}

/// The embedded broker does not know which record is of which time.
#[tokio::test(flavor = "multi_thread")]
async fn times_cut_a_range_out_of_a_topic() {
    let Some(brokers) = stack::kafka() else { return };
    let topic = format!("range-{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff);
    publish(&brokers, &topic, 200).await;
    let between = chrono::Utc::now().to_rfc3339();
    publish(&brokers, &topic, 50).await;
    assert_eq!(read(&brokers, &topic, &[]), Ok(250));
    assert_eq!(read(&brokers, &topic, &["--from", &between]), Ok(50));
    assert_eq!(read(&brokers, &topic, &["--to", &between]), Ok(200));
    assert_eq!(read(&brokers, &topic, &["--from", "2999-01-01T00:00:00Z"]), Err(3));
}
