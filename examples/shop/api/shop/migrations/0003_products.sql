-- The catalogue team's table, for an environment in which nobody has made it yet: there, the catalogue begins empty.
CREATE TABLE IF NOT EXISTS products (
    id          text    PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
    name        text    NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents > 0)
);
