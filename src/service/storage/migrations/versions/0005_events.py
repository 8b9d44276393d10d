"""Events to be searched, followed and kept: indexes, and what the database itself refuses."""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = """
-- Types are looked for by how they begin, and nothing is sorted as a language would.
ALTER TABLE events
    ALTER type TYPE text COLLATE "C",
    ALTER subject TYPE text COLLATE "C",
    ALTER actor TYPE text COLLATE "C";
-- NULLS FIRST is in no other index. A query that says so cannot be answered in the order of the
-- primary key, which the planner takes for quick and which reads every event for a rare type.
CREATE INDEX events_type ON events (type, position NULLS FIRST);
CREATE INDEX events_subject ON events (subject, type, position NULLS FIRST);
CREATE INDEX events_actor ON events (actor, type, position NULLS FIRST);
CREATE INDEX events_subject_actor ON events (subject, actor, type, position NULLS FIRST);
CREATE INDEX events_time ON events (time, position);

-- Up to which position events were exported, and up to which they were deleted since.
CREATE TABLE event_archive (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    exported bigint NOT NULL,
    deleted bigint NOT NULL,
    CHECK (deleted <= exported)
);
INSERT INTO event_archive (exported, deleted) VALUES (0, 0);

CREATE FUNCTION refuse_to_change_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed' USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_events();

CREATE FUNCTION refuse_to_lose_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone WHERE position > coalesce((SELECT exported FROM event_archive), 0)
    ) THEN
        RAISE EXCEPTION 'events are kept until they are exported'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER events_are_exported_first AFTER DELETE ON events
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_lose_events();
"""


def upgrade() -> None:
    """Adds them to the events there are."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
