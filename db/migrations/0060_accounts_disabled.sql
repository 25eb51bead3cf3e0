-- An account that is disabled logs in nowhere; its apps go on. NULL = it is not.
ALTER TABLE accounts ADD COLUMN disabled_at TEXT;
