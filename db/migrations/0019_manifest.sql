-- What the release's app.json says about running the app: its scheduled jobs and health checks; frozen with the image.
ALTER TABLE releases ADD COLUMN manifest TEXT NOT NULL DEFAULT '{}';
