-- The tables of existing deployments, by their names. Everything is made only
-- where it is missing, so that such a database is adopted as it is.

-- +migrate Up
CREATE TABLE IF NOT EXISTS accounts (
  account_id                    varchar(255) PRIMARY KEY,
  account_name                  varchar(255) NOT NULL UNIQUE,
  credential_type               varchar(20)  NOT NULL,
  api_key_encrypted             text,
  oauth_access_token_encrypted  text,
  oauth_refresh_token_encrypted text,
  oauth_expires_at              bigint, -- milliseconds since 1970
  oauth_scopes                  text[],
  oauth_is_max                  boolean     DEFAULT false,
  is_active                     boolean     DEFAULT true,
  created_at                    timestamptz DEFAULT now(),
  updated_at                    timestamptz DEFAULT now(),
  last_used_at                  timestamptz,
  CONSTRAINT accounts_credential_type_check CHECK (credential_type IN ('api_key', 'oauth')),
  CONSTRAINT api_key_required CHECK (
    (credential_type = 'api_key' AND api_key_encrypted IS NOT NULL) OR
    (credential_type = 'oauth' AND oauth_access_token_encrypted IS NOT NULL AND oauth_refresh_token_encrypted IS NOT NULL)
  )
);

CREATE TABLE IF NOT EXISTS trains (
  train_id               varchar(255) PRIMARY KEY,
  train_name             varchar(255),
  description            text,
  client_api_keys_hashed text[], -- lower-case hex SHA-256
  slack_config           jsonb,
  default_account_id     varchar(255),
  is_active              boolean     DEFAULT true,
  created_at             timestamptz DEFAULT now(),
  updated_at             timestamptz DEFAULT now(),
  CONSTRAINT fk_default_account FOREIGN KEY (default_account_id) REFERENCES accounts (account_id) ON DELETE SET NULL
);

CREATE TABLE IF NOT EXISTS train_account_mappings (
  train_id   varchar(255) NOT NULL,
  account_id varchar(255) NOT NULL,
  priority   integer     DEFAULT 0, -- higher is preferred
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (train_id, account_id),
  CONSTRAINT fk_mapping_train FOREIGN KEY (train_id) REFERENCES trains (train_id) ON DELETE CASCADE,
  CONSTRAINT fk_mapping_account FOREIGN KEY (account_id) REFERENCES accounts (account_id) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS idx_accounts_type ON accounts (credential_type);
CREATE INDEX IF NOT EXISTS idx_accounts_active ON accounts (is_active) WHERE is_active = true;
CREATE INDEX IF NOT EXISTS idx_accounts_last_used ON accounts (last_used_at DESC NULLS LAST);
CREATE INDEX IF NOT EXISTS idx_trains_active ON trains (is_active) WHERE is_active = true;
CREATE INDEX IF NOT EXISTS idx_trains_default_account ON trains (default_account_id) WHERE default_account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_train_mappings_train ON train_account_mappings (train_id);
CREATE INDEX IF NOT EXISTS idx_train_mappings_account ON train_account_mappings (account_id);
CREATE INDEX IF NOT EXISTS idx_train_mappings_priority ON train_account_mappings (train_id, priority);

-- +migrate Down
DROP TABLE IF EXISTS train_account_mappings;
DROP TABLE IF EXISTS trains;
DROP TABLE IF EXISTS accounts;
