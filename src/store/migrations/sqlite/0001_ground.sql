-- Times are milliseconds since 1970 (_ms). A body is JSON, compressed with the dictionary of its kind.

-- Where each consumer group goes on reading; also the fence against a former owner.
CREATE TABLE offsets (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
) STRICT, WITHOUT ROWID;

-- `wake_ms` is when the earliest deadline of the journey falls due, or a little before: a journey
-- whose deadline moves later finds that out when it is woken. The last entry and notification are
-- where the timeline begins, read backwards.
CREATE TABLE journeys (
    id INTEGER PRIMARY KEY,
    shop TEXT NOT NULL,
    order_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_s INTEGER NOT NULL DEFAULT (unixepoch()),
    wake_ms INTEGER,
    last_entry INTEGER,
    last_notification INTEGER,
    body BLOB NOT NULL,
    UNIQUE (shop, order_id)
) STRICT;
CREATE INDEX journeys_by_wake ON journeys (wake_ms) WHERE wake_ms IS NOT NULL;

-- From here on journeys are no foreign keys: to look for what hangs on one that goes would take an
-- index of each table, and what hangs on it is known.

-- The key holds `since` too: a recycled number leads to one journey after the other. The order's
-- number stands here as well, or each answer would cost a page of the journeys.
CREATE TABLE links (
    shop TEXT NOT NULL,
    reference TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    journey INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (shop, reference, since_ms, journey)
) STRICT, WITHOUT ROWID;

-- The timeline. Rows are only ever appended, each naming the one before it of its journey: an
-- index over a million journeys would cost every event a page of its own.
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    previous INTEGER,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- `ready_ms` is what makes a claim cheap whatever the backlog. It is set on one row of each lane
-- (journey and channel) at most, the one whose turn it is: to `due_ms` while the row is free, to
-- the end of its lease while it is leased. A row that waits behind another has none. `previous` is
-- the journey's notification before it, for the reason that `entries` gives. What a storm holds is `bound`
-- to the row with which it is let go: itself, or the one that it follows.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    journey INTEGER NOT NULL,
    channel TEXT NOT NULL,
    provider TEXT NOT NULL,
    state TEXT NOT NULL,
    ready_ms INTEGER,
    due_ms INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until_ms INTEGER,
    attempts INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    decided_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    settled_ms INTEGER,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    subject TEXT NOT NULL,
    traceparent TEXT,
    reason TEXT,
    previous INTEGER,
    storm INTEGER,
    bound INTEGER
) STRICT;
-- Partial, so that finished rows cost nothing. Ids are hashes: in an index over all that was ever
-- sent, each would cost a page of its own. A finished row is found through its journey. A query uses
-- this index only if it repeats the condition word for word.
CREATE UNIQUE INDEX outbox_open ON outbox (id) WHERE state IN ('pending', 'dead', 'held', 'stormbound');
CREATE INDEX outbox_lane ON outbox (journey, channel, seq) WHERE state = 'pending';
CREATE INDEX outbox_ready ON outbox (provider, ready_ms, due_ms) WHERE ready_ms IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (settled_ms, state) WHERE state IN ('dead', 'held');
CREATE INDEX outbox_stormbound ON outbox (storm, bound, seq) WHERE state = 'stormbound';

-- Orders whose confirmation no provider has accepted: few, while all is well. A confirmation by
-- webhook counts where the shop writes to its customers itself.
CREATE TABLE unconfirmed (
    journey INTEGER PRIMARY KEY,
    shop TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    cause TEXT NOT NULL,
    by_webhook INTEGER NOT NULL
) STRICT;
CREATE INDEX unconfirmed_by_time ON unconfirmed (since_ms, shop, cause);

-- How often each rule of a shop has spoken, hour by hour, and how much of that was held. The rule ''
-- stands for the orders of the shop.
CREATE TABLE rates (
    shop TEXT NOT NULL,
    rule TEXT NOT NULL,
    hour INTEGER NOT NULL,
    spoken INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shop, rule, hour)
) STRICT, WITHOUT ROWID;

-- Rules that were held, each once: the storm it is in or was last in. `ruling` is what a person has said
-- of what is held of it, up to the row `through` of the outbox.
CREATE TABLE storms (
    id INTEGER PRIMARY KEY,
    shop TEXT NOT NULL,
    rule TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    holds_until_ms INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    busiest INTEGER NOT NULL,
    granted INTEGER,
    granted_ms INTEGER,
    ruling TEXT,
    through INTEGER NOT NULL DEFAULT 0,
    UNIQUE (shop, rule)
) STRICT;

-- When each order of a customer has told them something, of late. The id is a keyed hash of the shop
-- and the customer's contact: what is kept names nobody.
CREATE TABLE spending (
    id INTEGER PRIMARY KEY,
    last_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- The key of those hashes, drawn once.
CREATE TABLE pseudonyms (
    key BLOB NOT NULL
) STRICT;
INSERT INTO pseudonyms (key) VALUES (randomblob(32));

-- What is sent; apart, so that the rows of the outbox stay small.
CREATE TABLE contents (
    notification INTEGER PRIMARY KEY REFERENCES outbox (seq) ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    notification INTEGER NOT NULL REFERENCES outbox (seq) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    provider TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    provider_id TEXT,
    detail TEXT
) STRICT;
CREATE INDEX attempts_of_notification ON attempts (notification);

-- Events that wait for the order or the shipment they are about.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    shop TEXT NOT NULL,
    reference TEXT NOT NULL,
    event BLOB NOT NULL,
    parked_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX parked_by_reference ON parked (shop, reference);

-- Records that could not become events, as they came. The ids are never used again: a person
-- may have written one down.
CREATE TABLE dead_records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    record_offset INTEGER NOT NULL,
    key BLOB,
    value BLOB,
    headers TEXT NOT NULL,
    timestamp_ms INTEGER,
    stage TEXT NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    redriven INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX dead_records_waiting ON dead_records (at_ms) WHERE redriven = 0;
-- A topic that is read again brings the same dead letters; each is kept once.
CREATE INDEX dead_records_by_place ON dead_records (topic, partition, record_offset);
CREATE INDEX dead_records_redriven ON dead_records (id) WHERE redriven = 1;

-- Records of our own that have not arrived at the broker yet, in their order.
CREATE TABLE publications (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    key BLOB,
    value BLOB,
    headers TEXT NOT NULL,
    timestamp_ms INTEGER
) STRICT;
-- One stream that is refused must not be gone through to find the other.
CREATE INDEX publications_of_stream ON publications (stream, seq);

-- What one process does at a time for all of them: whose turn it is, and until when.
CREATE TABLE turns (
    name TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row that is written to find out whether writing works.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO pulse (id, beats) VALUES (1, 0);
