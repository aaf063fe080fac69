-- A body is JSON, compressed with the dictionary of its kind. Times are milliseconds since 1970 (_ms). They come from the services' clocks. What the database itself decides, the week of a row among it, it decides by
-- its own clock, the same for all.

-- The one place where the time is asked for; a test puts another here.
CREATE FUNCTION moment() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()';

-- The Monday, in UTC, of the week of the running transaction.
CREATE FUNCTION this_week() RETURNS date LANGUAGE sql STABLE
    AS $$ SELECT date_trunc('week', moment() AT TIME ZONE 'UTC')::date $$;

-- Where each consumer group goes on reading; also the fence against a former owner.
CREATE TABLE offsets (
    group_name text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 50);

-- Room on each page: a changed journey stays where it was, and no index is touched.
CREATE TABLE journeys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    changed date NOT NULL DEFAULT (moment() AT TIME ZONE 'UTC')::date,
    body bytea NOT NULL,
    UNIQUE (shop, order_id)
) WITH (fillfactor = 60);

-- What is compressed already is not compressed once more.
ALTER TABLE journeys ALTER COLUMN body SET STORAGE EXTERNAL;

-- From here on no foreign keys: each row would be looked up once more, and every writer of a row
-- holds the lock of its journey anyway.

-- The key holds `since` too: a recycled number leads to one journey after the other.
CREATE TABLE links (
    shop text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    since_ms bigint NOT NULL,
    journey bigint NOT NULL,
    PRIMARY KEY (shop, reference, since_ms, journey)
);

-- When the earliest deadline of a journey falls due, or a little before; apart from the journey,
-- which is then written without touching an index. `looked_by` has taken it up and has until
-- `looked_until` to work it off.
CREATE TABLE wakes (
    journey bigint PRIMARY KEY,
    wake_ms bigint NOT NULL,
    looked_by uuid,
    looked_until timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX wakes_by_time ON wakes (wake_ms, journey);

-- The timeline.
CREATE SEQUENCE entries_id;
CREATE TABLE entries (
    id bigint NOT NULL DEFAULT nextval('entries_id'),
    week date NOT NULL DEFAULT this_week(),
    journey bigint NOT NULL,
    body bytea NOT NULL
) PARTITION BY RANGE (week);
CREATE INDEX entries_of_journey ON entries (journey);

-- `ready_ms` is what makes a claim cheap whatever the backlog. It is set on one row of each lane
-- (journey and channel) at most, the one whose turn it is: to `due_ms` while the row is free, to
-- the end of its lease while it is leased. A row that waits behind another has none.
--
-- Whoever changes a lane holds the lock of its journey. So `seq`, drawn under that lock, is the
-- order of the lane, whoever writes. `week` tells in which partition the content is. What a storm holds is
-- `bound` to the row with which it is let go: itself, or the one that it follows.
CREATE SEQUENCE outbox_seq;
CREATE TABLE outbox (
    seq bigint NOT NULL,
    week date NOT NULL DEFAULT this_week(),
    id text COLLATE "C" PRIMARY KEY,
    journey bigint NOT NULL,
    channel text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    ready_ms bigint,
    due_ms bigint NOT NULL,
    lease_owner text COLLATE "C",
    lease_until_ms bigint,
    attempts integer NOT NULL,
    received_ms bigint NOT NULL,
    decided_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    settled_ms bigint,
    rule text NOT NULL,
    message text NOT NULL,
    subject text NOT NULL,
    traceparent text,
    reason text,
    storm bigint,
    bound bigint
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- Partial, so that finished rows cost nothing.
CREATE INDEX outbox_lane ON outbox (journey, channel, seq) WHERE state = 'pending';
CREATE INDEX outbox_ready ON outbox (provider, ready_ms, seq) INCLUDE (due_ms) WHERE ready_ms IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (settled_ms, seq) WHERE state IN ('dead', 'held');
CREATE INDEX outbox_of_journey ON outbox (journey);
CREATE INDEX outbox_stormbound ON outbox (storm, bound, seq) WHERE state = 'stormbound';

-- Orders whose confirmation no provider has accepted: few, while all is well. A confirmation by
-- webhook counts where the shop writes to its customers itself.
CREATE TABLE unconfirmed (
    journey bigint PRIMARY KEY,
    shop text COLLATE "C" NOT NULL,
    since_ms bigint NOT NULL,
    cause text COLLATE "C" NOT NULL,
    by_webhook boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX unconfirmed_by_time ON unconfirmed (since_ms);

-- How often each rule of a shop has spoken, hour by hour, and how much of that was held. The rule ''
-- stands for the orders of the shop. Each replica counts for itself: one row for all would make them
-- wait for one another's commits.
CREATE TABLE rates (
    shop text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    replica uuid NOT NULL,
    spoken bigint NOT NULL,
    held bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (shop, rule, hour, replica)
) WITH (fillfactor = 50);

-- Rules that were held, each once: the storm it is in or was last in. `ruling` is what a person has said
-- of what is held of it, up to the row `through` of the outbox.
CREATE TABLE storms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop text COLLATE "C" NOT NULL,
    rule text COLLATE "C" NOT NULL,
    since_ms bigint NOT NULL,
    holds_until_ms bigint NOT NULL,
    mark bigint NOT NULL,
    busiest bigint NOT NULL,
    granted bigint,
    granted_ms bigint,
    ruling text COLLATE "C",
    through bigint NOT NULL DEFAULT 0,
    UNIQUE (shop, rule)
);

-- When each order of a customer has told them something, of late. The id is a keyed hash of the shop
-- and the customer's contact: what is kept names nobody.
CREATE TABLE spending (
    id bigint PRIMARY KEY,
    last_ms bigint NOT NULL,
    body text NOT NULL
) WITH (fillfactor = 80);

-- The key of those hashes, drawn once.
CREATE TABLE pseudonyms (
    key bytea NOT NULL
);
INSERT INTO pseudonyms (key)
    SELECT sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea)) FROM generate_series(1, 4);

-- What is sent.
CREATE TABLE contents (
    notification bigint NOT NULL,
    week date NOT NULL DEFAULT this_week(),
    body bytea NOT NULL,
    PRIMARY KEY (notification, week)
) PARTITION BY RANGE (week);
ALTER TABLE contents ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE SEQUENCE attempts_id;
CREATE TABLE attempts (
    id bigint NOT NULL DEFAULT nextval('attempts_id'),
    week date NOT NULL DEFAULT this_week(),
    notification bigint NOT NULL,
    at_ms bigint NOT NULL,
    provider text NOT NULL,
    outcome text NOT NULL,
    status integer,
    provider_id text,
    detail text
) PARTITION BY RANGE (week);
CREATE INDEX attempts_of_notification ON attempts (notification);

-- Events that wait for the order or the shipment they are about.
CREATE TABLE parked (
    key uuid PRIMARY KEY,
    shop text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    event bytea NOT NULL,
    parked_ms bigint NOT NULL
);
CREATE INDEX parked_by_reference ON parked (shop, reference, parked_ms, key);

-- Records that could not become events, as they came.
CREATE TABLE dead_records (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    value bytea,
    headers text NOT NULL,
    timestamp_ms bigint,
    stage text NOT NULL,
    cause text NOT NULL,
    detail text NOT NULL,
    at_ms bigint NOT NULL,
    redriven boolean NOT NULL DEFAULT false,
    looked_by uuid,
    looked_until timestamptz
);
CREATE INDEX dead_records_waiting ON dead_records (at_ms, id) WHERE NOT redriven;
CREATE INDEX dead_records_redriven ON dead_records (id) WHERE redriven;
-- A topic that is read again brings the same dead letters; each is kept once.
CREATE UNIQUE INDEX dead_records_by_place
    ON dead_records (topic, partition, record_offset, (coalesce(md5(value), '')));

-- Records of our own that have not arrived at the broker yet. Those of one journey are in their
-- order: `seq` is drawn under its lock.
CREATE TABLE publications (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    key bytea,
    value bytea,
    headers text NOT NULL,
    timestamp_ms bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
-- One stream that is refused must not be gone through to find the other.
CREATE INDEX publications_of_stream ON publications (stream, seq);

-- What one process does at a time for all of them: whose turn it is, and until when.
CREATE TABLE turns (
    name text PRIMARY KEY,
    owner text NOT NULL,
    until_ms bigint NOT NULL
) WITH (fillfactor = 50);

-- One row that is written to find out whether writing works.
CREATE TABLE pulse (
    id integer PRIMARY KEY CHECK (id = 1),
    beats bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO pulse (id, beats) VALUES (1, 0);
