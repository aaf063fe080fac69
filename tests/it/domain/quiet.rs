//! Quiet hours: what would wake the customer waits, by the customer's own clock.

use chrono::{Duration, NaiveTime, TimeZone};
use chrono_tz::{America, Europe, Pacific, TZ_VARIANTS, Tz};
use proptest::prelude::*;
use reassure::domain::calendar::Holidays;
use reassure::domain::order::Order;
use reassure::domain::quiet::QuietHours;
use reassure::domain::time::Timestamp;
use serde_json::{Value, json};

use super::story::{Story, order, order_with, own_rules_of, same, shop_with};

/// Tells of each scan by e-mail, SMS and webhook.
fn rule(keys: &str) -> String {
    format!(
        "- rule: scan\n  says: S.\n  on: parcel.tracked\n  message: delay\n  channels: [email, sms, webhook]\n  \
         once_per: event\n  valid_while: \"!parcel.over\"\n  expires: 1d\n  {keys}\n"
    )
}

fn told(order: Order, quiet: Value, keys: &str, script: &str) -> String {
    let rules = own_rules_of(&rule(keys), shop_with(json!({ "quiet_hours": quiet })));
    Story::with(order, rules).tell(&format!("+1h ship S1 all A1\n{script}"))
}

fn nights() -> Value {
    json!({ "sms": "21:00-08:00" })
}

#[test]
fn the_text_message_waits_for_the_morning_and_the_email_does_not() {
    // the story begins at nine in Paris
    same(
        &told(order(), nights(), "priority: 50", "+11h scan A1 in_transit\n+12h scan A1 delayed\n+2d wait"),
        "+11h parcel.tracked scan[A1] send email+sms+webhook
         +12h parcel.tracked scan[A1] send email+webhook -sms:quiet_hours
         +12h parcel.tracked scan[A1] until +23h
         +23h deferral scan[A1] send sms",
    );
    same(
        &told(order(), nights(), "quiet_hours: ignore", "+12h scan A1 delayed\n+2d wait"),
        "+12h parcel.tracked scan[A1] send email+sms+webhook",
    );
    same(
        &told(order(), json!({ "sms": "none" }), "priority: 50", "+12h scan A1 delayed\n+2d wait"),
        "+12h parcel.tracked scan[A1] send email+sms+webhook",
    );
}

#[test]
fn in_the_morning_it_is_decided_anew() {
    same(
        &told(order(), nights(), "priority: 50", "+12h scan A1 delayed\n+15h replace S1 A1 A2\n+2d wait"),
        "+12h parcel.tracked scan[A1] send email+webhook -sms:quiet_hours
         +12h parcel.tracked scan[A1] until +23h
         +23h deferral scan[A1] no no_longer_true",
    );
    same(
        &told(order(), nights(), "priority: 50", "+12h scan A1 delayed\n+20h@+11h scan A1 lost\n+2d wait"),
        "+12h parcel.tracked scan[A1] send email+webhook -sms:quiet_hours
         +12h parcel.tracked scan[A1] until +23h
         +20h parcel.tracked scan[A1] no old_news
         +23h deferral scan[A1] send sms",
    );
}

#[test]
fn what_is_no_news_by_the_morning_is_not_said() {
    same(
        &told(order(), nights(), "priority: 50", "+13h@-10h scan A1 in_transit\n+2d wait"),
        "+13h parcel.tracked scan[A1] send email+webhook -sms:quiet_hours",
    );
    let everything = json!({ "sms": "21:00-08:00", "email": "20:00-09:00" });
    let rules = own_rules_of(
        &rule("otherwise: [sms]").replace("[email, sms, webhook]", "[email, sms]"),
        shop_with(json!({ "quiet_hours": everything })),
    );
    same(
        &Story::with(order(), rules)
            .tell("+1h ship S1 all A1\n+13h@-10h scan A1 in_transit\n+14h scan A1 delayed\n+2d wait"),
        "+13h parcel.tracked scan[A1] no quiet_hours -email:quiet_hours -sms:quiet_hours
         +14h parcel.tracked scan[A1] until +23h
         +14h parcel.tracked scan[A1] until +1d
         +23h deferral scan[A1] send sms
         +1d deferral scan[A1] send email",
    );
}

#[test]
fn it_goes_by_the_recipients_clock() {
    let scan = "+2h scan A1 delayed\n+3d wait";
    let quiet = |until: &str| {
        format!(
            "+2h parcel.tracked scan[A1] send email+webhook -sms:quiet_hours
             +2h parcel.tracked scan[A1] until {until}
             {until} deferral scan[A1] send sms"
        )
    };
    let of = |changes: Value| told(order_with(changes), nights(), "priority: 50", scan);
    // five in the morning in Montréal
    same(&of(json!({ "customer": { "time_zone": "America/Montreal" } })), &quiet("+5h"));
    // the zone of the country, where it has one; two hours past nine in Paris is evening in Nouméa
    same(&of(json!({ "delivery": { "address": { "country": "NC" } } })), &quiet("+13h"));
    same(&of(json!({ "delivery": { "address": { "country": "FR", "postal_code": "98800" } } })), &quiet("+13h"));
    // the customer's own word counts more, and the shop's clock where nobody knows
    let at_home = "+2h parcel.tracked scan[A1] send email+sms+webhook";
    same(
        &of(json!({ "customer": { "time_zone": "Europe/Paris" }, "delivery": { "address": { "country": "NC" } } })),
        at_home,
    );
    same(&of(json!({ "delivery": { "address": { "country": "US" } } })), at_home);
}

#[test]
fn a_retry_does_not_ring_at_night() {
    let rules = own_rules_of(&rule("priority: 50"), shop_with(json!({ "quiet_hours": nights() })));
    let mut story = Story::with(order(), rules);
    same(
        &story.tell(
            "+1h ship S1 all A1
             +11h scan A1 delayed
             +12h look scan
             +23h look scan",
        ),
        "+11h parcel.tracked scan[A1] send email+sms+webhook
         +12h look scan email:ok sms:until +23h webhook:ok
         +23h look scan email:ok sms:ok webhook:ok",
    );
}

#[test]
fn a_weekend_and_a_holiday_follow_on_one_another() {
    let quiet: QuietHours = quiet("21:00-08:00, saturday 19:00-24:00, sunday, holidays");
    let paris = |text: &str| {
        let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect(text);
        Timestamp(Europe::Paris.from_local_datetime(&local).earliest().expect("a clock shows it").to_utc())
    };
    let end = |at: &str| {
        let end = quiet.end(paris(at), Europe::Paris, Holidays::at("FR", "69002"));
        end.map(|end| end.in_zone(Europe::Paris).format("%a %H:%M").to_string())
    };
    // Easter
    assert_eq!(end("2026-04-04 18:59"), None);
    assert_eq!(end("2026-04-04 19:00").as_deref(), Some("Tue 08:00"));
    assert_eq!(end("2026-04-06 12:00").as_deref(), Some("Tue 08:00"));
    assert_eq!(end("2026-04-07 08:00"), None);
    assert_eq!(end("2026-04-11 19:00").as_deref(), Some("Mon 08:00"));
}

#[test]
fn quiet_hours_through_a_change_of_clocks() {
    let end = |text: &str, at: &str, zone: Tz| {
        let at = Timestamp::parse(at).expect(at);
        quiet(text).end(at, zone, Holidays::default()).map(|end| end.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    // on 29 March 2026 clocks in Paris skip from two to three, on 25 October they show it twice
    assert_eq!(end("21:00-08:00", "2026-03-28T23:00:00Z", Europe::Paris), some("2026-03-29T06:00:00Z"));
    assert_eq!(end("21:00-02:15", "2026-03-29T00:30:00Z", Europe::Paris), some("2026-03-29T01:00:00Z"));
    assert_eq!(end("02:45-06:00", "2026-03-29T01:00:00Z", Europe::Paris), some("2026-03-29T04:00:00Z"));
    assert_eq!(end("21:00-02:30", "2026-10-24T23:00:00Z", Europe::Paris), some("2026-10-25T01:30:00Z"));
    assert_eq!(end("02:30-04:00", "2026-10-25T00:30:00Z", Europe::Paris), some("2026-10-25T03:00:00Z"));
    // Apia left out 30 December 2011
    assert_eq!(end("21:00-08:00", "2011-12-30T09:00:00Z", Pacific::Apia), some("2011-12-30T18:00:00Z"));
    // Caracas moved by half an hour, in 2007 and back in 2016
    assert_eq!(end("21:00-08:00", "2016-05-01T06:00:00Z", America::Caracas), some("2016-05-01T12:00:00Z"));
}

#[test]
fn quiet_hours_are_written_as_they_are_read() {
    for (text, spelt) in [
        ("none", "none"),
        ("21:00-08:00", "21:00-08:00"),
        ("sunday", "sunday 00:00-24:00"),
        ("21:30-7:05,holidays , saturday 19:00-24:00", "21:30-07:05, holidays 00:00-24:00, saturday 19:00-24:00"),
    ] {
        assert_eq!(quiet(text).to_string(), spelt);
        assert_eq!(quiet(spelt), quiet(text));
    }
    let wrong = |text: &str| QuietHours::try_from(text.to_owned()).expect_err(text);
    for text in ["", "21-8", "21:00", "21:00-25:00", "sonntag", "sunday monday", "21:00-08:00,"] {
        assert!(
            wrong(text).ends_with("write them as \"21:00-08:00, sunday, holidays\", or \"none\""),
            "{}",
            wrong(text)
        );
    }
    assert!(wrong("08:00-20:00, 20:00-08:00").contains("never ends"));
    assert!(wrong("00:00-24:00").contains("never ends"));
}

fn quiet(text: &str) -> QuietHours {
    QuietHours::try_from(text.to_owned()).expect(text)
}

fn is_between(time: NaiveTime, from: u32, until: u32) -> bool {
    let passed = (time - NaiveTime::MIN).num_seconds();
    let (from, until) = (i64::from(from) * 60, i64::from(until) * 60);
    if from < until { (from..until).contains(&passed) } else { passed >= from || passed < until }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whenever a clock shows a quiet hour it is one; its end lies ahead, less than a day away, and the
    /// clock shows an hour that is not quiet then.
    #[test]
    fn quiet_ends_within_a_day_and_outside(
        zone in prop::sample::select(TZ_VARIANTS.to_vec()),
        // 1970 to 2106
        second in 0..4_294_967_295_i64,
        from in 0..1440_u32,
        length in 1..720_u32,
    ) {
        let until = (from + length) % 1440;
        let quiet = quiet(&format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60));
        let now = Timestamp::from_millis(second * 1000);
        let end = quiet.end(now, zone, Holidays::default());
        let shown = |at: Timestamp| at.in_zone(zone).time();
        prop_assert!(end.is_some() || !is_between(shown(now), from, until), "{now} in {zone} is quiet");
        if let Some(end) = end {
            prop_assert!(end > now && end.since(now) <= Duration::days(1), "{now} to {end} in {zone}");
            prop_assert!(!is_between(shown(end), from, until), "{end} in {zone} is quiet");
            prop_assert_eq!(quiet.end(end, zone, Holidays::default()), None);
        }
    }
}
