//! Whatever an event holds: it stays text.

use proptest::prelude::*;
use reassure::domain::order::Channel;
use reassure::message::sample::Sample;
use reassure::message::sms;

use super::{OURS, email, sample, text_message, try_write, webhook};

fn named(name: &str) -> Sample {
    let mut sample = sample("held_as_chosen");
    let order = &mut sample.journey.order;
    order.customer.name = Some(name.into());
    order.items[0].name = name.to_owned();
    order.items[0].image_alt = Some(name.to_owned());
    order.items[0].usage = Some(name.to_owned());
    order.delivery.address.as_mut().unwrap().lines = vec![name.into()];
    let parcel = &mut sample.journey.parcels[0];
    parcel.key.waybill.tracking_number = name.to_owned();
    parcel.hold.as_mut().unwrap().notice.point.as_mut().unwrap().name = name.to_owned();
    sample.subject = reassure::domain::journey::Subject::Parcel(parcel.key.clone());
    sample.journey.key.order_id = name.to_owned();
    sample
}

/// The markup of a page: its tags and their attributes, without what stands between and within
/// the quotes.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, from)) = rest.split_once('<') {
        let mut quoted = false;
        let end = from.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let Some(end) = end else { panic!("a tag that does not end: {from}") };
        let outside: Vec<&str> = from[..end].split('"').step_by(2).collect();
        tags.push(outside.join("\""));
        rest = &from[end + 1..];
    }
    tags
}

fn json_ld(html: &str) -> serde_json::Value {
    let (_, from) = html.split_once(r#"<script type="application/ld+json">"#).unwrap();
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn markup_in_a_name_is_shown_as_it_is() {
    let name = r#"<script>alert("1")</script> & 'co'"#;
    for message in OURS.messages() {
        let letter = email(&named(name), message);
        assert!(!letter.html.contains("<script>"), "{message}");
        assert_eq!(skeleton(&letter.html), skeleton(&email(&named("Anna"), message).html), "{message}");
    }
    let html = email(&named(name), "confirmation").html;
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;"));
}

#[test]
fn json_ld_is_not_broken_out_of() {
    let name = "</script><script>alert(1)</script>\",\"x\":\"\u{2028}";
    for message in ["confirmation", "shipping"] {
        let html = email(&named(name), message).html;
        let document = json_ld(&html);
        assert!(document.get("x").is_none());
        assert_eq!(html.matches("<script").count(), 1, "{message}");
        let name = name.replace('\u{2028}', "");
        let order =
            if message == "confirmation" { &document["orderNumber"] } else { &document["partOfOrder"]["orderNumber"] };
        assert_eq!(order, name.trim());
    }
}

#[test]
fn no_header_is_begun_by_a_name() {
    let mut sample = named("Anna\r\nBcc: all@evil.example\u{2028}X: y\u{202e}");
    sample.shop.sender.email_name = "Orme\nBcc: x".to_owned();
    let letter = email(&sample, "confirmation");
    let name = letter.to_name.unwrap();
    for header in [&*letter.subject, &name, &letter.from, &letter.from_name, &letter.to] {
        assert!(!header.chars().any(char::is_control) && !header.contains(['\u{2028}', '\u{202e}']), "{header:?}");
    }
    assert_eq!(&*name, "Anna Bcc: all@evil.example X: y");
    // nor is a line of text, as if the shop had written it
    assert!(!letter.text.lines().any(|line| line.starts_with("Bcc")));
    assert!(!text_message(&sample, "pickup_chosen").chars().any(char::is_control));
}

#[test]
fn a_name_beside_an_address_holds_none_itself() {
    let letter = email(&named("Eve\" <eve@evil.example>; a"), "confirmation");
    assert_eq!(&*letter.to_name.unwrap(), "Eve eve@evil.example a");
}

#[test]
fn nothing_in_a_name_is_taken_for_a_template() {
    let letter = email(&named("{{order.id}} {{{shop.name}}} {{> footer}}"), "confirmation");
    assert!(letter.text.contains("Bonjour {{order.id}} {{{shop.name}}} {{> footer}},"));
    assert!(letter.html.contains("{{order.id}} {{{shop.name}}} {{&gt; footer}}"));
}

#[test]
fn only_web_addresses_become_links() {
    for url in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "http://\"onclick=x",
        "https://a b",
        "https://x\r\nBcc: y",
        "file:///etc/passwd",
        "https://<b>",
        " vbscript:x",
        "https:evil.example",
    ] {
        let mut sample = sample("held_as_chosen");
        sample.journey.order.order_url = Some(url.to_owned());
        sample.journey.order.items[0].image_url = Some(url.to_owned());
        sample.journey.order.items[1].guide_url = Some(url.to_owned());
        sample.journey.parcels[0].tracking_url = Some(url.to_owned());
        let point = sample.journey.parcels[0].hold.as_mut().unwrap().notice.point.as_mut().unwrap();
        point.map_url = Some(url.to_owned());
        for message in OURS.messages() {
            let letter = email(&sample, message);
            let escaped = url.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(!letter.html.contains(&format!("\"{}\"", escaped.trim())), "{message}: {url}");
            assert!(!letter.text.contains(&format!(" {}\n", url.trim())), "{message}: {url}");
        }
    }
    // and those that are, do
    let html = email(&sample("placed"), "confirmation").html;
    assert!(html.contains(r#"href="https://maison-orme.example/compte/commandes/FR-20418""#));
}

#[test]
fn a_webhook_document_tells_facts_and_no_personal_data() {
    for name in ["placed", "held_as_imposed", "delivered", "delayed"] {
        let document = webhook(&sample(name), "pickup_imposed");
        let text = document.to_string();
        for personal in ["Camille", "Moreau", "example.com", "+336", "Tilleuls", "Louise"] {
            assert!(!text.contains(personal), "'{personal}' in {text}");
        }
        assert_eq!(document["data"]["order_id"], "FR-20418");
    }
}

#[test]
fn a_webhook_document_stays_small() {
    let mut sample = sample("shipped_all");
    let item = sample.journey.order.items[0].clone();
    sample.journey.order.items = vec![item; 500];
    let Ok(reassure::domain::notification::Content::Webhook(webhook)) =
        try_write(&OURS, &sample, "shipping", Channel::Webhook)
    else {
        panic!("not written")
    };
    assert!(webhook.body.len() <= 20_000);
    assert!(webhook.body.contains(r#""shortened":true"#) && webhook.body.contains("FR-20418"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_stays_text(
        name in "[<>&\"'{}=/\\\\\r\n\t \u{0}-\u{2f}a-zé\u{202e}\u{2028}🎁]{1,60}|\\PC{1,40}|(</?(script|style|a)[^a-z]?){1,4}",
        message in prop::sample::select(OURS.messages().collect::<Vec<_>>()),
    ) {
        let sample = named(&name);
        let letter = email(&sample, message);
        let tags = skeleton(&letter.html);
        // a name of nothing but blanks is no name: then the greeting is another
        if letter.to_name.is_some() {
            prop_assert_eq!(tags, skeleton(&email(&named("Anna"), message).html));
        }
        for header in [&*letter.subject, letter.to_name.as_deref().unwrap_or_default()] {
            prop_assert!(!header.chars().any(char::is_control));
        }
        let text = text_message(&sample, message);
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert!(sms::size(&text).segments <= sms::MOST_SEGMENTS);
        webhook(&sample, message);
    }

    #[test]
    fn whatever_is_linked_is_on_the_web(
        url in "(https?|javascript|data|HTTPS)?:?/{0,2}[ -~\u{0}-\u{1f}é]{0,40}",
        message in prop::sample::select(OURS.messages().collect::<Vec<_>>()),
    ) {
        let mut sample = sample("held_as_chosen");
        sample.journey.order.order_url = Some(url.clone());
        sample.journey.parcels[0].tracking_url = Some(url);
        let html = email(&sample, message).html;
        skeleton(&html);
        for link in html.split("href=\"").skip(1) {
            let web = ["https://", "http://", "HTTPS://", "mailto:"].iter().any(|scheme| link.starts_with(scheme));
            prop_assert!(web, "{}", link);
        }
    }
}
