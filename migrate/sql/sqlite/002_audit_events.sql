-- The audit trail. The database itself refuses to change or remove what is recorded.

-- +migrate Up
CREATE TABLE audit_events (
  event_id       integer PRIMARY KEY AUTOINCREMENT,
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
  after_state    text  -- JSON, kept to the letter
);
CREATE INDEX idx_audit_events_occurred ON audit_events (occurred_at);
CREATE INDEX idx_audit_events_object ON audit_events (object_type, object_id, event_id);
CREATE INDEX idx_audit_events_actor ON audit_events (actor_name, event_id);

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
