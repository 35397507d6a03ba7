-- What a token refresh needs beside the account: who may refresh it now, and
-- whether its refresh token was refused for good.

-- +migrate Up
CREATE TABLE account_refreshes (
  account_id       varchar(255) PRIMARY KEY,
  lease_owner      text,
  lease_expires_at timestamptz,
  reauth_since     timestamptz,
  reauth_reason    text,
  -- The first 64 characters of oauth_refresh_token_encrypted when it was refused
  -- (its random salt, nothing secret): the mark is void once another is stored,
  -- whoever stored it.
  reauth_token     text,
  CONSTRAINT fk_account_refreshes_account FOREIGN KEY (account_id) REFERENCES accounts (account_id) ON DELETE CASCADE
);

-- +migrate Down
DROP TABLE account_refreshes;
