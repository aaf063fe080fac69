//! `explain` and `rules test --from`, as a person calls them: why a decision was taken, and the journey as a test, from
//! what the store keeps.

use reassure::sandbox::Vendor;

use super::events::{placed, shipped};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_real_journey_becomes_a_test_that_names_nobody_and_holds() {
    let world = World::new().await;
    let mut service = world.run().await;
    world.publish(&[placed("Z1"), shipped("Z1")]).await;
    let shipping = |message: &super::harness::Message| message.is("Z1", "shipping", Vendor::Resend);
    world.messages_until("it is shipped", |all| all.iter().any(shipping)).await;
    service.kill();

    let written = world.command(&["rules", "test", "--from", "lumen", "Z1"]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let written = text(&written.stdout);
    assert!(written.contains("confirmation") && written.contains("shipping"), "{written}");
    let customer = &placed("Z1")["data"]["customer"];
    for personal in ["name", "email"].map(|key| customer[key].as_str().unwrap()) {
        assert!(!written.contains(personal), "'{personal}' is in\n{written}");
    }
    let file = world.folder.path().join("Z1.test.yaml");
    std::fs::write(&file, &written).unwrap();
    let held = world.command(&["rules", "test", file.to_str().unwrap()]);
    assert_eq!(held.status.code(), Some(0), "{}{}\n{written}", text(&held.stdout), text(&held.stderr));

    let nothing = world.command(&["rules", "test", "--from", "lumen", "Z9"]);
    assert_eq!((nothing.status.code(), text(&nothing.stdout)), (Some(3), String::new()));
}
