-- What was changed, by whom: kept when the app is gone.
CREATE TABLE events (
  sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  app_id     TEXT,                              -- NULL = of no app
  resource   TEXT NOT NULL,                     -- "release", "domain", … as the API calls it
  action     TEXT NOT NULL CHECK (action IN ('create', 'update', 'destroy')),
  data       TEXT NOT NULL CHECK (json_valid(data)), -- the resource as the API shows it; never a secret
  actor_id   TEXT,                              -- NULL = the platform itself
  actor_email TEXT,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_app ON events (app_id, sequence);

CREATE TABLE webhooks (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  url        TEXT NOT NULL,
  include    TEXT NOT NULL CHECK (json_valid(include)), -- ["api:release", …]
  level      TEXT NOT NULL CHECK (level IN ('notify', 'sync')),
  sealed     BLOB NOT NULL,                     -- {"secret", "authorization"}, encrypted as config is
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX webhooks_by_app ON webhooks (app_id);

-- One event on its way to one webhook: written with the event, so that no crash loses it.
CREATE TABLE webhook_deliveries (
  id              TEXT PRIMARY KEY NOT NULL,
  webhook_id      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_id        TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
  status          TEXT NOT NULL CHECK (status IN ('pending', 'retrying', 'succeeded', 'failed')),
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT,                         -- NULL once it is over
  attempt_id      TEXT,
  attempt_code    INTEGER,                      -- HTTP status of the last attempt
  attempt_error   TEXT,                         -- why there was none
  attempted_at    TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id);
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id);
