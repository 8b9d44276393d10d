"""Tokens that are sent by mail."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = """
-- One living token a user and purpose, kept as its hash; good for the address that it went to.
CREATE TABLE mailed_tokens (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION')),
    hash bytea NOT NULL UNIQUE,
    email_index bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX mailed_tokens_expire_time ON mailed_tokens (expire_time);
"""


def upgrade() -> None:
    """Creates them."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
