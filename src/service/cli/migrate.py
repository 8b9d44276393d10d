"""`gatehouse migrate`."""

from typing import Annotated

import typer


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="Print both versions as JSON.")] = False,
) -> None:
    """Bring the database's schema up to date.

    That of GATEHOUSE_DATABASE_URL, else of the PostgreSQL in GATEHOUSE_DATA_DIR, which `gatehouse
    serve` migrates by itself. Only one migration runs at a time; the others wait for it.

    \b
    Examples:
      gatehouse migrate
      GATEHOUSE_CONFIG=gatehouse.toml gatehouse migrate
    """
    from service.cli.operator import read_settings, repairable_as_failed
    from service.cli.screen import Screen
    from service.serving import one_connection, stores_at_hand
    from service.storage import schema

    with (
        repairable_as_failed(),
        stores_at_hand(read_settings()) as stores,
        one_connection(stores.database_url) as engine,
    ):
        before, after = schema.migrate(engine)
    if before == after:
        told = f"The schema is at version {after}, which is the newest."
    else:
        told = f"The schema went from version {before or 'nothing'} to {after}."
    Screen(as_json=as_json).answer({"from": before, "to": after}, told)
