-- Automatic certificates (RFC 8555). What a kill in the middle of an order must not lose is here before the next step is taken.

-- Apps whose setting differs from the platform's.
CREATE TABLE acme_apps (
  app_id TEXT PRIMARY KEY NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  is_on  INTEGER NOT NULL CHECK (is_on IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Authorities, by the address of their directory: our account there, and until when they are left alone.
CREATE TABLE acme_directories (
  directory   TEXT PRIMARY KEY NOT NULL,
  account_url TEXT,                             -- NULL = none yet
  failures    INTEGER NOT NULL DEFAULT 0,       -- in a row, of the authority itself
  reason      TEXT,                             -- of the last one; NULL = none
  retry_at    TEXT                              -- nothing is asked before; NULL = at any time
) STRICT, WITHOUT ROWID;

-- Host names that have, or are to have, a certificate of their own. An order is under way while order_url is set.
CREATE TABLE acme_names (
  hostname   TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  sealed_key BLOB,                              -- PEM, encrypted: of the certificate to come
  order_url  TEXT,
  started_at TEXT,                              -- of the order
  token      TEXT,                              -- http-01: the router answers `answer` for it
  answer     TEXT,
  asked_at   TEXT,                              -- when the authority was asked to look
  failures   INTEGER NOT NULL DEFAULT 0,        -- in a row
  reason     TEXT,                              -- of the last one
  retry_at   TEXT,                              -- NULL = at once, or when the certificate is due
  tried_at   TEXT                               -- of the last step; NULL = never
) STRICT, WITHOUT ROWID;

ALTER TABLE certs ADD COLUMN acme_host TEXT;    -- the name it was ordered for; NULL = a user brought it
CREATE UNIQUE INDEX certs_by_acme_host ON certs (acme_host) WHERE acme_host IS NOT NULL;
ALTER TABLE domains ADD COLUMN cert_id TEXT REFERENCES certs (id) ON DELETE SET NULL; -- chosen by domains:update; NULL = the newest that covers it
