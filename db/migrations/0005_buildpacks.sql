-- An app's own buildpacks, in the order they run; none = found out by the app's files.
CREATE TABLE buildpacks (
  app_id  TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  -- "heroku/nodejs" for one of ours, else an address such as "https://host/name.git#v2"
  ref     TEXT NOT NULL,
  PRIMARY KEY (app_id, ordinal)
) STRICT, WITHOUT ROWID;
