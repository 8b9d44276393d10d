"""The schema's version: bringing it up to date, and refusing to serve one that is not ours."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from service.storage import locks


class SchemaMismatch(Exception):
    """The database's schema is not the one that this version of the service is made for."""


def migrate(engine: Engine) -> tuple[str, str]:
    """Brings the schema up to date; answers the versions before and after (empty before the first).

    Raises SchemaMismatch when the database is newer than this version of the service.
    """
    with engine.connect() as connection:
        # The lock is waited for as long as the other migration takes.
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SET lock_timeout = 0"))
        connection.execute(locks.MIGRATION)
        connection.commit()
        try:
            before = _current(MigrationContext.configure(connection))
            _refuse_unknown(before)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return before, _head()
        finally:
            connection.invalidate()  # which lets go of the lock, whatever state this is in


def require_current(engine: Engine) -> None:
    """Makes sure that the schema is the one we know. Raises SchemaMismatch with what to do."""
    with engine.connect() as connection:
        current = _current(MigrationContext.configure(connection))
    _refuse_unknown(current)
    if current != _head():
        raise SchemaMismatch(
            f"the database's schema is at {current or 'nothing'}, this version needs {_head()}:"
            " run `gatehouse migrate`"
        )


def _refuse_unknown(current: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current and current not in known:
        raise SchemaMismatch(
            f"the database's schema is at {current}, which this version does not know:"
            " it is newer; run a newer gatehouse"
        )


def _current(context: MigrationContext) -> str:
    return context.get_current_revision() or ""


def _head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
