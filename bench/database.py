"""An embedded server's database, reached past the server."""

from pathlib import Path

import psycopg

from service.embedded.cluster import DATABASE, ROLE


def connect(data_dir: Path) -> "psycopg.Connection[tuple[object, ...]]":
    """A connection of one's own; the server over `data_dir` must be running."""
    runtime = Path((data_dir / "runtime").read_text())
    return psycopg.connect(
        host=str(runtime / "postgres"),
        port=5432,
        user=ROLE,
        password=(data_dir / "postgres.password").read_text().strip(),
        dbname=DATABASE,
    )
