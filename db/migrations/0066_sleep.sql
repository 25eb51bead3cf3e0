-- Apps whose web processes go to zero while nobody visits them.
CREATE TABLE sleep (
  app_id    TEXT PRIMARY KEY NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  after_ms  INTEGER NOT NULL CHECK (after_ms BETWEEN 1000 AND 2592000000),
  asleep_at TEXT,                               -- NULL = awake
  version   INTEGER,                            -- the release that fell asleep: a newer one is awake; NULL = awake
  CHECK ((asleep_at IS NULL) = (version IS NULL))
) STRICT, WITHOUT ROWID;
