"""Who somebody is at an identity provider."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = """
-- identity is a blind index of the provider's issuer and its `sub`, which identify a person.
CREATE TABLE federated_identities (
    identity bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    issuer text NOT NULL,
    create_time timestamptz NOT NULL,
    UNIQUE (user_id, issuer)
);

-- A state is good once: the hashes of those that were used, until they would have expired.
CREATE TABLE used_states (
    hash bytea PRIMARY KEY,
    expire_time timestamptz NOT NULL
);
CREATE INDEX used_states_expire_time ON used_states (expire_time);
"""


def upgrade() -> None:
    """Creates them."""
    op.execute(_STATEMENTS)


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
