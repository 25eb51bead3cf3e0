-- Instants are ISO 8601 UTC text. Ids are UUIDs.
CREATE TABLE settings (
  key   TEXT PRIMARY KEY NOT NULL,              -- 'instance', 'table_version'
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id         TEXT PRIMARY KEY NOT NULL,
  email      TEXT NOT NULL UNIQUE COLLATE NOCASE,
  name       TEXT,                              -- NULL = never told
  admin      INTEGER NOT NULL CHECK (admin IN (0, 1)),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A token is stored as its SHA-256 only.
CREATE TABLE tokens (
  id           TEXT PRIMARY KEY NOT NULL,
  account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  hash         TEXT NOT NULL UNIQUE,            -- hex SHA-256
  description  TEXT NOT NULL,
  scope        TEXT NOT NULL CHECK (json_valid(scope)), -- ["global"] | "read" | "write" | "deploy"
  expires_at   TEXT,                            -- NULL = never
  last_used_at TEXT,                            -- NULL = never
  created_at   TEXT NOT NULL,
  updated_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
  id          TEXT PRIMARY KEY NOT NULL,
  name        TEXT NOT NULL UNIQUE,
  owner_id    TEXT NOT NULL REFERENCES accounts (id),
  stack       TEXT NOT NULL CHECK (stack IN ('heroku-22', 'container')),
  maintenance INTEGER NOT NULL CHECK (maintenance IN (0, 1)),
  last_run    INTEGER NOT NULL DEFAULT 0,       -- N of the newest run.N
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A release never changes once written. Numbers strictly increase per app and are never used again.
CREATE TABLE releases (
  id            TEXT NOT NULL UNIQUE,
  app_id        TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  version       INTEGER NOT NULL CHECK (version > 0), -- 1, 2, 3 … per app, shown as "v3"
  cause         TEXT NOT NULL CHECK (cause IN ('initial', 'deploy', 'config', 'rollback', 'automatic_rollback', 'retry')),
  description   TEXT NOT NULL,
  user_id       TEXT NOT NULL,                  -- no reference: the ledger outlives accounts
  user_email    TEXT NOT NULL,
  build_id      TEXT,                           -- NULL = not from a build
  image         TEXT,                           -- 'sha256:…'; NULL = nothing deployed yet
  image_kind    TEXT NOT NULL CHECK (image_kind IN ('buildpack', 'dockerfile')),
  port          INTEGER,                        -- EXPOSE of a Dockerfile; NULL = ours to choose
  source_commit TEXT,                           -- full id; NULL = none
  process_types TEXT NOT NULL CHECK (json_valid(process_types)), -- {"web":"npm start"}
  created_at    TEXT NOT NULL,
  PRIMARY KEY (app_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER releases_are_immutable BEFORE UPDATE ON releases
BEGIN SELECT RAISE(ABORT, 'releases are immutable'); END;

-- The whole config of a release, encrypted (AES-256-GCM). Apart from `releases`, so that a key rotation leaves that row as it was.
CREATE TABLE release_configs (
  app_id  TEXT    NOT NULL,
  version INTEGER NOT NULL,
  sealed  BLOB    NOT NULL,                     -- nonce (12 bytes) · tag (16) · ciphertext of {"KEY":"value"}
  PRIMARY KEY (app_id, version),
  FOREIGN KEY (app_id, version) REFERENCES releases (app_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- How a release fares: the only part that changes, and only forward.
CREATE TABLE release_states (
  app_id     TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  status     TEXT    NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'expired')),
  stage      TEXT    NOT NULL CHECK (stage IN ('release_phase', 'rollout', 'done')),
  reason     TEXT,                              -- full sentence; NULL while nothing went wrong
  cost       TEXT CHECK (cost IS NULL OR json_valid(cost)), -- what the switch cost; NULL = not measured
  updated_at TEXT    NOT NULL,
  PRIMARY KEY (app_id, version),
  FOREIGN KEY (app_id, version) REFERENCES releases (app_id, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TRIGGER release_states_are_final BEFORE UPDATE OF status ON release_states
WHEN OLD.status <> 'pending' AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a settled release does not change its status'); END;

-- Wanted counts, apart from releases: scaling makes no release. No row = 1 for web, 0 for every other type.
CREATE TABLE formation (
  app_id     TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type       TEXT    NOT NULL,
  id         TEXT    NOT NULL,
  quantity   INTEGER NOT NULL CHECK (quantity BETWEEN 0 AND 100),
  updated_at TEXT    NOT NULL,
  PRIMARY KEY (app_id, type)
) STRICT, WITHOUT ROWID;

-- `ps:restart` and `ps:stop`: a dyno whose container was started under a lower number is replaced. type '' = all types, ordinal 0 = all of the
-- type; of the rows that cover a dyno the one with the highest number counts.
CREATE TABLE restarts (
  app_id  TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  type    TEXT    NOT NULL,
  ordinal INTEGER NOT NULL,
  number  INTEGER NOT NULL CHECK (number > 0),  -- rises per app
  stopped INTEGER,                              -- stays stopped while this release version serves; NULL = runs
  PRIMARY KEY (app_id, type, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  hostname   TEXT NOT NULL UNIQUE,              -- lower case, ASCII (punycode), no port
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One-off dynos. The row is written before the container is made, and says how it ended.
CREATE TABLE runs (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL,                  -- N of run.N
  version    INTEGER NOT NULL,                  -- release it runs
  command    TEXT NOT NULL,
  attached   INTEGER NOT NULL CHECK (attached IN (0, 1)),
  state      TEXT NOT NULL CHECK (state IN ('starting', 'up', 'ended')),
  exit_code  INTEGER,                           -- NULL = has not ended, or nobody saw it end
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (app_id, number)
) STRICT, WITHOUT ROWID;
