-- A database as deployments of the TypeScript system have it: the tables, and rows
-- of every kind that was seen. :'sealed' stands for a sealed secret, which the test puts in.
CREATE TABLE accounts (
  account_id VARCHAR(255) PRIMARY KEY,
  account_name VARCHAR(255) NOT NULL UNIQUE,
  credential_type VARCHAR(20) NOT NULL CHECK (credential_type IN ('api_key', 'oauth')),
  api_key_encrypted TEXT,
  oauth_access_token_encrypted TEXT,
  oauth_refresh_token_encrypted TEXT,
  oauth_expires_at BIGINT,
  oauth_scopes TEXT[],
  oauth_is_max BOOLEAN DEFAULT false,
  is_active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT NOW(),
  updated_at TIMESTAMPTZ DEFAULT NOW(),
  last_used_at TIMESTAMPTZ,
  CONSTRAINT api_key_required CHECK (
    (credential_type = 'api_key' AND api_key_encrypted IS NOT NULL)
    OR (credential_type = 'oauth' AND oauth_access_token_encrypted IS NOT NULL AND oauth_refresh_token_encrypted IS NOT NULL)
  )
);
CREATE TABLE trains (
  train_id VARCHAR(255) PRIMARY KEY,
  train_name VARCHAR(255),
  description TEXT,
  client_api_keys_hashed TEXT[],
  slack_config JSONB,
  default_account_id VARCHAR(255),
  is_active BOOLEAN DEFAULT true,
  created_at TIMESTAMPTZ DEFAULT NOW(),
  updated_at TIMESTAMPTZ DEFAULT NOW(),
  CONSTRAINT fk_default_account FOREIGN KEY (default_account_id) REFERENCES accounts(account_id) ON DELETE SET NULL
);
CREATE TABLE train_account_mappings (
  train_id VARCHAR(255) NOT NULL,
  account_id VARCHAR(255) NOT NULL,
  priority INTEGER DEFAULT 0,
  created_at TIMESTAMPTZ DEFAULT NOW(),
  PRIMARY KEY (train_id, account_id),
  CONSTRAINT fk_mapping_train FOREIGN KEY (train_id) REFERENCES trains(train_id) ON DELETE CASCADE,
  CONSTRAINT fk_mapping_account FOREIGN KEY (account_id) REFERENCES accounts(account_id) ON DELETE CASCADE
);
CREATE INDEX idx_accounts_type ON accounts(credential_type);
CREATE INDEX idx_accounts_active ON accounts(is_active) WHERE is_active = true;
CREATE INDEX idx_accounts_last_used ON accounts(last_used_at DESC NULLS LAST);
CREATE INDEX idx_trains_active ON trains(is_active) WHERE is_active = true;
CREATE INDEX idx_trains_default_account ON trains(default_account_id) WHERE default_account_id IS NOT NULL;
CREATE INDEX idx_train_mappings_train ON train_account_mappings(train_id);
CREATE INDEX idx_train_mappings_account ON train_account_mappings(account_id);
CREATE INDEX idx_train_mappings_priority ON train_account_mappings(train_id, priority);

INSERT INTO accounts (account_id, account_name, credential_type, api_key_encrypted, oauth_access_token_encrypted,
    oauth_refresh_token_encrypted, oauth_expires_at, oauth_scopes, oauth_is_max, is_active) VALUES
  ('acc_1', 'team:alpha.one', 'api_key', :'sealed', NULL, NULL, NULL, NULL, false, true),
  ('acc_team-beta', 'team-beta', 'oauth', NULL, :'sealed', :'sealed', 4102444800000, '{user:profile,"user:inference"}', true, true),
  ('acc_3', 'retired', 'oauth', NULL, :'sealed', :'sealed', NULL, NULL, NULL, false),
  ('acc_4', 'both', 'api_key', :'sealed', :'sealed', :'sealed', 0, '{}', true, true);
INSERT INTO trains (train_id, train_name, client_api_keys_hashed, slack_config, default_account_id, is_active) VALUES
  ('train.1', 'One', '{5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8}', NULL, 'acc_3', true),
  ('train:2', NULL, '{}', '{"webhook_url": "https://hooks.slack.invalid/T0", "channel": "#ops", "enabled": false}', NULL, true),
  ('train-3', NULL, NULL, '{"webhook_url": "https://hooks.slack.invalid/T1", "extra": {"kept": 1}}', 'acc_1', false);
INSERT INTO train_account_mappings (train_id, account_id, priority) VALUES
  ('train.1', 'acc_1', -5), ('train.1', 'acc_3', 10), ('train:2', 'acc_3', 0);
