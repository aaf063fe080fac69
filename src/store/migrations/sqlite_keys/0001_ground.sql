-- The keys that seal a store, in a file of their own: a copy of the store holds none of them.

-- Tells this place from any other.
CREATE TABLE identity (
    id BLOB NOT NULL
) STRICT;
INSERT INTO identity (id) VALUES (randomblob(16));

-- The key of each order, sealed by the master key of that name.
CREATE TABLE keys (
    shop TEXT NOT NULL,
    order_id TEXT NOT NULL,
    master TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (shop, order_id)
) STRICT, WITHOUT ROWID;

-- By which a master key shows that it is the one that it is called.
CREATE TABLE proofs (
    master TEXT PRIMARY KEY NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
