"""`gatehouse doctor`."""

from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check all that the server needs: a line each.

    Settings, TLS files, ports, stores, schema, clock and encryption keys; whether or not the server
    is running. In embedded mode stores that are not running are started for as long as that takes.
    Nothing is made, migrated or repaired. The exit code is 1 if anything needs attention.

    \b
    Examples:
      gatehouse doctor
      gatehouse doctor --json
    """
    import os
    import sys

    from service.cli.checks import Status, examine
    from service.cli.screen import Screen
    from service.ops.logging import configure_logging

    # Logs would say the same again, and less clearly.
    configure_logging("console", "error", sys.stderr)
    screen = Screen(as_json=as_json)
    findings = []
    for one in examine(os.environ):
        findings.append(one)
        if not as_json:
            screen.finding(one.status, one.check, one.detail)
    well = all(one.status is not Status.PROBLEM for one in findings)
    if as_json:
        checks = [
            {"check": one.check, "status": one.status, "detail": one.detail} for one in findings
        ]
        screen.json({"ok": well, "checks": checks})
    if not well:
        raise typer.Exit(1)
