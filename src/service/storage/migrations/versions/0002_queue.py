"""The queue of background work: procrastinate's own schema."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates procrastinate's tables and functions, as the pinned version has them.

    A release that raises procrastinate adds a revision with that version's own migration scripts.
    """
    # Unparsed: the script has colons and percent signs of its own.
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    """Downgrades are restores."""
    raise NotImplementedError("restore a backup instead")
