-- Apps that changed hands. The names are those of that day, as the ledger outlives apps and accounts.
CREATE TABLE app_transfers (
  id               TEXT NOT NULL PRIMARY KEY,
  app_id           TEXT NOT NULL,
  app_name         TEXT NOT NULL,
  owner_id         TEXT NOT NULL,  -- who had it
  owner_email      TEXT NOT NULL,
  recipient_id     TEXT NOT NULL,
  recipient_email  TEXT NOT NULL,
  created_at       TEXT NOT NULL   -- ISO 8601, UTC
) STRICT;
CREATE INDEX app_transfers_by_owner ON app_transfers (owner_id);
CREATE INDEX app_transfers_by_recipient ON app_transfers (recipient_id);
