-- What one process of a type may use; a type without a row has the defaults of the settings.
CREATE TABLE limits (
  app_id       TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type         TEXT NOT NULL,                   -- of the Procfile, or 'run' for one-off dynos
  memory_bytes INTEGER,                         -- NULL = the default
  cpus         REAL,                            -- cores; NULL = no limit
  pids         INTEGER,                         -- NULL = the default
  PRIMARY KEY (app_id, type)
) STRICT, WITHOUT ROWID;
