//! What is wrong with templates is found, told with its place, and with what would be right.

use std::fs;
use std::path::Path;

use reassure::message::Templates;
use tempfile::TempDir;

/// A folder with a message of the shop's own that is right, and one file of it replaced.
fn folder(file: &str, content: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, content) in [
        ("subject.hbs", "Order {{order.id}}"),
        ("html.hbs", "<p>{{order.id}}{{#if shop.email}} {{shop.email}}{{/if}}</p>"),
        ("text.hbs", "{{order.id}}{{#if shop.phone}} {{shop.phone}}{{/if}}"),
        ("sms.hbs", "{{order.id}}"),
    ] {
        write(folder.path(), &format!("greeting/en/{part}"), content);
    }
    if content.is_empty() {
        fs::remove_file(folder.path().join(file)).unwrap();
    } else {
        write(folder.path(), file, content);
    }
    folder
}

fn write(folder: &Path, file: &str, content: &str) {
    let file = folder.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn faults(folder: &TempDir) -> String {
    let faults = match Templates::load(Some(folder.path())) {
        Ok(templates) => templates.check(),
        Err(faults) => faults,
    };
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    shown.join("\n").replace(&folder.path().display().to_string(), "…")
}

/// What the check says of a text part that begins with what the message has to tell anyway.
fn of_text(content: &str) -> String {
    faults(&folder("greeting/en/text.hbs", &format!("{{{{order.id}}}}{{{{#if shop.phone}}}}.{{{{/if}}}}\n{content}")))
}

#[test]
fn a_folder_that_is_right_has_none() {
    assert_eq!(of_text("{{#if customer.name}}{{customer.name}}{{/if}}"), "");
}

#[test]
fn names() {
    insta::assert_snapshot!(of_text("\n{{order.ids}}"), @r#"
    …/greeting/en/text.hbs:3:1: there is no 'ids' in 'order'
        did you mean 'id'?
    "#);
    insta::assert_snapshot!(of_text("{{ordre.id}}"), @r#"
    …/greeting/en/text.hbs:2:1: there is no 'ordre'
        did you mean 'order'?
    "#);
    insta::assert_snapshot!(of_text("{{#each order.items}}{{nmae}}{{/each}}"), @r#"
    …/greeting/en/text.hbs:2:22: there is no 'nmae' in 'order.items'
        did you mean 'name'?
    "#);
    insta::assert_snapshot!(of_text("{{#each order.items}}{{../../order.id}}{{/each}}"), @"…/greeting/en/text.hbs:2:22: '../../order.id' leads outside of what a template sees");
    insta::assert_snapshot!(of_text("{{@index}}"), @"…/greeting/en/text.hbs:2:1: there is '@index' only within {{#each}}");
    insta::assert_snapshot!(of_text("{{dat order.placed_at}}"), @r#"
    …/greeting/en/text.hbs:2:1: there is no helper 'dat'
        did you mean 'date'?
    "#);
}

#[test]
fn what_may_be_missing() {
    insta::assert_snapshot!(of_text("{{customer.name}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'customer.name' may be missing
        put it between {{#if customer.name}} and {{/if}}
    "#);
    insta::assert_snapshot!(of_text("{{#if hold}}{{hold.code}}{{/if}}"), @r#"
    …/greeting/en/text.hbs:2:13: 'hold.code' may be missing
        put it between {{#if hold.code}} and {{/if}}
    "#);
    insta::assert_snapshot!(of_text("{{#each hold.hours}}{{day on}}{{/each}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'hold' may be missing
        put it between {{#if hold.hours}} and {{/if}}
    "#);
    insta::assert_snapshot!(of_text("{{#with hold}}{{since}}{{/with}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'hold' may be missing
        put it between {{#if hold}} and {{/if}}
    …/greeting/en/text.hbs:2:15: 'hold.since' is not text and needs a helper
        write {{date since}}
    "#);
    insta::assert_snapshot!(of_text("{{#if hold}}.{{else}}{{date hold.since}}{{/if}}"), @r#"
    …/greeting/en/text.hbs:2:22: 'hold' may be missing
        put it between {{#if hold.since}} and {{/if}}
    "#);
    insta::assert_snapshot!(of_text("{{#if (or hold parcel)}}.{{/if}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'hold' may be missing
        put it between {{#if hold}} and {{/if}}
    …/greeting/en/text.hbs:2:1: 'parcel' may be missing
        put it between {{#if parcel}} and {{/if}}
    "#);
    insta::assert_snapshot!(of_text("{{#each order.items}}{{variant}}{{/each}}"), @r#"
    …/greeting/en/text.hbs:2:22: 'order.items.variant' may be missing
        put it between {{#if variant}} and {{/if}}
    "#);
    // and what is guarded, however
    assert_eq!(of_text("{{#unless hold}}.{{else}}{{date hold.since}}{{/unless}}"), "");
    assert_eq!(of_text("{{#with hold}}{{date since}}{{#if code}}{{code}}{{/if}}{{else}}.{{/with}}"), "");
    assert_eq!(of_text("{{#if parcel.tracking_url}}{{parcel.carrier}}{{parcel.tracking_url}}{{/if}}"), "");
    assert_eq!(
        of_text("{{#each order.items}}{{#if variant}}{{variant}} {{../order.id}} {{@root.shop.name}}{{/if}}{{/each}}"),
        ""
    );
}

#[test]
fn what_needs_a_helper() {
    insta::assert_snapshot!(of_text("{{order.placed_at}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'order.placed_at' is not text and needs a helper
        write {{date order.placed_at}}
    "#);
    insta::assert_snapshot!(of_text("{{money order.placed_at}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'money' cannot show 'order.placed_at'
        for this there is 'date', 'day', 'day_short', 'time'
    "#);
    insta::assert_snapshot!(of_text("{{order.items}}"), @r#"
    …/greeting/en/text.hbs:2:1: 'order.items' is a list
        go through it with {{#each order.items}}
    "#);
    insta::assert_snapshot!(of_text("{{order.totals}}"), @"…/greeting/en/text.hbs:2:1: 'order.totals' is not text; one of its parts can be shown");
    insta::assert_snapshot!(of_text("{{#each order.id}}.{{/each}}"), @"…/greeting/en/text.hbs:2:1: 'order.id' is no list");
}

#[test]
fn what_is_not_escaped() {
    let folder = folder("greeting/en/html.hbs", "{{{order.id}}}{{#if shop.email}}.{{/if}}");
    insta::assert_snapshot!(faults(&folder), @r#"
    …/greeting/en/html.hbs:1:1: what is shown with three braces is not escaped
        use two braces
    "#);
}

#[test]
fn files() {
    insta::assert_snapshot!(faults(&folder("greeting/en/sms.hbs", "")), @r#"
    …/greeting/en/sms.hbs: 'greeting' has no sms.hbs in 'en'
        every message needs its four files in every language
    "#);
    insta::assert_snapshot!(faults(&folder("greeting/en/htm.hbs", "x")), @r#"
    …/greeting/en/htm.hbs: not a file of a message
        a message has <message>/<locale>/subject.hbs, html.hbs, text.hbs and sms.hbs; partials go into layout/
    "#);
    insta::assert_snapshot!(faults(&folder("greeting/fr/sms.hbs", "{{order.id}}")), @r#"
    …/greeting/fr/html.hbs: 'greeting' has no html.hbs in 'fr'
        every message needs its four files in every language
    …/greeting/fr/subject.hbs: 'greeting' has no subject.hbs in 'fr'
        every message needs its four files in every language
    …/greeting/fr/text.hbs: 'greeting' has no text.hbs in 'fr'
        every message needs its four files in every language
    "#);
    insta::assert_snapshot!(faults(&TempDir::new().unwrap()), @"…: there are no templates here");
}

#[test]
fn grammar_and_partials() {
    insta::assert_snapshot!(of_text("{{#if hold}}."), @"…/greeting/en/text.hbs:2:14: cannot be read from here on; a brace or a block may be open");
    let folder = folder("greeting/en/text.hbs", "\n\n{{> footr}}");
    write(folder.path(), "layout/footer.hbs", "x");
    insta::assert_snapshot!(faults(&folder), @r#"
    …/greeting/en/text.hbs:3:1: there is no partial 'footr'
        did you mean 'footer'?
    "#);
    write(folder.path(), "layout/footr.hbs", "{{> footr}}");
    insta::assert_snapshot!(faults(&folder), @"…/layout/footr.hbs:1:1: the partial 'footr' includes itself");
    // a fault within a partial is told where it was written
    write(folder.path(), "layout/footr.hbs", "a\nb\n{{oder.id}}");
    insta::assert_snapshot!(faults(&folder), @r#"
    …/greeting/en/text.hbs: 'greeting' does not tell which order it is about
        use 'order.id'
    …/greeting/en/text.hbs: 'greeting' does not tell whom to ask
        use 'shop.email' or 'shop.phone' or 'shop.help_url'
    …/layout/footr.hbs:3:1: there is no 'oder'
        did you mean 'order'?
    "#);
}

#[test]
fn what_a_message_may_not_leave_out() {
    let folder = TempDir::new().unwrap();
    for (part, content) in [("subject.hbs", "x"), ("html.hbs", "{{order.id}}"), ("text.hbs", "x"), ("sms.hbs", "x")] {
        write(folder.path(), &format!("pickup_chosen/en/{part}"), content);
    }
    insta::assert_snapshot!(faults(&folder), @r#"
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell the code to show
        use 'hold.code'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell the opening hours
        use 'hold.hours.on'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell the point's address
        use 'hold.point.address.lines'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell until when it can be collected
        use 'hold.until'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell whether to bring an identity document
        use 'hold.id_required'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell which point it waits at
        use 'hold.point.name'
    …/pickup_chosen/en/html.hbs: 'pickup_chosen' does not tell whom to ask
        use 'shop.email' or 'shop.phone' or 'shop.help_url'
    …/pickup_chosen/en/sms.hbs: 'pickup_chosen' does not tell the code to show
        use 'hold.code'
    …/pickup_chosen/en/sms.hbs: 'pickup_chosen' does not tell until when it can be collected
        use 'hold.until'
    …/pickup_chosen/en/sms.hbs: 'pickup_chosen' does not tell which point it waits at
        use 'hold.point.name'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell the code to show
        use 'hold.code'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell the opening hours
        use 'hold.hours.on'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell the point's address
        use 'hold.point.address.lines'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell until when it can be collected
        use 'hold.until'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell whether to bring an identity document
        use 'hold.id_required'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell which order it is about
        use 'order.id'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell which point it waits at
        use 'hold.point.name'
    …/pickup_chosen/en/text.hbs: 'pickup_chosen' does not tell whom to ask
        use 'shop.email' or 'shop.phone' or 'shop.help_url'
    "#);
}

#[test]
fn a_subject_that_comes_out_empty() {
    let folder = folder("greeting/en/subject.hbs", "{{#if hold}}Order {{order.id}}{{/if}}");
    let found = faults(&folder);
    assert!(found.contains("the subject is empty (with the sample 'placed')"), "{found}");
}
