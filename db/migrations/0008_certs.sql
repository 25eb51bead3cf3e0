-- Certificates that users brought for their apps' host names.
CREATE TABLE certs (
  id         TEXT PRIMARY KEY NOT NULL,
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  name       TEXT NOT NULL UNIQUE,
  chain      TEXT NOT NULL,                     -- PEM: the certificate, then the intermediate ones
  sealed_key BLOB NOT NULL,                     -- PEM, encrypted as config is
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX certs_by_app ON certs (app_id);
