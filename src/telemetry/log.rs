//! What the service logs of itself: the fields of its lines, specified in one place, and how they are
//! written. The reference page and the tests are made from this table.

use std::fmt::Write as _;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// A field of a line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub meaning: &'static str,
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Flag,
    /// RFC 3339, in UTC.
    Time,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "true or false",
            Self::Time => "time",
        }
    }
}

const fn text(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Text, meaning }
}

const fn number(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Number, meaning }
}

const fn flag(name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: Kind::Flag, meaning }
}

/// What every line has.
pub static ALWAYS: &[Field] = &[
    Field { name: "timestamp", kind: Kind::Time, meaning: "When it was written" },
    text(
        "level",
        "`ERROR`: a person is needed or something is lost; `WARN`: it is worked around; `INFO`: what goes on",
    ),
    text("message", "What happened and what follows; the same words each time"),
    text("target", "The part of the program, by its module"),
];

/// What lines have where it applies. Ids, names of the configuration, codes and counts; no text that was
/// written for or by a person (I9).
pub static FIELDS: &[Field] = &[
    text("action", "What the Kafka consumer was asked to do"),
    text("address", "Where probes and metrics are answered"),
    text("advice", "What to look at"),
    number("again_in_seconds", "How long until it is tried again"),
    text("api", "Where the API is answered"),
    text("brokers", "The brokers of the configuration"),
    text("by", "Who asked for an operation, as the configuration calls them"),
    text("cause", "A stable code of what is wrong with a record or an event"),
    number("column", "Where in the line of a file"),
    text("constraint", "The database's name of a rule that a row would have broken"),
    number("days", "For how long such things are kept"),
    text("detail", "What is wrong with a record, or what a provider's answer means, without what is personal in them"),
    number("drain_seconds", "How long the stop may take"),
    text("error", "What went wrong, from the inside out"),
    text("facility", "The part of librdkafka"),
    number("faults", "How many faults a changed configuration has"),
    text("file", "A file of the configuration"),
    flag("full", "No more can wait to be published"),
    text("hash", "The configuration in force, as `reassure_config_info` shows it"),
    number("hastened", "How many retries were brought forward"),
    number("journeys", "How many journeys"),
    text("kind", "The kind of a failure, or of what is kept"),
    number("line", "Where in a file"),
    flag("lost", "The partitions were another's already"),
    number("mark", "How many messages within an hour are too many for the rule"),
    text("message_name", "The message that was to be sent, as the rules call it"),
    number("messages_this_hour", "How many the rule has come to within this hour"),
    text("notification", "The id of a message to one recipient"),
    text("object", "What an operation was about: an order, a dead letter"),
    number("offset", "The record's place in its partition"),
    text("operation", "What was asked of the store, or of the API"),
    text("outcome", "What an attempt at a provider came to"),
    flag("panicked", "It was a fault of this program"),
    text("part", "The part of the service"),
    number("partition", "The partition of a topic"),
    number("partitions", "How many partitions"),
    text("provider", "The provider, as the configuration calls it"),
    text("reason", "Why, in the words of Kafka or the store"),
    number("removed", "How many"),
    text("rule", "The rule, as the rule set calls it"),
    text("schema", "A schema's id at the registry"),
    text("sections", "Sections of the configuration, by commas"),
    text("shop", "The shop"),
    number("status", "The HTTP status"),
    text("store", "Where the store is"),
    text("stream", "What is published: outcomes or dead letters"),
    text("suggestion", "What would be right"),
    text("topic", "The topic of a record"),
    text("topics", "The topics that are read, by commas"),
    text("trace_id", "The trace of the record or the message, if its publisher or this service has begun one"),
    number("waiting", "How much waits to be published"),
    text("week", "A week of the database, as its tables are called"),
    text("what", "What a registry's answer was"),
    flag("whole", "All that was under way has ended and is written"),
    text("why", "Why it does not work yet"),
];

/// The reference page, as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Logs\n\n\
         The lines on standard error, one JSON object each (`log.format = \"json\"`): one line for a fault, where it is\n\
         handled. Their fields are these; none holds a customer's name, address or words. At `debug` and `trace`, the\n\
         libraries beneath have lines of their own, told by `target`.\n",
    );
    for (title, fields) in [("Every line", ALWAYS), ("Where it applies", FIELDS)] {
        let _ = write!(page, "\n## {title}\n\n| field | type | meaning |\n| --- | --- | --- |\n");
        for field in fields {
            let _ = writeln!(page, "| `{}` | {} | {} |", field.name, field.kind.as_str(), field.meaning);
        }
    }
    page
}

/// Starts logging to standard error: JSON lines, or text for people.
pub fn log(json: bool, level: &str) {
    let filter = EnvFilter::try_from_env("REASSURE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // a second call, as in tests, leaves the first in place
    let _ = if json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
}
