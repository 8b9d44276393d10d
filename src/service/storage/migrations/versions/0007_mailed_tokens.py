"""Tokens that are sent by mail."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = """
-- Kept as their hashes, with the jobs that made them and mail them.
CREATE TABLE mailed_tokens (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION')),
    hash bytea PRIMARY KEY,
    job bigint NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    UNIQUE (user_id, purpose, job)
);
CREATE INDEX mailed_tokens_expire_time ON mailed_tokens (expire_time);

-- A token says that its bearer reads the mail of a user who may sign in. It dies with that, whoever
-- changes the row, and does not come back when the user is let in again or the address is put back.
-- One for a forgotten password dies with that password, also when only its hash is made anew at a
-- sign-in: whoever does that remembers it.
CREATE FUNCTION mailed_tokens_die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mailed_tokens WHERE user_id = NEW.id AND (
        purpose = 'PASSWORD_RESET'
        OR NEW.email_index <> OLD.email_index
        OR NEW.state = 'SUSPENDED'
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER mailed_tokens_die AFTER UPDATE ON users FOR EACH ROW
    WHEN (
        NEW.email_index <> OLD.email_index
        OR NEW.state = 'SUSPENDED'
        OR NEW.password_hash IS DISTINCT FROM OLD.password_hash
    )
    EXECUTE FUNCTION mailed_tokens_die();
"""


def upgrade() -> None:
    """Creates them."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
