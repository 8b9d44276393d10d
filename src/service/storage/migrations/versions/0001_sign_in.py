"""Users, sessions, keys, grants, and the history they all write."""

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = """
-- One number orders everything: events and changes draw from it under one lock.
CREATE SEQUENCE positions;

CREATE TABLE events (
    position bigint PRIMARY KEY DEFAULT nextval('positions'),
    id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    request_id text NOT NULL,
    peer text NOT NULL,
    data jsonb NOT NULL
);

-- What processes and verifiers of tokens follow. Revocations matter until expire_time.
CREATE TABLE changes (
    position bigint PRIMARY KEY DEFAULT nextval('positions'),
    kind text NOT NULL,
    key text NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time timestamptz
);
CREATE INDEX changes_expire_time ON changes (expire_time) WHERE expire_time IS NOT NULL;
CREATE INDEX changes_time ON changes (time);

-- Answers kept for repeated requests.
CREATE TABLE requests (
    subject text NOT NULL,
    id text NOT NULL,
    digest bytea NOT NULL,
    answer bytea NOT NULL,
    time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (subject, id)
);
CREATE INDEX requests_time ON requests (time);

-- email, display_name and attributes are sealed; email_index is a blind index.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email bytea NOT NULL,
    email_index bytea NOT NULL,
    display_name bytea NOT NULL,
    attributes bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'SUSPENDED', 'PENDING')),
    email_verified boolean NOT NULL,
    mfa_enabled boolean NOT NULL,
    password_hash text,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT users_email_index UNIQUE (email_index)
);
CREATE INDEX users_create_time ON users (create_time, id);
CREATE INDEX users_state ON users (state, create_time, id);

-- refresh_key is sealed; the refresh token of a generation is derived from it. No access token of
-- the session is good after token_expire_time.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    device text NOT NULL,
    peer_address text NOT NULL,
    scopes text[] NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    token_expire_time timestamptz NOT NULL,
    revoke_time timestamptz,
    refresh_key bytea NOT NULL,
    generation integer NOT NULL,
    refresh_time timestamptz NOT NULL
);
CREATE INDEX sessions_subject ON sessions (subject, id) WHERE revoke_time IS NULL;
CREATE INDEX sessions_end_time ON sessions (end_time);

-- private_key is sealed.
CREATE TABLE signing_keys (
    id text PRIMARY KEY,
    private_key bytea NOT NULL,
    create_time timestamptz NOT NULL
);

CREATE TABLE grants (
    id uuid PRIMARY KEY,
    path text NOT NULL,
    role text NOT NULL,
    subject text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (path, role, subject)
);
CREATE INDEX grants_subject ON grants (subject);
"""


def upgrade() -> None:
    """Creates everything."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """There is nothing before the first revision."""
    raise NotImplementedError("restore a backup instead")
