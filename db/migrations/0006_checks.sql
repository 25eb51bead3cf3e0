-- How dozen finds out whether the processes of a type are well; a type without a row has the defaults of server/checks.
CREATE TABLE checks (
  app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type        TEXT NOT NULL,
  path        TEXT NOT NULL,                    -- "/health"
  interval_ms INTEGER NOT NULL CHECK (interval_ms BETWEEN 1000 AND 3600000),
  timeout_ms  INTEGER NOT NULL CHECK (timeout_ms BETWEEN 100 AND 60000),
  failures    INTEGER NOT NULL CHECK (failures BETWEEN 1 AND 100),
  PRIMARY KEY (app_id, type)
) STRICT, WITHOUT ROWID;
