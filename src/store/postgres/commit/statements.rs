//! The statements of a commit, in the order in which they are sent.

pub(super) const ADVANCE: &str = "WITH given AS (
        SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) g(topic, partition, expected, next)),
    begun AS (
        INSERT INTO offsets (group_name, topic, partition, next)
        SELECT $1, topic, partition, next FROM given WHERE expected IS NULL ORDER BY topic, partition
        ON CONFLICT DO NOTHING RETURNING topic, partition),
    locked AS (
        SELECT o.topic, o.partition, g.next FROM given g
        JOIN offsets o ON o.group_name = $1 AND o.topic = g.topic AND o.partition = g.partition
        WHERE o.next = g.expected ORDER BY o.topic, o.partition FOR NO KEY UPDATE OF o),
    moved AS (
        UPDATE offsets o SET next = l.next FROM locked l
        WHERE o.group_name = $1 AND o.topic = l.topic AND o.partition = l.partition
        RETURNING o.topic, o.partition)
    SELECT topic, partition FROM begun UNION ALL SELECT topic, partition FROM moved";

/// Locks the journeys to be changed and those of the notifications to be withdrawn, all in one
/// order.
pub(super) const LOCK: &str = "SELECT j.id, j.shop, j.order_id, j.version FROM journeys j
    WHERE j.id IN (
        SELECT k.id FROM unnest($1::text[], $2::text[]) w(shop, order_id)
        JOIN journeys k ON k.shop = w.shop AND k.order_id = w.order_id
        UNION SELECT o.journey FROM outbox o WHERE o.id = ANY($3::text[]))
    ORDER BY j.id FOR NO KEY UPDATE OF j";

pub(super) const INSERT_JOURNEYS: &str = "INSERT INTO journeys (shop, order_id, version, body)
    SELECT shop, order_id, 1, body FROM unnest($1::text[], $2::text[], $3::bytea[]) w(shop, order_id, body)
    ORDER BY shop COLLATE \"C\", order_id COLLATE \"C\"
    ON CONFLICT DO NOTHING RETURNING id, shop, order_id";

/// Withdraws what is still pending or stormbound, gives the turn of each lane that this frees to what comes
/// next, and tells of that.
pub(super) const WITHDRAW: &str = "WITH given AS (
        SELECT o.id, o.journey, o.channel, o.ready_ms IS NOT NULL AS had_turn, w.reason
        FROM unnest($1::text[], $2::text[]) w(id, reason) JOIN outbox o ON o.id = w.id
        WHERE o.state IN ('pending', 'stormbound')),
    gone AS (
        UPDATE outbox o SET state = 'suppressed', reason = g.reason, ready_ms = NULL, lease_owner = NULL,
            lease_until_ms = NULL
        FROM given g WHERE o.id = g.id)
    UPDATE outbox o SET ready_ms = o.due_ms
    FROM (SELECT DISTINCT journey, channel FROM given WHERE had_turn) freed
    CROSS JOIN LATERAL (SELECT p.id FROM outbox p
        WHERE p.journey = freed.journey AND p.channel = freed.channel AND p.state = 'pending'
          AND p.id <> ALL($1::text[])
        ORDER BY p.seq LIMIT 1) head
    WHERE o.id = head.id RETURNING o.id, o.attempts, o.provider";

pub(super) const BUSY_LANES: &str = "SELECT DISTINCT o.journey, o.channel
    FROM unnest($1::text[], $2::text[]) w(shop, order_id)
    JOIN journeys j ON j.shop = w.shop AND j.order_id = w.order_id
    JOIN outbox o ON o.journey = j.id AND o.state = 'pending'";

/// Which are there, and of those that are held: by what, and bound to which.
pub(super) const KNOWN: &str = "SELECT id, CASE WHEN state = 'stormbound' THEN storm END, bound
    FROM outbox WHERE id = ANY($1::text[])";

pub(super) const DRAW_SEQS: &str = "SELECT nextval('outbox_seq') FROM generate_series(1, $1::bigint)";

pub(super) const UPDATE_JOURNEYS: &str = "UPDATE journeys j SET version = j.version + 1, body = w.body,
        changed = (moment() AT TIME ZONE 'UTC')::date
    FROM unnest($1::bigint[], $2::bytea[]) w(id, body) WHERE j.id = w.id";

pub(super) const LINK: &str = "INSERT INTO links (shop, reference, since_ms, journey)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) ON CONFLICT DO NOTHING";

pub(super) const FORGET_WAKES: &str = "DELETE FROM wakes WHERE journey = ANY($1::bigint[])";

pub(super) const WAKE: &str = "INSERT INTO wakes (journey, wake_ms)
    SELECT * FROM unnest($1::bigint[], $2::bigint[])
    ON CONFLICT (journey) DO UPDATE SET wake_ms = excluded.wake_ms, looked_until = NULL";

pub(super) const TELL: &str = "INSERT INTO entries (journey, body)
    SELECT journey, body FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY w(journey, body, ord) ORDER BY ord";

pub(super) const NOTIFY: &str = "INSERT INTO outbox (seq, id, journey, channel, provider, state, ready_ms, due_ms,
        lease_owner, lease_until_ms, attempts, received_ms, decided_ms, expires_ms, rule, message, subject,
        traceparent, reason, storm, bound)
    SELECT seq, id, journey, channel, provider, state, ready_ms, decided_ms, lease_owner, lease_until_ms, 0,
        received_ms, decided_ms, expires_ms, rule, message, subject, traceparent, reason, storm, bound
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
        $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[],
        $15::text[], $16::text[], $17::text[], $18::bigint[], $19::bigint[])
        w(seq, id, journey, channel, provider, state, ready_ms, lease_owner, lease_until_ms, received_ms, decided_ms,
          expires_ms, rule, message, subject, traceparent, reason, storm, bound)";

pub(super) const KEEP_CONTENTS: &str = "INSERT INTO contents (notification, body)
    SELECT * FROM unnest($1::bigint[], $2::bytea[])";

/// What the messages of erased journeys said, and those of them that have not left.
pub(super) const ERASE: &str = "WITH unsent AS (
        UPDATE outbox SET state = 'suppressed', reason = $2, ready_ms = NULL, lease_owner = NULL, lease_until_ms = NULL
        WHERE journey = ANY($1::bigint[]) AND state IN ('pending', 'dead', 'held', 'stormbound'))
    DELETE FROM contents c USING outbox o
    WHERE o.journey = ANY($1::bigint[]) AND c.notification = o.seq AND c.week = o.week";

/// Their keys are elsewhere, and forgotten after this.
pub(super) const NOTE_ERASED: &str = "INSERT INTO forgotten_keys (shop, order_id)
    SELECT * FROM unnest($1::text[], $2::text[]) w(shop, order_id)
    ORDER BY w.shop COLLATE \"C\", w.order_id COLLATE \"C\" ON CONFLICT DO NOTHING";

pub(super) const PARK: &str = "INSERT INTO parked (key, shop, reference, event, parked_ms)
    SELECT key, shop, reference, event, parked_ms
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::bigint[])
        w(key, shop, reference, event, parked_ms)
    ORDER BY key ON CONFLICT DO NOTHING";

pub(super) const RELEASE_PARKED: &str = "DELETE FROM parked WHERE key = ANY($1::uuid[])";

pub(super) const FORGET_REDRIVEN: &str = "DELETE FROM dead_records WHERE id = ANY($1::bigint[])";

pub(super) const BURY: &str = "INSERT INTO dead_records (topic, partition, record_offset, key, value, headers,
        timestamp_ms, stage, cause, detail, at_ms)
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[],
        $8::text[], $9::text[], $10::text[], $11::bigint[])
        w(topic, partition, record_offset, key, value, headers, timestamp_ms, stage, cause, detail, at_ms)
    ORDER BY topic, partition, record_offset ON CONFLICT DO NOTHING";

pub(in crate::store::postgres) const STATEMENTS: &[&str] = &[
    ADVANCE,
    LOCK,
    INSERT_JOURNEYS,
    WITHDRAW,
    BUSY_LANES,
    KNOWN,
    DRAW_SEQS,
    UPDATE_JOURNEYS,
    LINK,
    FORGET_WAKES,
    WAKE,
    TELL,
    NOTIFY,
    KEEP_CONTENTS,
    ERASE,
    NOTE_ERASED,
    PARK,
    RELEASE_PARKED,
    FORGET_REDRIVEN,
    BURY,
];
