CREATE TABLE orders (
    id               bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    item             text        NOT NULL,
    name             text        NOT NULL,
    unit_price_cents integer     NOT NULL CHECK (unit_price_cents > 0),
    quantity         integer     NOT NULL CHECK (quantity BETWEEN 1 AND 100),
    placed_at        timestamptz NOT NULL DEFAULT now()
);
