-- Process types that run in another image than the release's own (heroku.yml): {"worker": {"image": "sha256:…", "port": null}}.
ALTER TABLE releases ADD COLUMN images TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(images));
ALTER TABLE builds   ADD COLUMN images TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(images));
