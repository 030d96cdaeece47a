-- The demo catalogue. Runs once, on a new and empty database, before the migrations of the api.
--
-- Who owns what: `products` is the catalogue team's and comes from here; `orders` and everything else is
-- the api's and comes from api/shop/migrations. The api only reads `products`: it copies name and price
-- into each order, and no foreign key crosses the border, so neither side waits for the other. Production
-- has no seed: its catalogue begins empty.

CREATE TABLE products (
    id          text    PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
    name        text    NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents > 0)
);

INSERT INTO products (id, name, price_cents) VALUES
    ('mug',      'Enamel mug',       1250),
    ('notebook', 'Dotted notebook',   890),
    ('pen',      'Fountain pen',     3400),
    ('sticker',  'Sticker set',       350),
    ('tote',     'Canvas tote bag',  1900);
