-- Which place keeps the keys of what is sealed here: its identity. Empty while nothing has been sealed.
CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    keys BLOB NOT NULL
) STRICT;

-- Orders whose keys are to be forgotten. It is written with what lets go of the order, and carried out
-- after that, since the keys are elsewhere.
CREATE TABLE forgotten_keys (
    shop TEXT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (shop, order_id)
) STRICT, WITHOUT ROWID;
