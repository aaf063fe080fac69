//! The table itself.

use super::{Family, Label, MOST_MESSAGES, MOST_RULES, MOST_SHOPS, Values, counter, gauge, histogram, words};
use crate::config::Role;
use crate::domain::confirmation::Cause;
use crate::domain::decision::Reason;
use crate::domain::event::EventType;
use crate::domain::notification::Outcome;
use crate::domain::order::Channel;
use crate::domain::receipt::Receipt;
use crate::ports::{Connections, Kept, State, Stream};

/// 60 s is what the objective of the alerts is counted by.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3_600.0];
/// From a blink to the end of an outage.
const CONFIRMATION_SECONDS: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1_800.0, 7_200.0];
/// To the longest that mail servers try.
const RECEIPT_SECONDS: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0, 259_200.0];
const STORE_SECONDS: &[f64] = &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];
/// To the longest that a request may take (`timeout_seconds`).
const ATTEMPT_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 300.0];
const RECORDS: &[f64] = &[1.0, 5.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];

const SHOP: Label = Label { name: "shop", values: Values::Names("a shop of the configuration", MOST_SHOPS) };
const RULE: Label = Label { name: "rule", values: Values::Names("a rule", MOST_RULES) };
const MESSAGE: Label = Label { name: "message", values: Values::Names("a message of the rules", MOST_MESSAGES) };
const PROVIDER: Label = Label { name: "provider", values: Values::Codes("a provider of the configuration") };
const POOL: Label = words("pool", || Connections::POOLS.into());
const CHANNEL: Label = words("channel", || Channel::ALL.map(Channel::as_str).into());
const OUTCOME: Label = words("outcome", || Outcome::ALL.map(Outcome::as_str).into());
const STREAM: Label = words("stream", || Stream::ALL.map(Stream::as_str).into());

/// What the Kafka consumer meets.
pub(in crate::telemetry) const INCIDENTS: [&str; 8] = [
    "error",
    "commit_failure",
    "offsets_unknown",
    "offset_reset",
    "handover_cut",
    "partitions_lost",
    "pause",
    "topic_made_anew",
];
/// What becomes of spans.
pub(in crate::telemetry) const SPAN_OUTCOMES: [&str; 3] = ["exported", "failed", "dropped"];
/// What waits in the store.
const WAITING: [&str; 7] = [
    "pending_notifications",
    "held_notifications",
    "dead_notifications",
    "dead_records",
    "publications",
    "parked_events",
    "timers",
];
/// What waits for a person.
const DEAD: [&str; 3] = ["held_notifications", "dead_notifications", "dead_records"];
const OPERATIONS: [&str; 17] = [
    "awaited",
    "backlog",
    "claim",
    "commit",
    "due",
    "hasten",
    "load",
    "publications",
    "published",
    "purge",
    "record",
    "redriven",
    "release",
    "space",
    "stop_publishing",
    "storms",
    "unconfirmed",
];

/// Every metric, in the order of the reference page.
pub static FAMILIES: &[Family] = &[
    // whether customers are told
    counter(
        "reassure_events_total",
        "Records read, by the type of their event and what became of it; type is \
        unknown where it could not be read, none for a record without one",
    )
    .by(&[
        words("type", || EventType::ALL.iter().map(|it| it.as_str()).chain(["none", "unknown"]).collect()),
        words("outcome", || vec!["applied", "duplicate", "parked", "dead_lettered", "tombstone", "ignored"]),
    ])
    .alerts(&["ReassureDeadLetters"]),
    counter("reassure_decisions_total", "Decisions by rule, verdict and reason; what is sent has the reason none").by(
        &[
            RULE,
            words("verdict", || vec!["send", "defer", "suppress"]),
            words("reason", || Reason::ALL.map(Reason::as_str).into_iter().chain(["none"]).collect()),
        ],
    ),
    counter(
        "reassure_notifications_total",
        "Messages to be sent: one for each recipient and channel, as they are \
        decided",
    )
    .by(&[SHOP, CHANNEL])
    .alerts(&["ReassureMessagesLate"]),
    counter(
        "reassure_notifications_ended_total",
        "Messages that are done with: accepted by a provider, given up \
        (dead), or held because nobody knows whether they left",
    )
    .by(&[SHOP, CHANNEL, words("state", || [State::Accepted, State::Dead, State::Held].map(State::as_str).into())])
    .alerts(&["ReassureDeadLetters", "ReassureMessagesHeld"]),
    counter("reassure_notifications_withdrawn_total", "Messages taken back before they left, by reason")
        .by(&[words("reason", || Reason::ALL.map(Reason::as_str).into())])
        .alerts(&["ReassureMessagesLate"]),
    histogram(
        "reassure_event_to_accepted_seconds",
        "From the arrival of what caused a message (or from its \
        deadline) to its acceptance by a provider",
        SECONDS,
    )
    .by(&[MESSAGE, CHANNEL])
    .alerts(&["ReassureMessagesLate"]),
    counter(
        "reassure_receipts_total",
        "What providers told of messages afterwards; ignored: no receipt, unknown: of no \
        message of ours, refused: not signed",
    )
    .by(&[
        PROVIDER,
        words("receipt", || {
            Receipt::ALL.map(Receipt::as_str).into_iter().chain(["ignored", "unknown", "refused"]).collect()
        }),
    ]),
    histogram(
        "reassure_decision_to_receipt_seconds",
        "From the decision to send a message to its receipt",
        RECEIPT_SECONDS,
    )
    .by(&[CHANNEL]),
    histogram(
        "reassure_event_to_receipt_seconds",
        "From the arrival of what caused a message (or from its deadline) to its delivery, as the provider dates it",
        RECEIPT_SECONDS,
    )
    .by(&[CHANNEL]),
    histogram(
        "reassure_confirmation_seconds",
        "From the arrival of an order to the acceptance of its confirmation \
        by a provider",
        CONFIRMATION_SECONDS,
    ),
    gauge(
        "reassure_confirmations_missing",
        "Orders past the objective (confirmation.objective_seconds) whose \
        confirmation no provider has accepted; the same on every replica",
    )
    .by(&[SHOP, words("cause", || Cause::ALL.map(Cause::as_str).into())])
    .alerts(&["ReassureConfirmationsMissing"]),
    counter(
        "reassure_orders_without_contact_total",
        "Orders that came with neither an e-mail address nor a \
        telephone number that could be used",
    )
    .by(&[SHOP]),
    counter("reassure_support_contacts_total", "Customers who had to ask"),
    gauge(
        "reassure_storm_held_notifications",
        "Messages that are held because their rule spoke far more often than ever; the same on every replica",
    )
    .by(&[SHOP, RULE]),
    gauge("reassure_storm_raging", "1 while what a rule says is held; the same on every replica")
        .by(&[SHOP, RULE])
        .alerts(&["ReassureStorm"]),
    // what keeps them from being told
    gauge(
        "reassure_oldest_due_seconds",
        "Age of the oldest notification that is due and not finished; the same on \
        every replica",
    )
    .alerts(&["ReassureNotificationsOverdue"]),
    gauge("reassure_timer_overdue_seconds", "How long the earliest deadline has been due; the same on every replica")
        .alerts(&["ReassureDeadlinesOverdue"]),
    gauge("reassure_backlog", "What waits in the store, by kind; the same on every replica")
        .by(&[words("kind", || WAITING.into())]),
    gauge(
        "reassure_dead_letter_oldest_seconds",
        "How long the oldest of what waits for a person in the store has \
        waited; 0: nothing does",
    )
    .by(&[words("kind", || DEAD.into())])
    .alerts(&["ReassureDeadLettersOld"]),
    gauge(
        "reassure_lag_seconds",
        "How long ago the last record taken in was published, while more are waiting; the \
        greatest of this process's partitions",
    )
    .alerts(&["ReassureLag"]),
    gauge("reassure_lag_records", "Records whose effects are not durable yet, by partition of this process").by(&[
        Label { name: "topic", values: Values::Present("a topic that is read") },
        Label { name: "partition", values: Values::Present("a partition assigned to this process") },
    ]),
    counter("reassure_rebalances_total", "Times that partitions were given to this process or taken from it")
        .by(&[words("change", || vec!["given", "taken"])])
        .alerts(&["ReassureRebalancing"]),
    counter("reassure_bus_incidents_total", "What the Kafka consumer met").by(&[words("what", || INCIDENTS.into())]),
    counter("reassure_refused_records_total", "Records that could not become events, by cause")
        .by(&[Label { name: "cause", values: Values::Codes("the code of a refusal, such as unknown_type") }]),
    counter(
        "reassure_unmapped_codes_total",
        "Records with a code that no table of their adapter lists; they wait \
        with the dead letters",
    )
    .by(&[Label { name: "topic", values: Values::Codes("a topic that is read") }]),
    counter("reassure_unknown_statuses_total", "Carrier scans whose status no vocabulary lists"),
    counter("reassure_zoneless_times_total", "Times that named no zone and were read in the shop's"),
    gauge("reassure_held_records", "Records that wait for a schema, and those behind them")
        .alerts(&["ReassureRegistryAway"]),
    counter("reassure_registry_answers_total", "Answers of the schema registry")
        .by(&[words("answer", || vec!["found", "missing", "unreadable", "unavailable"])]),
    counter("reassure_attempts_total", "Tries at providers")
        .by(&[CHANNEL, PROVIDER, OUTCOME])
        .alerts(&["ReassureProviderDown", "ReassureOutcomesUnknown"]),
    histogram(
        "reassure_attempt_seconds",
        "How long a try at a provider takes, from its request to what came of it",
        ATTEMPT_SECONDS,
    )
    .by(&[CHANNEL, PROVIDER, OUTCOME]),
    gauge(
        "reassure_provider_resting",
        "1 while a provider is left in peace after a fault of its own (the breaker is \
        open)",
    )
    .by(&[PROVIDER])
    .alerts(&["ReassureProviderDown"]),
    counter(
        "reassure_provider_throttled_total",
        "Attempts that a provider answered by asking to be left in peace: \
        too many requests, or a fault of the account",
    )
    .by(&[PROVIDER]),
    counter(
        "reassure_retries_hastened_total",
        "Retries that were brought forward because their provider accepts again after an outage",
    )
    .by(&[PROVIDER]),
    gauge("reassure_ready", "1 while the process can do its work, for each of its roles (service.roles)")
        .by(&[words("role", || Role::ALL.map(Role::as_str).into())])
        .alerts(&["ReassureNotReady"]),
    counter("reassure_store_errors_total", "Operations of the store that failed")
        .by(&[
            words("operation", || OPERATIONS.into()),
            words("kind", || vec!["conflict", "fenced", "unavailable", "corrupt"]),
        ])
        .alerts(&["ReassureStoreFailing"]),
    histogram("reassure_store_seconds", "Time that the store takes", STORE_SECONDS)
        .by(&[words("operation", || vec!["look", "load", "commit", "claim", "record"])]),
    gauge("reassure_store_connections", "Connections of the store that are open, by what they are for")
        .by(&[POOL, words("state", || vec!["idle", "in_use"])]),
    gauge("reassure_store_waiting_calls", "Calls of the store that wait for a connection").by(&[POOL]),
    counter("reassure_store_connections_given_total", "Times that a call of the store was given a connection")
        .by(&[POOL]),
    counter("reassure_store_connection_wait_seconds_total", "How long those calls had waited for it, all together")
        .by(&[POOL]),
    counter("reassure_journey_conflicts_total", "Batches decided again because a journey changed meanwhile"),
    counter("reassure_published_total", "Records of our own by what became of them; failed ones are tried again")
        .by(&[STREAM, words("outcome", || vec!["arrived", "shortened", "refused", "failed", "left_out"])]),
    gauge("reassure_publication_waiting_seconds", "How long the first publication that waits has been tried")
        .by(&[STREAM])
        .alerts(&["ReassurePublishingStuck"]),
    // how much it can carry
    histogram(
        "reassure_event_to_applied_seconds",
        "From the arrival of a record to its durable effects; one sample \
        a batch",
        SECONDS,
    ),
    histogram("reassure_batch_records", "Records taken in together", RECORDS),
    gauge("reassure_partitions_assigned", "Partitions that this process reads"),
    gauge("reassure_intake_paused", "1 while reading is paused because the rest of the service is slower"),
    gauge("reassure_attempts_in_flight", "Attempts under way").by(&[PROVIDER]),
    gauge(
        "reassure_attempts_allowed",
        "Attempts that may be under way at once: 0 while the provider rests, fewer \
        than configured after a fault of its own",
    )
    .by(&[PROVIDER]),
    gauge("reassure_store_size_bytes", "What the store's files take; not shown where the store is a database server"),
    gauge(
        "reassure_store_disk_size_bytes",
        "Size of the disk that the store's file is on; not shown where the \
        store is a database server, which watches its own",
    )
    .alerts(&["ReassureDiskNearlyFull"]),
    gauge("reassure_store_disk_free_bytes", "What is free on that disk").alerts(&["ReassureDiskNearlyFull"]),
    counter(
        "reassure_spans_total",
        "Spans that have ended and are traced, by what became of them: exported; failed: the collector did not take \
        them; dropped: too many waited for it",
    )
    .by(&[words("outcome", || SPAN_OUTCOMES.into())]),
    // which service it is
    gauge("reassure_build_info", "1 for the version that runs")
        .by(&[Label { name: "version", values: Values::Present("this program's version") }]),
    gauge("reassure_config_info", "1 for the configuration in force")
        .by(&[Label { name: "hash", values: Values::Present("the hash of the configuration") }])
        .alerts(&["ReassureConfigDiffers"]),
    counter(
        "reassure_purged_total",
        "What was kept for long enough and has been removed (of weeks that are dropped \
        whole, about how many)",
    )
    .by(&[words("kind", || Kept::ALL.map(Kept::as_str).into())]),
    gauge("reassure_config_last_reload_success_timestamp_seconds", "Since when the configuration has been in force"),
    gauge(
        "reassure_config_refused",
        "1 while the configuration as it stands in the files has a fault and an older \
        one is in force",
    )
    .alerts(&["ReassureConfigRefused"]),
    gauge("reassure_config_restart_needed", "1 while something has changed that is in force after a restart"),
    counter("reassure_reload_total", "Changes of the configuration that were found")
        .by(&[words("outcome", || vec!["applied", "refused"])]),
    counter("reassure_api_answers_total", "Answers of the API, by their HTTP status")
        .by(&[Label { name: "status", values: Values::Codes("an HTTP status that the API gives") }]),
    // of the process, by the names that every exporter gives them
    counter("process_cpu_seconds_total", "Processor time"),
    gauge("process_resident_memory_bytes", "Memory in use"),
    gauge("process_virtual_memory_bytes", "Memory reserved"),
    gauge("process_open_fds", "Open file descriptors"),
    gauge("process_max_fds", "File descriptors that may be open"),
    gauge("process_threads", "Threads"),
    gauge("process_start_time_seconds", "When the process was started"),
];
