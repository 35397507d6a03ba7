-- The audit trail. The database itself refuses to change or remove what is recorded.

-- +migrate Up
CREATE TABLE audit_events (
  event_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at    timestamptz NOT NULL,
  actor_kind     text        NOT NULL,
  actor_name     text        NOT NULL,
  actor_verified boolean     NOT NULL,
  actor_session  text        NOT NULL,
  actor_address  text        NOT NULL,
  action         text        NOT NULL,
  object_type    text        NOT NULL,
  object_id      text        NOT NULL,
  before_state   text, -- JSON, kept to the letter
  after_state    text  -- JSON, kept to the letter
);
CREATE INDEX idx_audit_events_occurred ON audit_events (occurred_at);
CREATE INDEX idx_audit_events_object ON audit_events (object_type, object_id, event_id);
CREATE INDEX idx_audit_events_actor ON audit_events (actor_name, event_id);

-- +migrate StatementBegin
CREATE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_events is append-only: % refused', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END
$$;
-- +migrate StatementEnd

CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION audit_events_append_only();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();

-- +migrate Down
DROP TABLE audit_events;
DROP FUNCTION audit_events_append_only();
