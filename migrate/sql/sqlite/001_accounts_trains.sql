-- The tables of PostgreSQL, by the same names. Times are text of one width, in
-- UTC, with microseconds (2006-01-02T15:04:05.000000Z), so that they sort as
-- text; lists are JSON arrays, checked.

-- +migrate Up
CREATE TABLE IF NOT EXISTS accounts (
  account_id                    text PRIMARY KEY NOT NULL CHECK (length(account_id) <= 255),
  account_name                  text NOT NULL UNIQUE CHECK (length(account_name) <= 255),
  credential_type               text NOT NULL,
  api_key_encrypted             text,
  oauth_access_token_encrypted  text,
  oauth_refresh_token_encrypted text,
  oauth_expires_at              integer, -- milliseconds since 1970
  oauth_scopes                  text CHECK (oauth_scopes IS NULL OR json_type(oauth_scopes) = 'array'),
  oauth_is_max                  boolean DEFAULT 0,
  is_active                     boolean DEFAULT 1,
  created_at                    text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  updated_at                    text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  last_used_at                  text,
  CONSTRAINT accounts_credential_type_check CHECK (credential_type IN ('api_key', 'oauth')),
  CONSTRAINT api_key_required CHECK (
    (credential_type = 'api_key' AND api_key_encrypted IS NOT NULL) OR
    (credential_type = 'oauth' AND oauth_access_token_encrypted IS NOT NULL AND oauth_refresh_token_encrypted IS NOT NULL)
  )
);

CREATE TABLE IF NOT EXISTS trains (
  train_id               text PRIMARY KEY NOT NULL CHECK (length(train_id) <= 255),
  train_name             text CHECK (length(train_name) <= 255),
  description            text,
  client_api_keys_hashed text CHECK (client_api_keys_hashed IS NULL OR json_type(client_api_keys_hashed) = 'array'), -- lower-case hex SHA-256
  slack_config           text CHECK (slack_config IS NULL OR json_valid(slack_config)),
  default_account_id     text,
  is_active              boolean DEFAULT 1,
  created_at             text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  updated_at             text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  CONSTRAINT fk_default_account FOREIGN KEY (default_account_id) REFERENCES accounts (account_id) ON DELETE SET NULL
);

CREATE TABLE IF NOT EXISTS train_account_mappings (
  train_id   text NOT NULL,
  account_id text NOT NULL,
  priority   integer DEFAULT 0, -- higher is preferred
  created_at text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  PRIMARY KEY (train_id, account_id),
  CONSTRAINT fk_mapping_train FOREIGN KEY (train_id) REFERENCES trains (train_id) ON DELETE CASCADE,
  CONSTRAINT fk_mapping_account FOREIGN KEY (account_id) REFERENCES accounts (account_id) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS idx_accounts_type ON accounts (credential_type);
CREATE INDEX IF NOT EXISTS idx_accounts_active ON accounts (is_active) WHERE is_active = 1;
CREATE INDEX IF NOT EXISTS idx_accounts_last_used ON accounts (last_used_at DESC);
CREATE INDEX IF NOT EXISTS idx_trains_active ON trains (is_active) WHERE is_active = 1;
CREATE INDEX IF NOT EXISTS idx_trains_default_account ON trains (default_account_id) WHERE default_account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_train_mappings_train ON train_account_mappings (train_id);
CREATE INDEX IF NOT EXISTS idx_train_mappings_account ON train_account_mappings (account_id);
CREATE INDEX IF NOT EXISTS idx_train_mappings_priority ON train_account_mappings (train_id, priority);

-- +migrate Down
DROP TABLE IF EXISTS train_account_mappings;
DROP TABLE IF EXISTS trains;
DROP TABLE IF EXISTS accounts;
