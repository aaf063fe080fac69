//! The keys of a test file, each with what it means: the reader knows them, the schema for editors
//! tells them.

/// A key and what it means.
pub type Key = (&'static str, &'static str);

/// Of the file.
pub const FILE: &[Key] = &[
    ("rules", "The rules under test: their decisions are expected, and they are counted for coverage."),
    ("zone", "IANA; the zone of clock readings. The shop's, if it is left out."),
    ("starts", "The moment from which `+2h` and `day 2 09:00` count, and at which the order is placed."),
    (
        "shop",
        "Settings laid over the shop of tests, or the name of a configured shop, which brings its rules; left out in a shop's own folder, it is that shop.",
    ),
    ("given", "The order, laid over the one that every test begins with."),
    ("tests", "The tests, each on a journey of its own."),
];

/// Of one test.
pub const TEST: &[Key] = &[
    ("test", "What is shown, as a sentence."),
    ("zone", "In place of the file's."),
    ("starts", "In place of the file's."),
    ("shop", "Laid over the file's."),
    ("given", "Laid over the file's."),
    ("told_elsewhere", "When other orders have told the buyer something today: a list of moments, or one; or by whom."),
    ("events", "What happens, in the order in which it is learnt. Deadlines fall due by themselves in between."),
    ("until", "When the test ends; without it, when nothing waits any more."),
    ("of", "`all`: the decisions of every rule are expected, not only of those under test."),
    ("expect", "Every decision, in order: nothing else may be decided."),
    ("expect_partly", "Some of the decisions, in order; keys that are left out may have any value."),
    ("content", "What the messages say."),
];

/// Of what other orders have told.
pub const ELSEWHERE: &[Key] =
    &[("buyer", "A list of moments, or one."), ("recipient", "Of a present: a list of moments, or one.")];

/// Of the order that is given, beside the canonical keys of an order.
pub const GIVEN: &[Key] = &[
    ("method", "`home`, `pickup_point` or `store`."),
    ("express", "Sold as next-day or same-day delivery."),
    ("service", "What the buyer chose, in the shop's words."),
    ("country", "Where it goes; ISO 3166-1 alpha-2."),
    ("total", "What the order comes to."),
    ("promise", "The last moment of the promise, or a window of `earliest` and `latest`; null for none."),
];

/// Of what happens, beside the canonical keys of its data.
pub const EVENT: &[Key] = &[
    ("at", "When it is learnt: `+1d 12h` and `day 2 09:00` from the start, or a date and time."),
    ("event", "The event's type, such as `parcel.tracked`."),
    ("providers", "`away`: nothing can be sent from now on. `back`: what waits is looked at again and sent."),
    ("receipt", "What is heard of a message: `delivered`, `bounced`, `failed` or `complained`."),
    ("of", "With `receipt`: the rule whose last message it is, the one that a person reads."),
    ("happened", "When it happened, if it was learnt later."),
    ("id", "The event's id; one that has been there before is a repetition."),
    ("parcel", "The parcel's tracking number; A1, if it is left out."),
    ("by", "With `shipment.replaced`: the number under which the parcel goes on."),
    ("parcels", "With `shipment.created`: the tracking numbers."),
    ("shipment", "The shipment's id; S1, if it is left out."),
    ("until", "The last moment to collect it."),
    ("data", "Canonical data, laid over all the rest."),
];

/// Of an expected decision.
pub const EXPECTED: &[Key] = &[
    ("at", "When it is decided."),
    ("rule", "The rule that decides."),
    ("about", "The parcel's number or the shipment's id; left out for the order as a whole."),
    ("send", "The channels by which it is sent."),
    ("defer", "Until when it waits."),
    ("withdraw", "The channels that a second look takes it back from, right before it would have left."),
    ("because", "Why it waits or is taken back; `awaiting_deadline` and `no_longer_true`, if it is left out."),
    ("suppress", "Why nothing is sent: a reason's code, such as `already_told`."),
    ("skipped", "Channels that could not be used, each with the reason."),
];

/// Of what a message says.
pub const CONTENT: &[Key] = &[
    ("rule", "The rule that sends it."),
    ("channel", "The channel: email, sms or webhook."),
    ("at", "When it is decided, if the rule sends more than once."),
    ("about", "The parcel's number or the shipment's id, if the rule speaks of several."),
    ("contains", "Texts that must appear in it."),
    ("lacks", "Texts that must not appear in it."),
    ("subject", "The whole subject of the e-mail; null is filled in by --update."),
    ("text", "The whole text of the e-mail or of the text message; null is filled in by --update."),
];
