-- Scheduled jobs that users made; those of app.json are in its release.
CREATE TABLE cron_jobs (
  app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  id         TEXT NOT NULL,                     -- made of schedule and command: the same job cannot be there twice
  schedule   TEXT NOT NULL,                     -- five fields, UTC
  command    TEXT NOT NULL,
  overlap    INTEGER NOT NULL CHECK (overlap IN (0, 1)),
  created_at TEXT NOT NULL,
  PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

-- Until when a job's due times have been seen to, so that none runs twice, whoever is killed.
CREATE TABLE cron_marks (
  app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
  job_id TEXT NOT NULL,
  seen   TEXT NOT NULL,
  PRIMARY KEY (app_id, job_id)
) STRICT, WITHOUT ROWID;

-- The scheduled job that a one-off dyno was started for; NULL = a user asked for it.
ALTER TABLE runs ADD COLUMN job_id TEXT;
CREATE INDEX runs_by_job ON runs (app_id, job_id) WHERE job_id IS NOT NULL;
