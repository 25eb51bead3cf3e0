-- What the process that failed a release wrote last, kept with the release: its log may be gone by the time somebody asks.
CREATE TABLE release_failures (
  app_id  TEXT    NOT NULL,
  version INTEGER NOT NULL,
  dyno    TEXT    NOT NULL,                     -- 'web.1', 'release.7'
  lines   TEXT    NOT NULL CHECK (json_valid(lines)), -- ["oldest", …, "newest"], at most 50
  PRIMARY KEY (app_id, version),
  FOREIGN KEY (app_id, version) REFERENCES releases (app_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
