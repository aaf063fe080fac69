//! Rules as people write them: every fault with its place, its words and what would be right.

use reassure::domain::condition::{Condition, Scope};
use reassure::domain::journey::Subject;
use reassure::domain::rule::parse;
use reassure::domain::view::Scene;

use super::story::{Story, at, event, order, same, shop};

/// A rule without a fault, with `change` in place of its line for the same key, or after it.
fn faults(change: &str) -> String {
    let key = change.split(':').next().expect("a key");
    let mut rule = String::new();
    let mut changed = false;
    for line in
        ["rule: r", "says: S.", "on: order.placed", "message: m", "channels: [email]", "once_per: order", "expires: 1d"]
    {
        let indent = if rule.is_empty() { "- " } else { "  " };
        let replaced = line.starts_with(&format!("{key}:")) || (key == "at" && line.starts_with("on:"));
        rule.push_str(&format!("{indent}{}\n", if replaced { change } else { line }));
        changed |= replaced;
    }
    if !changed {
        rule.push_str(&format!("  {change}\n"));
    }
    faults_of(&rule)
}

fn faults_of(text: &str) -> String {
    match parse("r.yaml", text) {
        Ok(rules) => format!("{} rules", rules.len()),
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn keys_are_those_of_a_rule() {
    same(
        &faults("mesage: m"),
        "r.yaml:8:3: a rule has no 'mesage'
             did you mean 'message'?",
    );
    same(&faults("colour: red"), "r.yaml:8:3: a rule has no 'colour'");
    same(&faults("rule: My Rule"), "r.yaml:1:3: 'My Rule' is no name for a rule: lower-case letters, digits and _ are");
    same(&faults("message: [m]"), "r.yaml:4:12: message: a text is needed");
    same(&faults("message: m\n  message: n"), "r.yaml:5:3: not a list of rules: duplicate mapping key: message");
    same(
        &faults_of("- rule: r\n"),
        "r.yaml:1:3: the rule 'r' has no 'says'
         r.yaml:1:3: the rule 'r' has no 'message'
         r.yaml:1:3: the rule 'r' has no 'channels'
         r.yaml:1:3: the rule 'r' has no 'once_per'
         r.yaml:1:3: the rule 'r' has no 'expires'
         r.yaml:1:3: the rule 'r' has neither 'on' nor 'at': nothing sets it going",
    );
    same(&faults_of("rule: r\n"), "r.yaml:1:1: not a list of rules: expected sequence start");
    same(&faults_of("- rule: [\n"), "r.yaml:1:9: not a list of rules: unclosed bracket '['");
}

#[test]
fn what_sets_a_rule_going_exists() {
    same(
        &faults("on: order.place"),
        "r.yaml:3:7: on: there is no event 'order.place'
             did you mean 'order.placed'?",
    );
    same(&faults("on: []"), "r.yaml:3:7: on: at least one event type is needed");
    same(
        &faults("on: 5"),
        "r.yaml:3:7: on: event types are needed, such as 'order.placed' or 'parcel.tracked: [delivered]'",
    );
    same(
        &faults("on:\n    - order.placed\n    - parcel.tracked: [delivred, lost]"),
        "r.yaml:4:5: on: there is no parcel status 'delivred'
             did you mean 'delivered'?",
    );
    same(&faults("on:\n    - parcel.tracked: []"), "r.yaml:4:5: on: a list of names is needed");
    same(
        &faults("on:\n    - order.placed: [delivered]"),
        "r.yaml:4:5: on: 'order.placed' has no statuses; only parcel.tracked has",
    );
    same(
        &faults("at: tomorrow"),
        "r.yaml:3:7: at: 'tomorrow' is no deadline
             write it as '4h after promise', '2 working days after last_scan' or '1 open day before hold_until'",
    );
    same(
        &faults("at: 4h after promis"),
        "r.yaml:3:7: at: there is no 'promis' to count from
             did you mean 'promise'?",
    );
    same(
        &faults("at: 4x after promise"),
        "r.yaml:3:7: at: 'x' in '4x' is no unit of time; write it as 30s, 15m, 36h, 2d or 1d 12h",
    );
    same(
        &faults("at: [1h after placed, 2h before arival]"),
        "r.yaml:3:7: at: there is no 'arival' to count from
             did you mean 'arrival'?",
    );
}

#[test]
fn what_a_rule_does_is_possible() {
    same(&faults("channels: []"), "r.yaml:5:13: channels: a list of names is needed");
    same(
        &faults("channels: [emial]"),
        "r.yaml:5:13: channels: there is no 'emial'
             known: email, sms, webhook",
    );
    same(&faults("once_per: day"), "r.yaml:6:13: once_per: one of order, shipment, parcel or event is needed");
    same(
        &faults("expires: 1 fortnight"),
        "r.yaml:7:12: expires: 'fortnight' in '1 fortnight' is no unit of time; write it as 30s, 15m, 36h, 2d or 1d 12h",
    );
    same(&faults("expires: 0h"), "r.yaml:7:12: expires: at once, so that nothing would ever be sent");
    same(&faults("priority: 256"), "r.yaml:8:13: priority: a whole number from 0 to 255 is needed");
    same(&faults("again_after: 5"), "r.yaml:8:16: again_after: a list of names is needed");
}

#[test]
fn a_condition_stands_where_it_is_wrong() {
    same(
        &faults("when: order.totl > 5"),
        "r.yaml:8:15: there is no field 'totl'
             did you mean 'total'?",
    );
    same(
        &faults("when: nwo > order.placed_at"),
        "r.yaml:8:9: 'nwo' is not known
             did you mean 'now'?",
    );
    same(&faults("when: true"), "r.yaml:8:9: a condition is needed, in quotes or after |");
    same(
        &faults("when: order.total >"),
        "r.yaml:8:21: not a condition: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    );
    same(
        &faults("when: \"'é' == order.methd\""),
        "r.yaml:8:23: there is no field 'methd'
             did you mean 'method'?",
    );
    same(
        &faults("when: 'order.methd == ''home'''"),
        "r.yaml:8:16: there is no field 'methd'
             did you mean 'method'?",
    );
    same(
        &faults("when: |\n    order.total > 5.0\n      && order.methd == \"home\""),
        "r.yaml:10:16: there is no field 'methd'
             did you mean 'method'?",
    );
    same(
        &faults("when: |\n    order.total > 5.0\n      && && order.method == \"home\""),
        "r.yaml:10:10: not a condition: Syntax error: extraneous input '&&' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    );
    same(
        &faults("when: >-\n    order.total > 5.0\n    && order.methd == \"home\""),
        "r.yaml:10:14: there is no field 'methd'
             did you mean 'method'?",
    );
    same(
        &faults("when: >-\n    order.total > 5.0\n    && && order.method == \"home\""),
        "r.yaml:10:8: not a condition: Syntax error: extraneous input '&&' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    );
    same(
        &faults("when: \"order.total > 5.0\n    && order.methd == \\\"home\\\"\""),
        "r.yaml:9:14: there is no field 'methd'
             did you mean 'method'?",
    );
    same(
        &faults("when: order.items.exists(item, item.skuu == 'x' && itm.quantity > 1)"),
        "r.yaml:8:39: there is no field 'skuu'
             did you mean 'sku'?
         r.yaml:8:54: 'itm' is not known
             known here: event, order, journey, shipment, parcel, hold, shop, now",
    );
}

#[test]
fn a_condition_looks_at_what_is_there_by_then() {
    same(
        &faults("valid_while: event.time < now"),
        "r.yaml:1:3: the rule 'r' looks at 'event' in 'valid_while', which is asked long after it
             say it with 'journey', 'parcel' or 'hold' as they are then",
    );
    same(
        &faults("when: parcel.over"),
        "r.yaml:1:3: the rule 'r' looks at 'parcel', but not all that sets it going is about one parcel",
    );
    same(&faults("at: 3d after last_scan\n  when: parcel.over"), "1 rules");
    same(
        &faults("at: 3d after promise\n  when: parcel.over"),
        "r.yaml:1:3: the rule 'r' looks at 'parcel', but not all that sets it going is about one parcel",
    );
    same(
        &faults("at: 1d before hold_until\n  when: parcel.over"),
        "r.yaml:1:3: the rule 'r' looks at 'parcel', but not all that sets it going is about one parcel",
    );
    same(
        &faults("at: 3d after promise\n  when: event.time < now"),
        "r.yaml:1:3: the rule 'r' looks at 'event' in 'when', but no event sets it going",
    );
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    same(
        &faults_of(
            "- rule: one
  says: One.
  on: order.place
  when: order.totl > 5
  message: m
  channels: [fax]
  once_per: order
  expires: soon
- rule: two
  says: Two.
  at: 1h after promise
",
        ),
        "r.yaml:3:7: on: there is no event 'order.place'
             did you mean 'order.placed'?
         r.yaml:4:15: there is no field 'totl'
             did you mean 'total'?
         r.yaml:6:13: channels: there is no 'fax'
             known: email, sms, webhook
         r.yaml:8:12: expires: 'soon' is no duration; write it as 30s, 15m, 36h, 2d or 1d 12h
         r.yaml:9:3: the rule 'two' has no 'message'
         r.yaml:9:3: the rule 'two' has no 'channels'
         r.yaml:9:3: the rule 'two' has no 'once_per'
         r.yaml:9:3: the rule 'two' has no 'expires'",
    );
}

#[test]
fn rules_of_a_folder_share_neither_names_nor_hopes() {
    let folder = tempfile::tempdir().expect("a folder");
    let rule = |name: &str, more: &str| {
        format!(
            "- rule: {name}\n  says: S.\n  on: order.placed\n  message: delay\n  channels: [email]\n  once_per: order\n  \
             expires: 1d\n{more}"
        )
    };
    let write = |file: &str, text: String| std::fs::write(folder.path().join(file), text).expect("written");
    let load = || {
        let faults = reassure::rules::load(Some(folder.path())).expect_err("faults");
        let place = format!("{}/", folder.path().display());
        faults
            .iter()
            .map(|fault| fault.to_string().replace(&place, "").replace(&*folder.path().display().to_string(), "here"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    same(&load(), "here: there is no rule in any *.yaml file here: nothing would ever be sent");
    write("a.yaml", rule("one", ""));
    write("b.yml", rule("one", ""));
    same(&load(), "b.yml:1:3: the rule 'one' stands in a.yaml already");
    write("b.yml", rule("two", "  again_after: [dealy]\n  only_if_told: [parole]\n"));
    same(
        &load(),
        "b.yml:1:3: the rule 'two' has 'dealy' in 'again_after', which no rule sends
             did you mean 'delay'?
         b.yml:1:3: the rule 'two' has 'parole' in 'only_if_told', which no rule sends",
    );
}

/// What a condition comes to about a parcel, right after it was delivered to Zaphod.
fn holds(condition: &str) -> String {
    let mut story = Story::of(order());
    story.tell("+1d ship S1 all A1\n+2d scan A1 delivered to=Zaphod code=D1");
    let subject = Subject::Parcel(story.journey.parcels[0].key.clone());
    let scan = event("scan A1 delivered to=Zaphod code=D1", "e", at("+2d"));
    let shop = shop();
    let scene = Scene { journey: &story.journey, shop: &shop, subject: &subject, event: Some(&scan), now: at("+2d1h") };
    let condition = Condition::parse(condition).expect("a condition");
    match Scope::new(scene).holds(&condition) {
        Ok(holds) => holds.to_string(),
        Err(why) => format!("error: {why}"),
    }
}

#[test]
fn conditions_see_facts_under_stable_names() {
    for condition in [
        "hold == null && shipment.extent == 'all' && event.place == null",
        "event.type == 'parcel.tracked' && event.status == 'delivered' && event.code == 'D1'",
        "parcel.status == 'delivered' && parcel.over && parcel.arrived && parcel.scans == 1",
        "now - parcel.last_scan_at == duration('1h') && journey.arrived_at == event.time",
        "order.items.all(item, item.quantity == 1u || item.quantity == 1) && size(order.items) == 1",
        "order.promise.latest - order.placed_at == duration('96h') && order.promise == order.first_promise",
        "'shipping' in journey.told && 'delivered' in parcel.told && !('delay' in journey.told)",
        "order.total >= 50.0 && order.concerns == [] && shop.country == 'FR' && journey.phase == 'delivery'",
    ] {
        assert_eq!(holds(condition), "true", "{condition}");
    }
}

#[test]
fn a_condition_that_cannot_be_evaluated_says_why_without_values() {
    // I9
    same(
        &holds("hold.kind == 'chosen'"),
        "error: found no matching overload for '_._' applied to '(null_type, string)'",
    );
    same(&holds("order.total"), "error: it is neither true nor false");
    same(&holds("parcel.carrier > 5"), "error: found no matching overload for '_>_' applied to '(string, int)'");
    same(&holds("order.items[7].sku == 'x'"), "error: there is no such element in the list");
    same(&holds("1 / (parcel.scans - 1) == 1"), "error: its parts do not fit together");
    same(&holds("int(parcel.carrier) == 1"), "error: 'int' failed");
    same(&holds("duration(parcel.carrier) == duration('1h')"), "error: 'duration' failed");
    same(&holds("parcel.carrier.matches('(')"), "error: 'matches' failed");
    same(&holds("now + duration('9999999h') > now"), "error: 'duration' failed");
    same(&holds("parcel.late_by_hours + parcel.carrier == 1.0"), "error: its parts do not fit together");
}
