//! Records with anything in them, through the whole service (promise 14, I8).

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reassure::bus::producer::Outbound;
use reassure::sandbox::Vendor;

use super::events::{ORDERS, placed, scan, shipped};
use super::harness::{World, eventually, json};

const RECORDS: usize = 400;

/// An event with some of its bytes changed, cut off or doubled; or bytes of no kind.
fn spoiled(random: &mut StdRng) -> Vec<u8> {
    let order = format!("Z{}", random.random_range(100..130));
    let event = match random.random_range(0..3) {
        0 => placed(&order),
        1 => shipped(&order),
        _ => scan(&order, "in_transit", 30),
    };
    let mut bytes = serde_json::to_vec(&event).unwrap();
    for _ in 0..random.random_range(1..3) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at + 1),
            3 => bytes.extend_from_within(at..),
            _ => bytes = (0..random.random_range(1..64)).map(|_| random.random()).collect(),
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_bytes_come_each_record_ends_somewhere() {
    let seed = std::env::var("REASSURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("REASSURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new().await;
    let mut service = world.run().await;
    for _ in 0..RECORDS {
        let value = spoiled(&mut random);
        let record = Outbound { topic: ORDERS, value: Some(&value), partition: Some(1), ..Outbound::default() };
        world.publish_raw(record).await;
    }
    let good = serde_json::to_vec(&placed("Z1")).unwrap();
    world.publish_raw(Outbound { topic: ORDERS, value: Some(&good), partition: Some(1), ..Outbound::default() }).await;
    world
        .messages_until("the partition moves on", |all| {
            all.iter().any(|message| message.is("Z1", "confirmation", Vendor::Resend))
        })
        .await;
    let ended = async |service: &mut super::harness::Service| {
        let metrics = service.get("/metrics").await.body;
        let of = metrics.lines().filter(|line| line.starts_with("reassure_events_total{"));
        of.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>()
    };
    #[allow(clippy::cast_precision_loss, reason = "some hundred records")]
    let all = (RECORDS + 1) as f64;
    // a released event is counted when it was parked, and again
    assert!(ended(&mut service).await >= all);
    let dead = world.count("SELECT count(*) FROM dead_records");
    assert!(dead > 50, "{dead}");
    assert_eq!(world.count("SELECT count(*) FROM dead_records WHERE cause = '' OR detail = ''"), 0);
    assert!(json(&world.command(&["dlq", "redrive", "--all", "--yes", "-o", "json"]))["put_back"].as_array().is_some());
    eventually("all are read again, and are as bad as before", async || {
        world.count("SELECT count(*) FROM dead_records WHERE redriven = 1") == 0
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM dead_records"), dead);
    assert_eq!(service.get("/readyz").await.status, 200);
    assert!(!service.log().contains("panicked"));
}
