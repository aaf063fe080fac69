-- The keys that seal a store, in a schema or a database of their own: a copy of the store holds none
-- of them.

-- Tells this place from any other.
CREATE TABLE identity (
    id uuid NOT NULL
);
INSERT INTO identity (id) VALUES (gen_random_uuid());

-- The key of each order, sealed by the master key of that name. What is deleted is to be gone soon.
CREATE TABLE keys (
    shop text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    master text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (shop, order_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

-- By which a master key shows that it is the one that it is called.
CREATE TABLE proofs (
    master text COLLATE "C" PRIMARY KEY,
    sealed bytea NOT NULL
);
