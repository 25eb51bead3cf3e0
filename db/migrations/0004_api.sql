-- Answers to requests that carried an Idempotency-Key, for a day: a repeated call gets the answer of the first and does nothing.
CREATE TABLE answers (
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  key         TEXT NOT NULL,                    -- the header's value
  fingerprint TEXT NOT NULL,                    -- hex SHA-256 of method, path and body
  status      INTEGER,                          -- NULL = under way, or interrupted by a crash
  sealed      BLOB,                             -- the answer, encrypted as config is: it may hold a token or config vars
  created_at  TEXT NOT NULL,
  PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (created_at);

-- Who may work on an app besides its owner.
CREATE TABLE collaborators (
  id          TEXT NOT NULL UNIQUE,
  app_id      TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL CHECK (json_valid(permissions)), -- ["view","deploy","operate","manage"]
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  PRIMARY KEY (app_id, account_id)
) STRICT, WITHOUT ROWID;

-- Public SSH keys, kept as they came.
CREATE TABLE keys (
  id          TEXT PRIMARY KEY NOT NULL,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  public_key  TEXT NOT NULL,
  fingerprint TEXT NOT NULL,                    -- "SHA256:…" as ssh-keygen -l prints it
  comment     TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  UNIQUE (account_id, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE pipelines (
  id         TEXT PRIMARY KEY NOT NULL,
  name       TEXT NOT NULL UNIQUE,
  owner_id   TEXT NOT NULL REFERENCES accounts (id),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An app is in one pipeline at most.
CREATE TABLE pipeline_couplings (
  id          TEXT PRIMARY KEY NOT NULL,
  pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  app_id      TEXT NOT NULL UNIQUE REFERENCES apps (id) ON DELETE CASCADE,
  stage       TEXT NOT NULL CHECK (stage IN ('test', 'review', 'development', 'staging', 'production')),
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
