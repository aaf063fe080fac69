//! The keys of a rule, each with what it means: the reader knows them, the schema for editors tells
//! them.

/// In the order in which they are best written.
pub const KEYS: &[(&str, &str)] = &[
    ("rule", "The rule's name: lower-case letters, digits and _."),
    ("says", "What it is for, in the care team's words."),
    ("on", "The events that set it going; with `parcel.tracked` also the statuses."),
    ("at", "The deadlines that set it going, such as `4h after promise` or `1 open day before hold_until`."),
    ("when", "A condition in CEL, asked when it becomes news."),
    ("message", "The message that it sends: the folder of its templates."),
    ("to", "Whom it is for: `buyer`, if it is left out; `recipient` of a present; `shop`, at its webhook."),
    ("channels", "Each of these that reaches the customer is used."),
    ("otherwise", "Tried in turn, if none of `channels` that a person reads could be used."),
    ("escalate", "When it is said once more, on another channel: `{ to: sms, after: 6h, unless: delivered }`."),
    ("once_per", "What it speaks of at most once."),
    ("again_after", "Messages after which it may be told once more."),
    ("only_if_told", "Only to those who were told one of these messages since."),
    ("not_within", "How long it keeps its distance after a message: `6h: [delay]`, `1h: any`."),
    ("supersedes", "Messages whose place it takes while they wait."),
    ("fold", "How long its news is gathered, while more may come, to be said in one message, such as `2h`."),
    ("purpose", "`service`: it belongs to the order. `marketing`: it sells, and needs the customer's consent."),
    ("unless_carrier_told", "`true`: left out where the carrier has told the buyer."),
    ("beyond_budget", "`true`: neither counted among the messages of a day nor held back by them."),
    ("valid_while", "A condition in CEL, asked when it is decided and again right before every attempt."),
    ("quiet_hours", "`ignore`, where it cannot wait for the morning."),
    ("expires", "How long after the event or the deadline it is still news, such as `12h` or `3d`."),
    ("priority", "From 0 to 255; higher goes first. 50, if it is left out."),
];

/// The keys of an inherited rule that a shop takes out.
pub const OFF_KEYS: &[(&str, &str)] = &[
    ("rule", "The name of the inherited rule."),
    ("off", "This shop does without it."),
    ("says", "What for, in the care team's words."),
];

/// Without them, it is no rule.
pub const NEEDED: [&str; 6] = ["rule", "says", "message", "channels", "once_per", "expires"];
