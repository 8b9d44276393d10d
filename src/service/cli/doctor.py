"""`gatehouse doctor`."""

from typing import Annotated

import typer


def doctor(
    files: Annotated[
        bool, typer.Option("--files", help="Compare what lies in the file store with its rows.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check all that the server needs: a line each.

    Settings, TLS files, ports, mail server, stores, schema, clock and encryption keys; whether or
    not the server is running. In embedded mode stores that are not running are started for as long
    as that takes. The file store is given a few bytes, which are deleted again; otherwise nothing
    is made, mailed, migrated or repaired. The exit code is 1 if anything needs attention.

    With --files every file's content is looked for, by its size and not by what is in it, and all
    else that lies in the store: some minutes for a million files. A running server is not
    disturbed. Of many problems of one kind the first 20 are shown, with --json all.

    \b
    Examples:
      gatehouse doctor
      gatehouse doctor --files
      gatehouse doctor --json
    """
    import os
    import sys
    from collections import Counter

    from service.cli.checks import examine
    from service.cli.findings import Status
    from service.cli.screen import Screen
    from service.ops.logging import configure_logging

    # Logs would say the same again, and less clearly.
    configure_logging("console", "error", sys.stderr)
    screen = Screen(as_json=as_json)
    checks = []
    problems: Counter[str] = Counter()
    for one in examine(os.environ, files=files):
        problems[one.check] += one.status is Status.PROBLEM
        if as_json:
            checks.append({"check": one.check, "status": one.status, "detail": one.detail})
        elif problems[one.check] <= _MOST_SHOWN:
            screen.finding(one.status, one.check, one.detail)
    well = not problems.total()
    if as_json:
        screen.json({"ok": well, "checks": checks})
    else:
        for check, count in problems.items():
            if count > _MOST_SHOWN:
                told = f"{count - _MOST_SHOWN:,} more like those above; --json shows them all"
                screen.finding(Status.PROBLEM, check, told)
    if not well:
        raise typer.Exit(1)


_MOST_SHOWN = 20
