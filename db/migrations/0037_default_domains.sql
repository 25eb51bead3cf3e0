-- The default domains (<app>.<domain>) that were changed. No row = on, with the newest certificate that covers it.
CREATE TABLE default_domains (
  app_id  TEXT PRIMARY KEY NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  is_on   INTEGER NOT NULL CHECK (is_on IN (0, 1)),
  cert_id TEXT REFERENCES certs (id) ON DELETE SET NULL -- chosen by domains:update
) STRICT, WITHOUT ROWID;
