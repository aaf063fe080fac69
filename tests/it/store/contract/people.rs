//! What people look at and put back.

use std::sync::Arc;

use bytes::Bytes;
use reassure::domain::decision::{Decision, Entry, Reason, Sent, Verdict};
use reassure::domain::journey::{Journey, Subject, Told};
use reassure::domain::notification::Outcome;
use reassure::domain::order::Channel;
use reassure::domain::party::Party;
use reassure::ports::{
    AttemptRecord, Backlog, Batch, DeadLetter, DeadRecord, JourneyWrite, Next, Record, State, Store,
};
use reassure::timeline::{self, Style};

use crate::store::fixture::*;

pub async fn a_timeline_tells_everything(store: &dyn Store) {
    let first = JourneyWrite {
        entries: vec![entry(1, "placed"), entry(2, "confirmed")],
        notifications: vec![email("n1"), sms("n2")],
        ..write("A", None)
    };
    store.commit(batch([first]), &lease("me", 60), &plenty()).await.unwrap();
    let second = JourneyWrite { entries: vec![entry(1, "told late")], ..write("A", Some(1)) };
    let second = Batch { withdrawn: vec![(id("n2"), Reason::Expired)], ..batch([second]) };
    store.commit(second, &lease("me", 60), &plenty()).await.unwrap();
    store.record(vec![attempt("n1", 3, Next::Retry(at(40)))], at(3), &lease("me", 60)).await.unwrap();
    let timeline = store.timeline(&key("A")).await.unwrap().unwrap();
    assert_eq!((&*timeline.journey, timeline.version), (&journey("A"), 2));
    assert_eq!(timeline.entries, [entry(1, "placed"), entry(2, "confirmed"), entry(1, "told late")]);
    let [mail, text] = &timeline.notifications[..] else { panic!("two notifications") };
    assert_eq!((&mail.id, mail.state, mail.due_at, mail.reason), (&id("n1"), State::Pending, Some(at(40)), None));
    assert_eq!((&*mail.rule, &*mail.message, &*mail.provider), ("delay", "delay", "brevo"));
    assert_eq!((mail.channel, mail.decided_at, &mail.content), (Channel::Email, at(0), &Some(email("n1").1)));
    let tried = &mail.attempts[0];
    assert_eq!((tried.at, &*tried.provider, tried.outcome), (at(3), "brevo", Outcome::TemporaryFailure));
    assert_eq!((tried.status, tried.provider_id.as_deref()), (Some(202), Some("p-n1-3")));
    assert_eq!(tried.detail.as_deref(), Some("attempt at 3"));
    assert_eq!((text.state, text.due_at, text.reason), (State::Suppressed, None, Some(Reason::Expired)));
    assert_eq!((&text.content, text.attempts.len()), (&Some(sms("n2").1), 0));
}

pub async fn a_timeline_says_whom_each_message_was_for(store: &dyn Store) {
    let sent = |name: &str, to| Decision {
        rule: name.into(),
        message: name.to_owned(),
        to,
        subject: Subject::Order,
        verdict: Verdict::Send {
            notifications: vec![Sent { channel: Channel::Email, notification: id(name) }],
            skipped: Vec::new(),
        },
    };
    let told = Told {
        rule: "gift".into(),
        message: "gift".to_owned(),
        to: Party::Recipient,
        subject: Subject::Order,
        once_key: String::new(),
        at: at(1),
        notifications: vec![id("gift")],
        withdrawn: false,
        escalated: None,
    };
    // an earlier version left whom it was for with the journey alone
    let decisions = vec![sent("gift", Party::Buyer), sent("note", Party::Shop), sent("delay", Party::Buyer)];
    let written = JourneyWrite {
        journey: Arc::new(Journey { told: vec![told], ..journey("A") }),
        entries: vec![Entry { decisions, ..entry(1, "placed") }],
        notifications: vec![email("gift"), email("note"), email("delay")],
        ..write("A", None)
    };
    store.commit(batch([written]), &lease("me", 60), &none()).await.unwrap();
    let timeline = store.timeline(&key("A")).await.unwrap().unwrap();
    let to: Vec<Party> = timeline.notifications.iter().map(|story| story.to).collect();
    assert_eq!(to, [Party::Recipient, Party::Shop, Party::Buyer]);
    let style = Style { colour: false, everything: false, zone: chrono_tz::UTC };
    let text = timeline::write(&timeline, at(2), style);
    for line in ["gift for the recipient of the present: by email", "note for the shop: by email", "delay: by email"] {
        assert!(text.contains(&format!("→ {line}")), "{line} in\n{text}");
    }
    let json = timeline::json(&timeline, at(2));
    let to = json["notifications"].as_array().unwrap().iter().map(|story| story["to"].clone());
    assert_eq!(to.collect::<Vec<_>>(), ["recipient".into(), "shop".into(), serde_json::Value::Null]);
    assert_eq!(json["timeline"][0]["decisions"][1]["to"], "shop");
}

pub async fn an_unknown_journey_has_no_timeline(store: &dyn Store) {
    place(store, "A", Vec::new()).await;
    assert!(store.timeline(&key("B")).await.unwrap().is_none());
    let timeline = store.timeline(&key("A")).await.unwrap().unwrap();
    assert!(timeline.entries.is_empty() && timeline.notifications.is_empty());
}

pub fn dead_record(offset: i64, second: i64) -> DeadRecord {
    DeadRecord {
        record: Record {
            partition: partition(3),
            offset,
            key: Some(Bytes::from_static(b"\xff\x00key")),
            value: Some(Bytes::from_static(b"{\"broken")),
            headers: vec![
                ("id".to_owned(), Bytes::from_static(b"\x00\x01\xfe")),
                ("id".to_owned(), Bytes::new()),
                ("traceparent".to_owned(), Bytes::from_static(b"00-ab")),
            ],
            timestamp: Some(1234),
        },
        stage: "decode",
        cause: "malformed_json",
        detail: "line 1 column 8: a string without its end".to_owned(),
        at: at(second),
    }
}

pub async fn dead_letters_come_oldest_first(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    place(store, "B", vec![email("n2")]).await;
    place(store, "C", vec![email("n3")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    let ends = vec![attempt("n1", 30, Next::Held), attempt("n2", 10, Next::Dead), attempt("n3", 5, Next::Accepted)];
    store.record(ends, at(30), &lease("me", 60)).await.unwrap();
    let dead = Batch { dead: vec![dead_record(7, 20)], ..Batch::default() };
    store.commit(dead, &lease("me", 60), &none()).await.unwrap();
    let letters = store.dead_letters(10).await.unwrap();
    let [
        DeadLetter::Notification { id: dead, at: dead_at, key: journey, attempts, state, detail, .. },
        DeadLetter::Record { at: record_at, partition: from, offset, stage, cause, bytes, .. },
        DeadLetter::Notification { id: held, state: held_state, message, channel, provider, .. },
    ] = &letters[..]
    else {
        panic!("not these: {letters:?}")
    };
    assert_eq!((dead, *dead_at, journey, *attempts, *state), (&id("n2"), at(10), &key("B"), 1, State::Dead));
    assert_eq!(detail.as_deref(), Some("attempt at 10"));
    assert_eq!((*record_at, from, *offset, *bytes), (at(20), &partition(3), 7, 8));
    assert_eq!((&**stage, &**cause), ("decode", "malformed_json"));
    assert_eq!((held, *held_state, &**message, *channel), (&id("n1"), State::Held, "delay", Channel::Email));
    assert_eq!(provider, "brevo");
    assert_eq!(store.dead_letters(2).await.unwrap().len(), 2);
}

pub async fn a_redriven_notification_starts_anew(store: &dyn Store) {
    for (order, name, end) in [("A", "n1", Next::Dead), ("B", "n2", Next::Held)] {
        place(store, order, vec![email(name)]).await;
        store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
        store.record(vec![attempt(name, 1, end)], at(1), &lease("me", 60)).await.unwrap();
        assert!(store.claim("brevo", at(99), &lease("me", 160), 10).await.unwrap().is_empty());
        assert!(store.redrive_notification(&id(name), at(100)).await.unwrap());
        assert!(store.dead_letters(10).await.unwrap().is_empty());
        let claimed = store.claim("brevo", at(100), &lease("me", 160), 10).await.unwrap();
        assert_eq!((names(&claimed), claimed[0].attempts), (vec![name], 0));
        store.record(vec![attempt(name, 101, Next::Accepted)], at(101), &lease("me", 160)).await.unwrap();
        let story = store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
        assert_eq!((story.state, story.attempts.len()), (State::Accepted, 2), "its past stays told");
    }
}

pub async fn only_what_was_given_up_is_redriven(store: &dyn Store) {
    place(store, "A", vec![email("n1")]).await;
    assert!(!store.redrive_notification(&id("n1"), at(1)).await.unwrap(), "it is pending");
    assert!(!store.redrive_notification(&id("n9"), at(1)).await.unwrap(), "there is none");
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.record(vec![attempt("n1", 1, Next::Accepted)], at(1), &lease("me", 60)).await.unwrap();
    assert!(!store.redrive_notification(&id("n1"), at(2)).await.unwrap(), "the customer has it");
    assert!(!store.redrive_record(1).await.unwrap());
}

pub async fn a_dead_record_is_redriven_as_it_came(store: &dyn Store) {
    let mut bare = dead_record(8, 2);
    bare.record = Record { key: None, value: None, headers: Vec::new(), timestamp: None, ..bare.record };
    let dead = Batch { dead: vec![dead_record(7, 1), bare], ..Batch::default() };
    store.commit(dead, &lease("me", 60), &none()).await.unwrap();
    assert!(store.redriven(10).await.unwrap().is_empty());
    assert!(store.dead_record(4711).await.unwrap().is_none());
    let ids: Vec<i64> = store
        .dead_letters(10)
        .await
        .unwrap()
        .iter()
        .map(|letter| match letter {
            DeadLetter::Record { id, .. } => *id,
            DeadLetter::Notification { .. } => panic!("only records"),
        })
        .collect();
    let looked_at = store.dead_record(ids[0]).await.unwrap().unwrap();
    assert_eq!((looked_at.offset, looked_at.value), (7, dead_record(7, 1).record.value));
    assert!(store.redrive_record(ids[0]).await.unwrap());
    assert!(store.redrive_record(ids[0]).await.unwrap(), "twice is once");
    assert!(!store.redrive_record(999).await.unwrap());
    assert_eq!(store.dead_letters(10).await.unwrap().len(), 1, "it waits for no one any more");
    let redriven = store.redriven(10).await.unwrap();
    let (id, record) = &redriven[0];
    let came = dead_record(7, 1).record;
    assert_eq!((redriven.len(), *id), (1, ids[0]));
    assert_eq!((&record.partition, record.offset, record.timestamp), (&came.partition, 7, Some(1234)));
    assert_eq!((&record.key, &record.value, &record.headers), (&came.key, &came.value, &came.headers));
    store.redrive_record(ids[1]).await.unwrap();
    assert_eq!(store.redriven(1).await.unwrap().len(), 1);
    let tombstone = store.redriven(10).await.unwrap().remove(1).1;
    assert_eq!((tombstone.key, tombstone.value, tombstone.headers.len()), (None, None, 0));
    let done = Batch { redriven: vec![ids[0]], ..Batch::default() };
    store.commit(done, &lease("me", 60), &none()).await.unwrap();
    assert_eq!(store.redriven(10).await.unwrap().len(), 1);
    assert!(!store.redrive_record(ids[0]).await.unwrap());
}

pub async fn the_backlog_counts_what_waits(store: &dyn Store) {
    assert_eq!(store.backlog(at(0)).await.unwrap(), Backlog::default());
    for order in ["A", "B", "C", "D"] {
        place(store, order, vec![email(order)]).await;
    }
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    let ends = vec![
        attempt("A", 1, Next::Retry(at(70))),
        attempt("B", 1, Next::Dead),
        attempt("C", 1, Next::Held),
        attempt("D", 1, Next::Accepted),
    ];
    store.record(ends, at(1), &lease("me", 60)).await.unwrap();
    let rest = Batch {
        parked: vec![parked(1, waybill("6A1"))],
        dead: vec![dead_record(1, 1), dead_record(2, 1)],
        ..batch([waking("E", None, 500), waking("F", None, 400)])
    };
    store.commit(rest, &lease("me", 60), &none()).await.unwrap();
    let expected = Backlog {
        pending: 1,
        oldest_due: Some(at(70)),
        next_retry: Some(at(70)),
        held: 1,
        oldest_held: Some(at(1)),
        dead_notifications: 1,
        oldest_dead_notification: Some(at(1)),
        dead_records: 2,
        oldest_dead_record: Some(at(1)),
        publications: 0,
        parked: 1,
        timers: 2,
        next_wake: Some(at(400)),
    };
    assert_eq!(store.backlog(at(69)).await.unwrap(), expected);
    assert_eq!(store.backlog(at(70)).await.unwrap(), Backlog { next_retry: None, ..expected });
}

pub async fn the_backlog_ignores_what_waits_behind_another(store: &dyn Store) {
    place(store, "A", vec![email("a1"), email("a2")]).await;
    store.claim("brevo", at(0), &lease("me", 60), 10).await.unwrap();
    store.record(vec![attempt("a1", 1, Next::Retry(at(50)))], at(1), &lease("me", 60)).await.unwrap();
    let backlog = store.backlog(at(2)).await.unwrap();
    assert_eq!((backlog.pending, backlog.oldest_due, backlog.next_retry), (2, Some(at(50)), Some(at(50))));
}

pub async fn it_answers(store: &dyn Store) {
    store.ping().await.unwrap();
}

pub async fn what_is_put_away_waits_no_more_and_never_leaves(store: &dyn Store) {
    let dead = Batch { dead: vec![dead_record(7, 1), dead_record(8, 2)], ..Batch::default() };
    store.commit(dead, &lease("me", 60), &none()).await.unwrap();
    for (order, next) in [("A", Next::Dead), ("B", Next::Held), ("C", Next::Retry(at(50)))] {
        place(store, order, vec![email(order)]).await;
        store.claim("brevo", at(0), &lease("me", 60), 1).await.unwrap();
        let ended = AttemptRecord { key: key(order), ..attempt(order, 1, next) };
        store.record(vec![ended], at(1), &lease("me", 60)).await.unwrap();
    }
    let records = async || {
        let letters = store.dead_letters(10).await.unwrap();
        let number = |letter: &DeadLetter| match letter {
            DeadLetter::Record { id, .. } => Some(*id),
            DeadLetter::Notification { .. } => None,
        };
        letters.iter().filter_map(number).collect::<Vec<_>>()
    };
    let numbers = records().await;
    assert!(store.redrive_record(numbers[0]).await.unwrap());
    assert!(!store.drop_record(numbers[0]).await.unwrap(), "it is on its way back");
    assert!(store.drop_record(numbers[1]).await.unwrap());
    assert!(!store.drop_record(numbers[1]).await.unwrap(), "it is gone");
    assert_eq!((records().await.len(), store.redriven(10).await.unwrap().len()), (0, 1));
    for (order, is_there) in [("A", true), ("B", true), ("C", false), ("Z", false)] {
        assert_eq!(store.drop_notification(&id(order)).await.unwrap(), is_there, "{order}");
        assert!(!store.drop_notification(&id(order)).await.unwrap(), "{order}: once");
        assert!(!store.redrive_notification(&id(order), at(2)).await.unwrap(), "{order}");
    }
    let story = async |order: &str| store.timeline(&key(order)).await.unwrap().unwrap().notifications.remove(0);
    for order in ["A", "B"] {
        assert_eq!((story(order).await.state, story(order).await.reason), (State::Suppressed, Some(Reason::PutAway)));
    }
    assert_eq!(names(&store.claim("brevo", at(90), &lease("me", 99), 9).await.unwrap()), ["C"]);
}
