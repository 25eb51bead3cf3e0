-- What an app has set for itself in place of the platform's defaults; server/settings knows the names.
CREATE TABLE app_settings (
  app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name   TEXT NOT NULL,
  value  TEXT NOT NULL,                         -- as people write it: '90s', '10MiB', '100/s'
  PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;
