-- Which place keeps the keys of what is sealed here: its identity. Empty while nothing has been sealed.
CREATE TABLE vault (
    id integer PRIMARY KEY CHECK (id = 1),
    keys uuid NOT NULL
);

-- Orders whose keys are to be forgotten. It is written with what lets go of the order, and carried out
-- after that, since the keys are elsewhere.
CREATE TABLE forgotten_keys (
    shop text COLLATE "C" NOT NULL,
    order_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (shop, order_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
