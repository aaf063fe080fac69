//! What each fixture becomes, as a whole, and that the service takes it.

use serde_json::json;

use super::{Fixture, SHIPPED, decoded, shipped};

#[test]
fn every_fixture_becomes_what_it_became() {
    for fixture in Fixture::all() {
        let events = shipped(&fixture.adapter).adapt(&fixture.payload, &fixture.record()).unwrap();
        let name = format!("{}.{}", fixture.adapter, fixture.name);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(name, json!(events));
        });
    }
}

#[test]
fn the_service_takes_every_event_of_every_fixture() {
    for fixture in Fixture::all() {
        let adapter = shipped(&fixture.adapter);
        let events = adapter.adapt(&fixture.payload, &fixture.record()).unwrap();
        let taken = decoded(&adapter, &fixture.record());
        assert_eq!(taken.map(|taken| taken.len()), Ok(events.len()), "{}/{}", fixture.adapter, fixture.name);
    }
}

#[test]
fn every_shipped_adapter_has_a_fixture_that_becomes_events() {
    for adapter in SHIPPED.iter() {
        let name = &adapter.about().name;
        let tried = Fixture::all().into_iter().filter(|fixture| fixture.adapter == *name);
        let events: usize =
            tried.map(|fixture| shipped(name).adapt(&fixture.payload, &fixture.record()).unwrap().len()).sum();
        assert!(events > 0, "{name}");
    }
}

#[test]
fn each_fixture_is_for_one_adapter_alone() {
    for fixture in Fixture::all() {
        let takers = SHIPPED.takers(&fixture.payload, &fixture.record());
        let takers: Vec<&str> = takers.iter().map(|adapter| adapter.about().name.as_str()).collect();
        assert_eq!(takers, [fixture.adapter.as_str()], "{}", fixture.name);
    }
}

/// Adobe Commerce's entities hold password hashes and payment data; other payloads hold addresses
/// of the network, names of who signed, tags of the customer.
#[test]
fn nothing_survives_that_no_mapping_names() {
    let secrets = ["SECRET", "192.0.2.", "curl", "vip", "wc_order_abc", "ADA EXEMPLE", "A EXEMPLE", "t-1\""];
    for fixture in Fixture::all() {
        let events = shipped(&fixture.adapter).adapt(&fixture.payload, &fixture.record()).unwrap();
        let text = json!(events).to_string();
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {}/{}", fixture.adapter, fixture.name);
        }
    }
}
