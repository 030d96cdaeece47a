-- A line of the customer's to us.
ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT '' CHECK (length(note) <= 200);
