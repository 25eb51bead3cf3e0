CREATE TABLE builds (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL CHECK (number > 0), -- 1, 2, 3 … per app
  user_id    TEXT NOT NULL,
  user_email TEXT NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
  source_commit TEXT NOT NULL,
  stack_image TEXT,                               -- 'sha256:…'; NULL until it is known
  reason     TEXT,                                -- full sentence; NULL while nothing went wrong
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (app_id, number)
) STRICT, WITHOUT ROWID;

-- What a build printed, one row a line, bounded by the builder.
CREATE TABLE build_lines (
  build_id TEXT    NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  number   INTEGER NOT NULL,
  text     TEXT    NOT NULL,
  PRIMARY KEY (build_id, number)
) STRICT, WITHOUT ROWID;
