-- What a build gave, so that one with the same inputs can be answered with it. All NULL until it has succeeded.
ALTER TABLE builds ADD COLUMN image TEXT;          -- 'sha256:…'
ALTER TABLE builds ADD COLUMN image_kind TEXT CHECK (image_kind IN ('buildpack', 'dockerfile'));
ALTER TABLE builds ADD COLUMN port INTEGER;        -- EXPOSE; NULL = none
ALTER TABLE builds ADD COLUMN process_types TEXT;  -- JSON object, type → command
ALTER TABLE builds ADD COLUMN buildpacks TEXT;     -- JSON list of names
ALTER TABLE builds ADD COLUMN inputs TEXT;         -- keyed hash of everything that the image depends on
ALTER TABLE builds ADD COLUMN size_bytes INTEGER;
ALTER TABLE builds ADD COLUMN durations TEXT;      -- JSON object, phase → milliseconds
CREATE INDEX builds_by_inputs ON builds (app_id, inputs) WHERE status = 'succeeded';
