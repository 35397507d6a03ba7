-- The audit trail. The database itself refuses to change or remove what is recorded,
-- and each event carries a keyed hash over itself and the hash before it, so that
-- what is done behind the database's back shows: see package sqlstore.

-- +migrate Up
CREATE TABLE audit_events (
  event_id       integer PRIMARY KEY, -- 1, 2, 3, … without a gap
  occurred_at    text    NOT NULL,
  actor_kind     text    NOT NULL,
  actor_name     text    NOT NULL,
  actor_verified boolean NOT NULL,
  actor_session  text    NOT NULL,
  actor_address  text    NOT NULL,
  action         text    NOT NULL,
  object_type    text    NOT NULL,
  object_id      text    NOT NULL,
  before_state   text, -- JSON, kept to the letter
  after_state    text, -- JSON, kept to the letter
  hash           text    NOT NULL
);
CREATE INDEX idx_audit_events_occurred ON audit_events (occurred_at);
CREATE INDEX idx_audit_events_object ON audit_events (object_type, object_id, event_id);
CREATE INDEX idx_audit_events_actor ON audit_events (actor_name, event_id);
CREATE INDEX idx_audit_events_action ON audit_events (action, event_id);

-- The end of the chain: one row, from the first event on.
CREATE TABLE audit_chain (
  chain_id            integer PRIMARY KEY,
  last_event_id       integer NOT NULL,
  last_hash           text    NOT NULL,
  head_mac            text    NOT NULL, -- over the two above
  chain_key_encrypted text    NOT NULL, -- sealed under the encryption key
  CONSTRAINT audit_chain_has_one_row CHECK (chain_id = 1)
);

-- +migrate StatementBegin
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
  SELECT RAISE(ABORT, 'audit_events is append-only: UPDATE refused');
END;
-- +migrate StatementEnd
-- +migrate StatementBegin
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
  SELECT RAISE(ABORT, 'audit_events is append-only: DELETE refused');
END;
-- +migrate StatementEnd
-- INSERT OR REPLACE deletes the old row without asking the delete trigger.
-- +migrate StatementBegin
CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE event_id = NEW.event_id)
BEGIN
  SELECT RAISE(ABORT, 'audit_events is append-only: REPLACE refused');
END;
-- +migrate StatementEnd

-- +migrate Down
DROP TABLE audit_events;
DROP TABLE audit_chain;
