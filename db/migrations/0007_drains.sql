-- Where an app's log stream is sent besides.
CREATE TABLE drains (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  sealed_url BLOB NOT NULL,                     -- encrypted as config is: it may hold a password
  token      TEXT NOT NULL UNIQUE,              -- "d.<uuid>", by which the receiver knows the drain
  position   INTEGER NOT NULL,                  -- id of the last line that was handed over
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX drains_by_app ON drains (app_id);
