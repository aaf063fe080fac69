//! `explain`, as a person calls it: why a decision was taken, from what the store keeps.

use reassure::sandbox::Vendor;

use super::events::placed;
use super::harness::{World, json, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_from_the_store() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&[placed("Z1")]).await;
    let confirmed = |message: &super::harness::Message| message.is("Z1", "confirmation", Vendor::Resend);
    world.messages_until("it is confirmed", |all| all.iter().any(confirmed)).await;

    let told = world.command(&["explain", "lumen", "Z1", "confirmation", "--all"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let told = text(&told.stdout);
    for part in [
        "confirmation  ",
        "on order.placed",
        "sent by email",
        "when: true",
        "valid_while: true",
        "what there was to worry about in the order:",
        "value: false",
        "order.total >= 300.0 → false",
        "order.id = \"Z1\"",
    ] {
        assert!(told.contains(part), "'{part}' is missing in\n{told}");
    }
    let told = json(&world.command(&["explain", "lumen", "Z1", "-o", "json"]));
    let rules: Vec<&str> =
        told.as_array().unwrap().iter().map(|one| one["decision"]["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"confirmation") && rules.contains(&"promise_missed"), "{rules:?}");

    for nothing in [&["explain", "lumen", "Z9"][..], &["explain", "lumen", "Z1", "delivered"]] {
        let told = world.command(nothing);
        assert_eq!((told.status.code(), text(&told.stdout)), (Some(3), String::new()), "{nothing:?}");
    }
    service.kill();
}
