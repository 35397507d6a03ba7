-- Who is logged in at the dashboard.

-- +migrate Up
CREATE TABLE dashboard_sessions (
  token      text        PRIMARY KEY, -- a hash of what the browser has
  data       bytea       NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX idx_dashboard_sessions_expires ON dashboard_sessions (expires_at);

-- +migrate Down
DROP TABLE dashboard_sessions;
