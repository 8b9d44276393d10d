"""Webhooks, and what is sent to them."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = """
-- secret and previous_secret are sealed. `active` holds the positions of the events that are for
-- the webhook: from when it was made or activated, until it was disabled. `prompt` tells whether
-- its receiver answered soon the last time.
CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    event_types text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'DISABLED')),
    active int8multirange NOT NULL,
    prompt boolean NOT NULL DEFAULT false,
    description text NOT NULL,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_expire_time timestamptz,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    version bigint NOT NULL
);

-- Up to which event deliveries were made; what was there before there were webhooks is not sent.
CREATE TABLE webhook_cursor (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);
INSERT INTO webhook_cursor (position) SELECT coalesce(max(position), 0) FROM events;

-- One event on its way to one webhook; position is the event's. A worker that is to send it puts
-- next_attempt_time off first: if it is killed, another does from then on.
CREATE TABLE deliveries (
    webhook uuid NOT NULL,
    event uuid NOT NULL,
    position bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
    attempts integer NOT NULL,
    create_time timestamptz NOT NULL,
    last_attempt_time timestamptz,
    next_attempt_time timestamptz,
    response_code integer NOT NULL,
    response_excerpt text NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (webhook, event)
);
CREATE INDEX deliveries_webhook ON deliveries (webhook, position);
CREATE INDEX deliveries_state ON deliveries (webhook, state, position);
CREATE INDEX deliveries_due ON deliveries (webhook, next_attempt_time) WHERE state = 'PENDING';
CREATE INDEX deliveries_ended ON deliveries (last_attempt_time) WHERE state <> 'PENDING';
"""


def upgrade() -> None:
    """Creates them."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
