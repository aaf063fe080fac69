//! The examples, played one after the other, are a story; a few more orders make it longer.

use reassure::domain::event::EventType;
use serde_json::Value;

use super::{example, read, record};

fn story() -> Vec<Value> {
    let text = include_str!("../../../schemas/examples/story.ndjson");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_example_is_part_of_it() {
    let story = story();
    for event_type in EventType::ALL {
        assert!(story.contains(&example(*event_type)), "{}", event_type.as_str());
    }
}

#[test]
fn it_can_be_read_in_the_order_of_its_times() {
    let times: Vec<_> = story().iter().map(|event| read(&record(event.to_string(), &[])).unwrap().event.time).collect();
    assert!(times.is_sorted());
}

#[test]
fn every_order_is_placed_before_anything_is_said_of_it() {
    let mut placed = Vec::new();
    for event in story() {
        let Some(order) = event["data"]["order_id"].as_str() else { continue };
        if event["type"] == "order.placed" {
            placed.push(order.to_owned());
        }
        assert!(placed.iter().any(|known| known == order), "{event}");
    }
    assert_eq!(placed.len(), 3);
}
